"""A DATABASE_URL taken apart: any password, no surprise, nothing shown."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from dbkit.config import DatabaseConfig, Settings, redact, resolve
from dbkit.config.tls import VENDORED
from dbkit.errors import ConfigurationError

HOSTILE = [
    "@",
    "/",
    "#",
    "%",
    ":",
    ";",
    "}",
    "{",
    " ",
    "ü",
    "日本",
    "?",
    "&",
    "+",
    "'",
    '"',
    "`",
    "\\",
    "$",
    "=",
    "%40",
    "a@b:c/d?e#f%g",
    "***",
]


@pytest.fixture(autouse=True)
def _own_registry() -> Iterator[None]:
    """Keep the random passwords of this module from being hidden in the texts of others."""
    with pytest.MonkeyPatch.context() as patch:
        module = sys.modules["dbkit.config.redact"]  # the package has a function of this name
        patch.setattr(module, "_registry", module._Registry())
        yield


def read(url: str, **environ: str) -> DatabaseConfig:
    return resolve(Settings(), "user", environ={"DATABASE_URL": url, **environ})


def revealed(config: DatabaseConfig) -> str:
    assert config.password is not None
    return config.password.reveal()


@pytest.mark.parametrize("password", HOSTILE)
def test_a_password_of_any_characters_is_read_from_a_url(password: str) -> None:
    assert revealed(read(f"postgresql://app:{quote(password, safe='')}@db.example.com/x")) == password


@settings(max_examples=40)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_a_password_goes_into_a_url_and_comes_out_unchanged(password: str) -> None:
    # one CA: the system's bundle takes forty times as long to read
    config = read(f"postgresql://app:{quote(password, safe='')}@db.example.com/x?sslrootcert={VENDORED}")
    assert revealed(config) == password
    assert sa.make_url(config.get_connection_url()).password == password
    assert revealed(read(config.get_connection_url().split("?")[0])) == password


@given(st.text())
def test_no_text_makes_the_reading_fail_otherwise_than_by_its_own_error(text: str) -> None:
    with suppress(ConfigurationError):
        read(f"postgresql://{text}")


UNESCAPED = ["p@ss", "p/w", "p?w", "p#w", "p%w", "p@ss/w#rd", "100%", "a%zz", "a@b@c", "a:b/c", "x%ff"]


@pytest.mark.parametrize("password", UNESCAPED)
def test_a_password_that_is_not_percent_encoded_is_refused_and_not_shown(password: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(f"mysql://app:Zq7{password}Zq8@db.example.com:4000/x")
    said = f"{caught.value} {caught.value.hint}"
    assert "Zq7" not in said
    assert "Zq8" not in said
    assert "db.example.com" not in said


@pytest.mark.parametrize(
    ("password", "form"), [("a%40secret-1", "a%40secret-1"), ("a%40secret-1", "a@secret-1"), ("x%ff-s-1", "x%ff-s-1")]
)
def test_a_password_in_a_url_that_is_refused_is_hidden_from_then_on(password: str, form: str) -> None:
    with pytest.raises(ConfigurationError):
        read(f"postgresql://app:{password}@h:99999/x")
    assert redact(f"<{form}>") == "<***>"


REFUSED = [
    ("not a url", "it does not parse"),
    ("postgresql:/h/x", "it does not parse"),
    ("postgersql://h/x", "unknown scheme 'postgersql'"),
    ("postgresql://h:99999/x", "its port does not parse"),
    ("postgresql://h:1:2/x", "its host and port do not parse"),
    ("postgresql://h1,h2/x", "its host does not parse"),
    ("postgresql://h/a/b", "holds a slash"),
    ("postgresql://h/x?sslmode=require", "sslmode='require' does not verify TLS"),
    ("postgresql://h/x?sslmode=verify-ca", "does not verify TLS"),
    ("postgresql://h/x?gssencmode=require", "gssencmode='require' does not verify TLS"),
    ("postgresql://h/x?channel_binding=disable", "channel_binding='disable' does not verify TLS"),
    ("postgresql://h/x?requirepeer=root", "requirepeer='root' does not verify TLS"),
    ("mysql://h/x?ssl=true", "ssl='true' does not verify TLS"),
    ("mysql://h/x?ssl_mode=REQUIRED", "does not verify TLS"),
    ("mysql://h/x?ssl_ca=", "'ssl_ca' is empty"),
    (
        "mysql://h/x?ssl_verify_cert=false",
        "DATABASE_SSL_VERIFY_CERT is false, which DATABASE_TLS=verify does not allow",
    ),
    ("mysql://h/x?ssl_verify_identity=no", "DATABASE_SSL_VERIFY_IDENTITY is false"),
    ("mysql://h/x?ssl_check_hostname=false", "does not verify TLS"),
    ("mysql://h/x?ssl_disabled=1", "does not verify TLS"),
    ("mysql://h/x?ssl_ca=/ca.pem?charset=utf8mb4", "a second '?'"),
    ("mysql://h/x?a=1&a=2", "stands in it twice"),
    ("mysql://h/x?password=secret-1", "'password' is refused"),
    ("mysql://h/x?charset=latin1", "charset='latin1' is refused"),
    ("mysql://h/x?read_default_file=/x", "'read_default_file' is refused"),
    ("mssql://h/x?TrustServerCertificate=yes", "does not verify TLS"),
    ("mssql://h/x?Encrypt=no", "does not verify TLS"),
    ("mssql://?odbc_connect=PWD%3Dsecret-1", "'odbc_connect' is refused"),
    ("mysql+aiomysql://h/x", "driver 'aiomysql' is refused: it does not verify"),
    ("postgresql://h/x?client_encoding=latin1", "client_encoding='latin1' is refused"),
    ("postgresql+pg8000://h/x", "driver 'pg8000' is not supported for PostgreSQL"),
    ("sqlite://host/x", "a file has no host"),
    ("sqlite:///file:x?mode=ro", "a file: URI is refused"),
    ("postgresql://h/x?host=/run/pg", "names another host"),
    ("postgresql:///x?host=db.example.com", "names another host"),
]


@pytest.mark.parametrize(("url", "message"), REFUSED)
def test_what_a_url_must_not_say_is_refused(url: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(url)
    assert message in str(caught.value)
    assert "secret-1" not in str(caught.value)


@pytest.mark.parametrize(
    "option",
    [
        *("user", "username", "uid", "password", "passwd", "pwd", "passfile", "sslpassword", "ssl_key_password"),
        *("port", "hostaddr", "db", "dbname", "database", "service", "servicefile", "dsn", "odbc_connect", "uri"),
        *("read_default_file", "read_default_group", "init_command", "options", "HostAddr"),
    ],
)
def test_an_option_that_moves_a_connection_or_reads_another_file_is_refused(option: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^DATABASE_URL is refused: the option '{option}' is refused$"):
        read(f"postgresql://u@h/x?{option}=1")


@pytest.mark.parametrize(
    "option",
    [
        "sslmode=verify-full",
        "ssl_mode=VERIFY_IDENTITY",
        "sslaccept=strict",
        "ssl_check_hostname=true",
        "Encrypt=yes",
        "charset=utf8mb4",
    ],
)
def test_words_for_full_verification_are_accepted_and_not_handed_on(option: str) -> None:
    config = read(f"mysql://h/x?{option}")
    assert (config.tls, config.query) == ("verify", {})


def test_the_usual_unsafe_form_is_explained_and_rewritten(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        config = read(
            "mysql+pymysql://u@h/x?ssl_ca=/etc/ssl/certs/ca-certificates.crt&ssl_verify_cert=true&ssl_verify_identity=true"
        )
    assert "verify nothing with PyMySQL" in caplog.text
    assert dict(config.url().query) == {
        "charset": "utf8mb4",
        "connect_timeout": "10",
        "ssl_ca": "/etc/ssl/certs/ca-certificates.crt",
        "ssl_check_hostname": "true",
    }


@pytest.mark.parametrize(
    ("url", "socket"),
    [
        ("postgresql:///x?host=/run/pg", "/run/pg"),
        ("postgresql://%2Frun%2Fpg/x", "/run/pg"),
        ("mysql://u@localhost/x?unix_socket=/run/mysqld.sock", "/run/mysqld.sock"),
    ],
)
def test_a_unix_socket_is_read_from_a_url(url: str, socket: str) -> None:
    config = read(url)
    assert (config.host, config.socket) == (None, socket)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:////abs/x.db", "/abs/x.db"),
        ("sqlite://", ":memory:"),
        ("sqlite:////a%20b/{service}.db", "/a b/user.db"),
    ],
)
def test_a_file_is_read_from_a_url(url: str, path: str) -> None:
    assert read(url).sqlite_path == path


def test_an_ipv6_host_is_read_from_a_url() -> None:
    config = read("postgresql://u@[2001:db8::1]:7000/x")
    assert (config.host, config.port, config.address) == ("2001:db8::1", 7000, "[2001:db8::1]:7000")


def test_a_url_for_all_services_may_hold_the_services_name() -> None:
    assert read("postgresql://u@h/app_%7Bservice%7D").database == "app_user"


def test_other_options_are_handed_to_the_driver() -> None:
    assert read("postgresql://u@h/x?keepalives_idle=30&connect_timeout=3").query == {"keepalives_idle": "30"}


@pytest.mark.parametrize("backend", ["mysql", "mariadb", "tidb"])
def test_a_url_that_cannot_carry_the_password_names_what_can(backend: str) -> None:
    config = read(f"{backend}://u:p%C3%BC-not-ascii@h/x")
    with pytest.raises(ConfigurationError) as caught:
        config.url()
    assert "create_engine()" in str(caught.value.hint)
    assert "not-ascii" not in str(caught.value)


def test_a_password_without_a_user_is_no_urls_and_says_so() -> None:
    environ = {"DATABASE_TYPE": "postgresql", "DATABASE_HOST": "db.example.com", "DATABASE_PASSWORD": "p"}
    config = resolve(Settings(), "user", environ=environ)
    with pytest.raises(ConfigurationError, match=r"^a URL cannot carry a password without a user$") as caught:
        config.get_connection_url()
    assert caught.value.hint == "set DATABASE_USER"
