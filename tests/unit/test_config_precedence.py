"""Which value wins, where it came from, and what is refused."""

from __future__ import annotations

import logging
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dbkit.config import DatabaseConfig, Secret, Settings, load_settings, resolve
from dbkit.errors import ConfigurationError, UnknownBackendError

SERVER = {"DATABASE_TYPE": "postgresql", "DATABASE_HOST": "db.example.com", "DATABASE_USER": "app"}
TOML = """
migrations = "alembic_envs/{service}"
database = "acme_{service}"
type = "postgresql"
host = "file.example.com"

[services.user]
service = "acme.user:service"
host = "user.file.example.com"
pool_size = 3

[services.project]
metadata = "acme.models:Base.metadata"
owns = ["legacy_*"]
"""


def read(
    environ: dict[str, str], service: str | None = "user", settings: Settings | None = None, **overrides: Any
) -> DatabaseConfig:
    return resolve(settings or Settings(), service, environ=environ, overrides=overrides)


@pytest.fixture
def project(tmp_path: Path) -> Settings:
    (tmp_path / "dbkit.toml").write_text(TOML)
    return load_settings(tmp_path)


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(" from the file \n\n")
    path.chmod(0o600)
    return path


def test_the_embedded_database_is_the_default() -> None:
    config = read({})
    assert (config.backend, config.sqlite_path) == ("sqlite", str(Path.cwd() / ".dbkit" / "user.db"))


LADDER = [
    ({}, {}, "user.file.example.com", "services.user.host"),
    ({"DATABASE_HOST": "global"}, {}, "global", "DATABASE_HOST"),
    ({"DATABASE_HOST": "global", "USER_DATABASE_HOST": "own"}, {}, "own", "USER_DATABASE_HOST"),
    ({"USER_DATABASE_HOST": "own"}, {"host": "argument"}, "argument", "host"),
    ({"USER_DATABASE_URL": "postgresql://own", "DATABASE_HOST": "global"}, {}, "own", "USER_DATABASE_URL"),
    ({"DATABASE_URL": "postgresql://global/x", "USER_DATABASE_HOST": "own"}, {}, "own", "USER_DATABASE_HOST"),
    ({"DATABASE_URL": "postgresql://global/x"}, {"url": "postgresql://argument"}, "argument", "url"),
    ({"DATABASE_HOST": "", "USER_DATABASE_HOST": " "}, {}, "user.file.example.com", "services.user.host"),
]


@pytest.mark.parametrize(("environ", "overrides", "host", "source"), LADDER)
def test_the_nearest_value_wins_and_remembers_where_it_came_from(
    project: Settings, environ: dict[str, str], overrides: dict[str, str], host: str, source: str
) -> None:
    config = read({**environ, "DATABASE_TYPE": "postgresql"}, settings=project, **overrides)
    assert (config.host, config.provenance["host"].name) == (host, source)


def test_a_service_without_own_values_takes_those_of_all(project: Settings) -> None:
    config = read({}, "project", project)
    assert (config.host, config.database, config.pool_size) == ("file.example.com", "acme_project", 10)


def test_the_file_gives_values_and_the_services_as_they_stand(project: Settings) -> None:
    assert project.migrations == "alembic_envs/{service}"
    assert project.database == "acme_{service}"
    assert project.services["project"] == {"metadata": "acme.models:Base.metadata", "owns": ["legacy_*"]}


def test_settings_and_configurations_travel_to_another_process(project: Settings) -> None:
    config = read({"DATABASE_PASSWORD": "correct horse"}, settings=project)
    settings, copy = pickle.loads(pickle.dumps((project, config)))
    assert (settings, copy) == (project, config)
    assert copy.password.reveal() == "correct horse"
    assert copy.provenance == config.provenance


def test_where_a_value_came_from_does_not_make_two_configurations_different() -> None:
    assert read({**SERVER}) == replace(read({**SERVER}), provenance={})
    assert hash(read({**SERVER})) == hash(replace(read({**SERVER}), provenance={}))


def test_a_url_with_a_host_settles_the_port_against_a_weaker_one() -> None:
    config = read({"USER_DATABASE_URL": "postgresql://own.example.com/x", "DATABASE_PORT": "4000"})
    assert config.port == 5432


def test_another_type_at_a_stronger_level_leaves_a_weaker_url_alone() -> None:
    config = read({"DATABASE_URL": "postgresql://u:of-another-server@db.example.com/x", "USER_DATABASE_TYPE": "sqlite"})
    assert (config.backend, config.host, config.password) == ("sqlite", None, None)


@pytest.mark.parametrize(
    ("kind", "url", "backend", "driver"),
    [
        ("tidb", "mysql+pymysql://h/x", "tidb", "pymysql"),
        ("mariadb", "mysql://h/x", "mariadb", "pymysql"),
        ("", "postgres://h/x", "postgresql", "psycopg2"),
        ("", "mysql://h/x", "mysql", "pymysql"),
        ("", "tidb://h/x", "tidb", "pymysql"),
        ("", "sqlserver://h/x", "mssql", "pyodbc"),
    ],
)
def test_type_and_scheme_together_say_which_backend(kind: str, url: str, backend: str, driver: str) -> None:
    config = read({"DATABASE_TYPE": kind, "DATABASE_URL": url})
    assert (config.backend, config.driver) == (backend, driver)


