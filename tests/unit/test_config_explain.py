"""What is told of a configuration: sources, what was overridden and why, what the driver is given; and never a secret."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dbkit.backends import backend_names, get_backend
from dbkit.config import SETTINGS, Settings, load_settings, resolve
from dbkit.config.emission import emission
from dbkit.config.explain import Explained, Explanation, explain
from dbkit.errors import ConfigurationError

SERVER = {"DATABASE_TYPE": "postgresql", "DATABASE_HOST": "db.example.com", "DATABASE_USER": "app"}
TOML = """
database = "acme_{service}"
host = "file.example.com"
[services.user]
service = "acme.user:service"
host = "user.file.example.com"
"""


@pytest.fixture(scope="module", autouse=True)
def ca(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Have the system trust one CA: a bundle of all takes a hundred times as long to load."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(path))
        yield str(path)


@pytest.fixture
def project(tmp_path: Path) -> Settings:
    (tmp_path / "dbkit.toml").write_text(TOML)
    (tmp_path / ".env").write_text("USER_DATABASE_HOST=dotenv.example.com\nDATABASE_PORT=1\nDATABASE_USER=hidden\n")
    return load_settings(tmp_path)


def told(environ: dict[str, str], settings: Settings | None = None, **arguments: Any) -> Explanation:
    return explain(settings or Settings(), "user", environ=environ, overrides=arguments)


def of(found: Explanation, field: str) -> Explained:
    return next(value for value in found.values if value.field == field)


def lost(value: Explained) -> list[tuple[object, str, str]]:
    return [(item.value, item.source.name, item.why) for item in value.overrode]


def test_every_key_is_told_and_one_more_for_the_second_kind_of_driver() -> None:
    fields = [value.field for value in told({}).values]
    assert fields == [
        *(
            name
            for setting in SETTINGS
            for name in (setting.field, *(["async_driver"] if setting.field == "driver" else []))
        )
    ]


def test_a_value_is_told_with_all_that_it_overrode_and_why(project: Settings) -> None:
    environ = {"DATABASE_TYPE": "postgresql", "DATABASE_HOST": "global.example.com"}
    host = of(told(environ, project), "host")
    assert (host.value, host.source.name, host.source.line) == ("dotenv.example.com", "USER_DATABASE_HOST", 1)
    assert lost(host) == [
        ("global.example.com", "DATABASE_HOST", "the service's own comes first"),
        ("user.file.example.com", "services.user.host", "a variable comes before the file"),
        ("file.example.com", "host", "a variable comes before the file"),
    ]
    argument = of(told(environ, project, host="argument.example.com"), "host")
    assert argument.source.kind == "argument"
    assert {item.why for item in argument.overrode} == {"an argument comes first"}


OVERRODE = [
    (
        "user",
        {"DATABASE_USER": "app"},
        ("hidden", "DATABASE_USER", "the environment sets it too, and comes before .env"),
    ),
    ("user", {"DATABASE_USER": ""}, ("", "DATABASE_USER", "empty is as good as not set")),
    (
        "port",
        {"USER_DATABASE_URL": "postgresql://own.example.com/x"},
        (1, "DATABASE_PORT", "USER_DATABASE_URL names another host, on its usual port"),
    ),
    (
        "password",
        {"USER_DATABASE_PASSWORD_PROVIDER": "acme.secrets:token", "DATABASE_PASSWORD": "correct horse"},
        ("***", "DATABASE_PASSWORD", "USER_DATABASE_PASSWORD_PROVIDER takes its place"),
    ),
    (
        "url",
        {"USER_DATABASE_TYPE": "postgresql", "DATABASE_URL": "mysql://u:correct-horse@h/x"},
        ("***", "DATABASE_URL", "USER_DATABASE_TYPE asks for postgresql, and this URL is for mysql"),
    ),
    (
        "driver",
        {"USER_DATABASE_TYPE": "postgresql", "DATABASE_DRIVER": "pymysql"},
        ("pymysql", "DATABASE_DRIVER", "it is no driver of PostgreSQL"),
    ),
    (
        "async_driver",
        {"USER_DATABASE_DRIVER": "psycopg", "DATABASE_DRIVER": "asyncpg"},
        ("asyncpg", "DATABASE_DRIVER", "USER_DATABASE_DRIVER comes first"),
    ),
]


@pytest.mark.parametrize(("field", "environ", "claim"), OVERRODE, ids=[row[0] for row in OVERRODE])
def test_why_a_value_does_not_count_is_told(
    project: Settings, field: str, environ: dict[str, str], claim: tuple[object, str, str]
) -> None:
    found = told({"DATABASE_TYPE": "postgresql", **environ}, project)
    value, name, why = claim
    assert (value or None, name, why) in lost(of(found, field)), found.errors


def test_a_template_is_told_with_what_it_came_to(project: Settings) -> None:
    name = of(told({"DATABASE_TYPE": "postgresql"}, project), "database")
    assert (name.value, name.detail, name.source.name) == ("acme_user", "from 'acme_{service}'", "database")


UNUSED = [
    ("sqlite", "DATABASE_HOST", "h", "SQLite is a file"),
    ("sqlite", "DATABASE_PASSWORD", "correct horse", "SQLite is a file"),
    ("mysql", "DATABASE_SCHEMA", "app", "MySQL has nothing of this kind"),
    ("tidb", "DATABASE_MSSQL_ENCRYPT", "strict", "TiDB has nothing of this kind"),
    ("postgresql", "DATABASE_SQLITE_PATH", "x.db", "PostgreSQL is a server"),
    ("postgresql", "DATABASE_SSL_CA", "system", "a Unix socket needs no TLS"),
]


@pytest.mark.parametrize(("backend", "key", "text", "why"), UNUSED)
def test_what_a_backend_has_no_use_for_is_told(backend: str, key: str, text: str, why: str) -> None:
    environ = {"DATABASE_TYPE": backend, "DATABASE_HOST": "/run/socket", "DATABASE_USER": "app", key: text}
    value = next(value for value in told(environ).values if value.key == key)
    assert (value.unused, value.value) == (why, "***" if value.secret else text)


def test_what_a_backend_has_a_use_for_is_not_told_as_unused() -> None:
    found = told({**SERVER, "DATABASE_SCHEMA": "app", "DATABASE_COLLATION": "C"})
    assert {value.field for value in found.values if value.unused} == {"sqlite_path", "mssql_encrypt"}


def test_unknown_variables_are_listed_but_for_options_and_tests() -> None:
    environ = {
        "DATABASE_REPLICA_NAMES": "x",
        "BILLING_DATABASE_URL": "x",
        "BILLING_DATABASE_NICKNAME": "of an application that is none of ours",
        "USER_DATABASE_NICKNAME": "x",
        "DBKIT_MIGRATE_JOBS": "2",
        "DBKIT_TEST_CA": "x",
    }
    found = explain(Settings(), "user", environ=environ, options={"DBKIT_MIGRATE_JOBS"})
    assert found.unknown == ("BILLING_DATABASE_URL", "DATABASE_REPLICA_NAMES", "USER_DATABASE_NICKNAME")


def test_what_cannot_be_read_is_told_beside_the_rest(project: Settings) -> None:
    environ = {"DATABASE_TYPE": "postgresql", "DATABASE_PORT": "abc", "DATABASE_POOL_SIZE": "0", "DATABSE_USER": "x"}
    found = told(environ, project)
    assert found.exit_code == 2
    assert [error.message for error in found.errors] == [
        "unknown variable 'DATABSE_USER'",
        "DATABASE_PORT is 'abc': expected a port, 1 to 65535",
        "DATABASE_POOL_SIZE is '0': expected a whole number, 1 or more and at most 100000",
    ]
    assert of(found, "host").value == "dotenv.example.com"
    assert ("abc", "DATABASE_PORT", "it is refused") in lost(of(found, "port"))


def test_the_first_error_is_the_one_that_a_service_fails_with(project: Settings) -> None:
    environ = {"DATABASE_TYPE": "postgresql", "DATABASE_POOL_SIZE": "0", "USER_DATABASE_PORT": "abc"}
    with pytest.raises(ConfigurationError) as caught:
        resolve(project, "user", environ=environ)
    assert caught.value.message == told(environ, project).errors[0].message


def test_a_ca_that_cannot_be_used_is_told_beside_all_values(tmp_path: Path) -> None:
    found = told({**SERVER, "DATABASE_SSL_CA": str(tmp_path)})
    assert [error.message for error in found.errors] == [
        f"DATABASE_SSL_CA is {str(tmp_path)!r}, which cannot be read: Is a directory"
    ]
    assert (of(found, "pool_size").value, found.protection) == (10, None)


CAS = [
    ({**SERVER, "DATABASE_SSL_CA": "CA"}, "as configured"),
    ({**SERVER, "DATABASE_SSL_CA": "PEM"}, "the text of DATABASE_SSL_CA, kept as a file"),
    (
        {
            "DATABASE_TYPE": "tidb",
            "DATABASE_HOST": "gateway01.eu-central-1.prod.aws.tidbcloud.com",
            "DATABASE_USER": "3pTAoNNegb47Uc8.root",
        },
        "ISRG Root X1, TiDB Cloud's public CA, which comes with dbkit",
    ),
]


@pytest.mark.parametrize(("environ", "how"), CAS)
def test_the_ca_is_told_as_a_file_and_with_how_it_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], how: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    pem = trustme.CA().cert_pem.bytes().decode()
    (tmp_path / "ca.pem").write_text(pem)
    given_as = {"CA": str(tmp_path / "ca.pem"), "PEM": pem}
    found = told({name: given_as.get(text, text) for name, text in environ.items()})
    assert found.protection is not None
    assert (found.protection.mode, found.protection.ca_found) == ("verify", how)
    assert Path(found.protection.ca_file or "").is_file()


def test_the_bundle_of_the_system_is_told_with_how_it_was_found(ca: str) -> None:
    found = told(SERVER).protection
    assert found is not None
    assert (found.ca_file, found.ca_found) == (ca, "SSL_CERT_FILE")


EVERY_DRIVER = [
    (name, driver.name, kind)
    for name in backend_names()
    for driver in get_backend(name).traits.drivers
    for kind in sorted(driver.kinds)
]
# What of its TLS each driver is really given.
GIVEN = {
    "pysqlite": "timeout=",
    "aiosqlite": "timeout=",
    "psycopg2": "sslmode=verify-full",
    "psycopg": "sslmode=verify-full",
    "asyncpg": "ssl=SSLContext: certificate checked, host name checked, TLSv1.2 or later",
    "pymysql": "ssl=SSLContext: certificate checked, host name checked, TLSv1.2 or later",
    "asyncmy": "ssl=SSLContext: certificate checked, host name checked, TLSv1.2 or later",
    "pyodbc": "TrustServerCertificate=no",
}


@pytest.mark.parametrize(("backend", "driver", "kind"), EVERY_DRIVER)
def test_what_each_driver_is_given_is_told_without_the_password(backend: str, driver: str, kind: Any) -> None:
    password = secrets.token_hex(8)
    place = (
        {}
        if get_backend(backend).traits.file_based
        else {"host": "db.example.com", "user": "app", "password": password}
    )
    field = "driver" if kind == "sync" else "async_driver"
    config = resolve(Settings(), "user", environ={}, overrides={"backend": backend, field: driver, **place})
    found = emission(config, kind)
    assert found is not None
    if driver == "pyodbc" and found.error is not None:
        # its binary needs libraries that some machines do not have
        pytest.skip(f"{found.error.message}; {found.error.hint}")
    assert found.error is None
    words = [f"{name}={value}" for values in (found.options, found.arguments) for name, value in values.items()]
    assert any(word.startswith(GIVEN[driver]) for word in words), words
    assert (found.driver, found.pool["pool_size"]) == (driver, "10")
    assert password not in repr(found)


SESSIONS = [
    ("sqlite", "PRAGMA foreign_keys=ON"),
    ("postgresql", "TimeZone"),
    ("mariadb", "utf8mb4_bin"),
    ("tidb", "STRICT"),
]


@pytest.mark.parametrize(("backend", "part"), SESSIONS)
def test_the_statements_that_set_a_session_are_told(backend: str, part: str) -> None:
    place = {} if backend == "sqlite" else {"host": "db.example.com", "user": "app"}
    found = emission(resolve(Settings(), "user", environ={}, overrides={"backend": backend, **place}), "sync")
    assert found is not None
    assert any(part in statement for statement in found.session)


SECRETS = [setting.key for setting in SETTINGS if setting.secret]


@hypothesis_settings(max_examples=30)
@given(
    keys=st.sets(st.sampled_from([f"{prefix}{key}" for prefix in ("", "USER_") for key in SECRETS])),
    wrong=st.booleans(),
)
def test_no_secret_is_ever_told(keys: set[str], wrong: bool) -> None:
    planted = secrets.token_hex(8)
    environ = {key: f"postgresql://app:{planted}@h/x" if "URL" in key else planted for key in keys}
    bad = {"DATABASE_PORT": "abc"} if wrong else {}
    found = told({"DATABASE_TYPE": "postgresql", "DATABASE_MIGRATION_USER": "owner", **environ, **bad})
    assert planted not in json.dumps(found.to_json()) + repr(found)


def test_a_private_key_given_as_text_is_told_as_such() -> None:
    pem = "-----BEGIN PRIVATE KEY-----\nMIGkAgEBBDB\n-----END PRIVATE KEY-----"
    found = told({**SERVER, "DATABASE_SSL_KEY": pem})
    assert of(found, "ssl_key").value == "PEM text"
    assert "MIGkAgEBBDB" not in json.dumps(found.to_json()) + repr(found)


def test_an_option_whose_name_says_that_it_is_a_secret_is_hidden() -> None:
    found = told({"DATABASE_URL": "postgresql://app@h/x?access_token=abcdef&keepalives=1"})
    told_options = {value.key: value.value for value in found.values if value.field == "query"}
    assert told_options == {"DATABASE_URL (access_token)": "***", "DATABASE_URL (keepalives)": "1"}


def test_a_url_is_told_with_what_it_sets_and_never_shown() -> None:
    environ = {
        "USER_DATABASE_URL": "postgresql://own.example.com/x",
        "DATABASE_URL": "postgresql+psycopg://app:correct-horse@global.example.com/y",
    }
    found = told(environ)
    url = of(found, "url")
    assert (url.value, url.source.name) == ("***", "USER_DATABASE_URL")
    assert url.detail == "sets DATABASE_TYPE, DATABASE_HOST, DATABASE_NAME"
    assert lost(url) == [
        ("***", "DATABASE_URL", "USER_DATABASE_URL comes first; what that leaves open is taken from here")
    ]
    assert [of(found, name).source.name for name in ("user", "password", "driver")] == ["DATABASE_URL"] * 3
    assert "correct-horse" not in json.dumps(found.to_json())


@pytest.mark.parametrize("url", ["postgresql://app:hidden/word@h/x", "nonsense-hidden", "mysql://h/x?sslmode=hidden"])
def test_a_url_that_is_refused_is_told_as_such_and_never_shown(url: str) -> None:
    found = told({"DATABASE_URL": url, "DATABASE_USER": "app"})
    assert lost(of(found, "url")) == [("***", "DATABASE_URL", "it is refused")]
    assert (found.exit_code, of(found, "user").value) == (2, "app")
    assert "nonsense-hidden" not in json.dumps(found.to_json())


def test_a_driver_that_is_refused_is_told_beside_the_error() -> None:
    found = told({"DATABASE_TYPE": "tidb", "DATABASE_HOST": "h", "DATABASE_DRIVER": "aiomysql"})
    assert found.errors[0].message.startswith("DATABASE_DRIVER: driver 'aiomysql' is refused")
    assert lost(of(found, "driver")) == [("aiomysql", "DATABASE_DRIVER", "no driver could be chosen")]