@pytest.mark.parametrize(
    ("kind", "scheme"), [("mysql", "mariadb"), ("tidb", "postgresql"), ("mysql", "tidb"), ("sqlite", "mysql")]
)
def test_a_type_that_contradicts_the_scheme_is_refused(kind: str, scheme: str) -> None:
    with pytest.raises(
        ConfigurationError, match=f"DATABASE_TYPE is {kind!r}, but the scheme of DATABASE_URL is {scheme!r}"
    ):
        read({"DATABASE_TYPE": kind, "DATABASE_URL": f"{scheme}://h/x"})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("HOST", "other"),
        ("PORT", "1"),
        ("USER", "other"),
        ("PASSWORD", "other"),
        ("NAME", "other"),
        ("SSL_CA", "/other"),
    ],
)
def test_a_field_that_contradicts_the_url_beside_it_is_refused_without_its_value(field: str, value: str) -> None:
    url = "postgresql://someone:hidden-1@db.example.com:7000/app?sslrootcert=/ca.pem"
    with pytest.raises(ConfigurationError, match=f"DATABASE_URL and DATABASE_{field} contradict each other") as caught:
        read({"DATABASE_URL": url, f"DATABASE_{field}": value})
    assert "hidden-1" not in str(caught.value)


def test_a_field_that_says_the_same_as_the_url_is_no_contradiction() -> None:
    config = read(
        {"DATABASE_URL": "postgresql://u@h:7000/app", "DATABASE_PORT": "7000", "DATABASE_PASSWORD": "pw-from-field"}
    )
    assert config.password == Secret("pw-from-field")


def test_a_secret_file_loses_one_newline_and_nothing_else(secret_file: Path) -> None:
    config = read({**SERVER, "DATABASE_PASSWORD_FILE": str(secret_file)})
    assert config.password == Secret(" from the file \n")
    assert str(config.provenance["password"]) == f"DATABASE_PASSWORD_FILE ({secret_file})"


def test_a_services_secret_file_beats_a_global_variable(secret_file: Path) -> None:
    config = read({**SERVER, "DATABASE_PASSWORD": "global", "USER_DATABASE_PASSWORD_FILE": str(secret_file)})
    assert config.provenance["password"].name == "USER_DATABASE_PASSWORD_FILE"


def test_a_variable_and_its_file_together_are_refused(secret_file: Path) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_PASSWORD and DATABASE_PASSWORD_FILE are both set"):
        read({**SERVER, "DATABASE_PASSWORD": "x", "DATABASE_PASSWORD_FILE": str(secret_file)})


def test_a_secret_file_that_everybody_can_read_is_warned_of_once(
    secret_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret_file.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            read({**SERVER, "DATABASE_PASSWORD_FILE": str(secret_file)})
    (said,) = caplog.messages
    assert said.startswith(f"DATABASE_PASSWORD_FILE names {secret_file}, which everybody on this machine can read")


def test_a_secret_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"DATABASE_PASSWORD_FILE names .* No such file"):
        read({**SERVER, "DATABASE_PASSWORD_FILE": str(tmp_path / "missing")})


WRONG = [
    ({"DATABASE_HOST": "h"}, "DATABASE_HOST is set, but not what kind of database it is"),
    ({"DATABASE_NAME": "x"}, "DATABASE_NAME is set, but not what kind of database it is"),
    ({"DBKIT_ENV": "production"}, "DBKIT_ENV is 'production', but DATABASE_TYPE is not set"),
    ({"DBKIT_ENV": "prod"}, "DBKIT_ENV is 'prod': expected 'development' or 'test' or 'production'"),
    ({**SERVER, "DATABASE_PORT": "70000"}, "DATABASE_PORT is '70000': expected a port"),
    ({**SERVER, "DATABASE_HOST": "h:4000"}, "DATABASE_HOST is 'h:4000': expected a host name"),
    ({**SERVER, "DATABASE_HOST": "u:pass-1@h"}, "DATABASE_HOST is '.*': expected a host name"),
    ({**SERVER, "DATABASE_POOL_SIZE": "0"}, "DATABASE_POOL_SIZE is '0': expected a whole number, 1 or more"),
    ({**SERVER, "DATABASE_POOL_RECYCLE": "soon"}, "expected whole seconds"),
    ({**SERVER, "DATABASE_CONNECT_TIMEOUT": "nan"}, "expected seconds, above 0"),
    ({**SERVER, "DATABASE_SSL_CA": ""}, "DATABASE_SSL_CA is empty"),
    ({**SERVER, "DATABASE_TLS": "off"}, "DATABASE_TLS is 'off': expected 'verify'"),
    ({**SERVER, "DATABASE_SSL_CA": "/a", "DATABASE_SSL_CA_PATH": "/b"}, "contradict each other"),
    ({**SERVER, "DATABASE_NAME": "a;drop"}, "'a;drop' cannot be a database's name"),
    ({**SERVER, "DATABASE_NAME": "a`b"}, "cannot be a database's name"),
    ({**SERVER, "DATABASE_NAME": "$a"}, "cannot be a database's name"),
    ({**SERVER, "DATABASE_NAME": "a" * 64}, "is too long for a database's name: 64 characters"),
]


@pytest.mark.parametrize(("environ", "message"), WRONG)
def test_bad_input_is_refused_with_the_offending_value(environ: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read(environ)


@pytest.mark.parametrize(
    ("variable", "near"),
    [
        ("DATABSE_URL", "DATABASE_URL"),
        ("DATABASE_PASWORD", "DATABASE_PASSWORD"),
        ("DATABASE_PASSWORD_FIEL", "DATABASE_PASSWORD_FILE"),
        ("USER_DATABASE_HOSTS", "USER_DATABASE_HOST"),
        ("PROJECT_DATABASE_POTR", "PROJECT_DATABASE_PORT"),
        ("DBKITENV", "DBKIT_ENV"),
    ],
)
def test_a_slip_in_a_variables_name_is_an_error_with_the_nearest_one(
    project: Settings, variable: str, near: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"unknown variable {variable!r}") as caught:
        read({variable: "do-not-show"}, settings=project)
    assert caught.value.hint == f"did you mean {near!r}?"
    assert "do-not-show" not in str(caught.value)


@pytest.mark.parametrize("variable", ["DATABASE_REPLICA_HOSTNAME", "DBKIT_TEST_CA", "SHELL", "BILLING_DATABASE_URL"])
def test_a_variable_that_is_like_none_of_ours_is_let_be(variable: str) -> None:
    assert read({variable: "x"}).backend == "sqlite"


def test_an_unknown_backend_is_told_with_the_nearest_one() -> None:
    with pytest.raises(UnknownBackendError, match="unknown backend 'postgres'") as caught:
        read({"DATABASE_TYPE": "postgres"})
    assert caught.value.hint == "did you mean 'postgresql'?"


def test_an_unknown_argument_is_told_with_the_nearest_one() -> None:
    with pytest.raises(ConfigurationError, match="unknown argument 'hots'") as caught:
        read({}, hots="x")
    assert caught.value.hint == "did you mean 'host'?"


@pytest.mark.parametrize(
    ("template", "service", "name"),
    [("app_{service}", "user", "app_user"), ("shared", "user", "shared"), ("", "user", "user"), ("", None, None)],
)
def test_a_databases_name_may_hold_the_services(template: str, service: str | None, name: str | None) -> None:
    assert read({**SERVER, "DATABASE_NAME": template}, service).database == name


def test_a_host_that_begins_with_a_slash_is_a_unix_socket() -> None:
    config = read({**SERVER, "DATABASE_HOST": "/run/postgresql"})
    assert (config.host, config.socket, config.endpoint().tls.mode) == (None, "/run/postgresql", "off")


CLOUD = {"DATABASE_TYPE": "tidb", "DATABASE_HOST": "gateway01.eu-central-1.prod.aws.tidbcloud.com"}


def test_tidb_cloud_listens_on_4000_and_has_a_public_ca() -> None:
    config = read({**CLOUD, "DATABASE_USER": "3pTAoNNegb47Uc8.root"})
    assert (config.port, config.pool_recycle_s) == (4000, 300)
    assert Path(config.endpoint().tls.ca_file or "").name == "isrgrootx1.pem"


@pytest.mark.parametrize("user", ["root", "short.root", "3pTAoNNegb47Uc8.", ""])
def test_tidb_cloud_wants_the_prefix_before_the_user(user: str) -> None:
    with pytest.raises(ConfigurationError, match="prefix"):
        read({**CLOUD, "DATABASE_USER": user})


def test_tidb_cloud_listens_on_no_other_port() -> None:
    with pytest.raises(ConfigurationError, match="is TiDB Cloud, which listens on port 4000, not 3306"):
        read({**CLOUD, "DATABASE_PORT": "3306", "DATABASE_USER": "3pTAoNNegb47Uc8.root"})


def test_tidb_cloud_dedicated_wants_its_own_ca_and_no_prefix() -> None:
    config = read({**CLOUD, "DATABASE_HOST": "tidb.abc.clusters.tidb-cloud.com", "DATABASE_USER": "root"})
    with pytest.raises(ConfigurationError, match="has a CA of its own"):
        config.endpoint()


def test_the_repr_shows_no_password() -> None:
    assert "correct horse" not in repr(read({**SERVER, "DATABASE_PASSWORD": "correct horse"}))


def test_the_redacted_form_names_the_place_and_no_password() -> None:
    config = read({**SERVER, "DATABASE_PASSWORD": "p@ss/w#rd", "DATABASE_NAME": "x"})
    assert config.redacted() == "postgresql+psycopg2://app:***@db.example.com:5432/x"
