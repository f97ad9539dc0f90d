"""The ODBC connection string: what SQLAlchemy makes of our URL, and pyodbc of our password, says exactly what was meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects.mssql.pyodbc import MSDialect_pyodbc

from dbkit.backends import get_backend
from dbkit.backends.bundles import system_bundle
from dbkit.backends.endpoint import Endpoint, TlsPlan
from dbkit.backends.protocol import Fault
from dbkit.config import DatabaseConfig
from dbkit.config.secrets import Secret
from dbkit.errors import ConfigurationError

DRIVER = "ODBC Driver 18 for SQL Server"
CONNECTOR = get_backend("mssql").connector()
ERRORS = get_backend("mssql").errors


def verified(*, strict: bool = False) -> TlsPlan:
    return TlsPlan(mode="verify", ca_file=system_bundle(), strict=strict)


ENDPOINT = Endpoint(
    driver="pyodbc",
    host="db.example.com",
    port=1433,
    user="app",
    password="p;a}s{s =\"'%ü",
    database="shop",
    tls=verified(),
    application_name="dbkit:user",
    query={"driver": DRIVER},
)


def connection_string(url: sa.URL) -> str:
    """Give what SQLAlchemy hands to pyodbc."""
    args, kw = MSDialect_pyodbc().create_connect_args(url)  # type: ignore[no-untyped-call]  # SQLAlchemy's is
    assert kw == {}
    return str(args[0])


def given_to_odbc(endpoint: Endpoint) -> str:
    """Give what an engine's connection is made with: pyodbc puts keyword arguments behind the string, as they are."""
    password = CONNECTOR.password(endpoint.password or "")
    return f"{connection_string(CONNECTOR.url(replace(endpoint, password=None)))};pwd={password!s};"


def parsed(text: str) -> dict[str, str]:
    """Read a connection string as Microsoft's page says that it is read; the first of two equal keywords counts.

    https://learn.microsoft.com/sql/odbc/reference/syntax/sqldriverconnect-function#comments
    """
    found: dict[str, str] = {}
    for key, value in _attributes(text):
        found.setdefault(key.strip().lower(), value)
    return found


def _attributes(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(text):
        if text[place] == ";":
            place += 1
            continue
        equals = text.index("=", place)
        key, place = text[place:equals], equals + 1
        if text[place : place + 1] == "{":
            value, place = _braced(text, place + 1)
        else:
            end = text.find(";", place)
            end = len(text) if end < 0 else end
            value, place = text[place:end], end
        yield key, value


def _braced(text: str, place: int) -> tuple[str, int]:
    value = ""
    while True:
        end = text.index("}", place)
        value += text[place:end]
        if text[end + 1 : end + 2] != "}":
            assert text[end + 1 : end + 2] in {";", ""}, "something stands behind the brace"
            return value, end + 1
        value, place = value + "}", end + 2


def test_the_connection_string_of_a_url_is_the_one_that_was_reviewed() -> None:
    assert connection_string(CONNECTOR.url(ENDPOINT)) == (
        "DRIVER={ODBC Driver 18 for SQL Server};Server=db.example.com,1433;Database=shop;UID=app;"
        "PWD={p;a}}s{s =\"'%ü};APP=dbkit:user;ConnectRetryCount=0;Encrypt=yes;TrustServerCertificate=no"
    )


def test_the_connection_string_of_an_engine_is_the_one_that_was_reviewed() -> None:
    assert given_to_odbc(replace(ENDPOINT, tls=verified(strict=True))) == (
        "DRIVER={ODBC Driver 18 for SQL Server};Server=db.example.com,1433;Database=shop;UID=app;"
        "APP=dbkit:user;ConnectRetryCount=0;Encrypt=strict;TrustServerCertificate=no;pwd={p;a}}s{s =\"'%ü};"
    )


# whatever ODBC, URLs and shells give a meaning to, and what is longer than one unit of UTF-16
HOSTILE = st.text(st.sampled_from(";={}[]()',\"\\%+@:/?#&!* \tabÜ日🎉"), min_size=1, max_size=24) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=24
)


@settings(max_examples=150)
@given(user=HOSTILE, password=HOSTILE, database=HOSTILE)
@example(user="u;PWD=x", password="};Encrypt=no;X={", database="{d}")
@example(user="{", password="}", database="}}")
@example(user="a}b", password="TrustServerCertificate=yes", database=";")
def test_every_value_arrives_as_it_was_and_none_leaves_its_place(user: str, password: str, database: str) -> None:
    endpoint = replace(ENDPOINT, user=user, password=password, database=database)
    expected = {
        "driver": DRIVER,
        "server": "db.example.com,1433",
        "database": database,
        "uid": user,
        "pwd": password,
        "app": "dbkit:user",
        "connectretrycount": "0",
        "encrypt": "yes",
        "trustservercertificate": "no",
    }
    assert parsed(given_to_odbc(endpoint)) == expected
    assert parsed(connection_string(CONNECTOR.url(endpoint))) == expected


def named(value: str) -> DatabaseConfig:
    password = Secret(value)
    return DatabaseConfig(
        backend="mssql", host="db.example.com", user=value, database=value, password=password, query={"driver": DRIVER}
    )


@pytest.mark.parametrize("value", ["a%41+b", "ü;{}", " a/b#c ", "a@b:c&d=e"])
def test_the_text_of_a_url_says_the_same_as_the_url(value: str) -> None:
    found = parsed(connection_string(sa.make_url(named(value).get_connection_url())))
    assert (found["uid"], found["pwd"], found["database"]) == (value,) * 3


def test_a_database_that_the_text_of_a_url_cannot_carry_is_refused() -> None:
    there = named("a?b")
    if sa.make_url(sa.URL.create("x", database="a?b").render_as_string()).database == "a?b":
        assert sa.make_url(there.get_connection_url()).database == "a?b"  # since SQLAlchemy 2.1
        return
    with pytest.raises(ConfigurationError, match="cannot carry the database 'a\\?b' under this SQLAlchemy") as caught:
        there.get_connection_url()
    assert caught.value.hint == "use DatabaseConfig.url() or create_engine()"


@pytest.mark.parametrize("host", ["a;Encrypt=no", "a,1", "host\\SQLEXPRESS", "{a}", "a b", "tcp:a=b", "a}", ""])
def test_a_host_that_would_be_read_as_more_than_a_host_is_refused(host: str) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_HOST"):
        CONNECTOR.url(replace(ENDPOINT, host=host))


@pytest.mark.parametrize("host", ["db.example.com", "localhost", "10.0.0.1", "::1", "fe80::1%eth0", "bücher.example"])
def test_a_host_is_named_as_it_is(host: str) -> None:
    assert parsed(connection_string(CONNECTOR.url(replace(ENDPOINT, host=host))))["server"] == f"{host},1433"


@pytest.mark.parametrize("field", ["user", "database", "password"])
def test_a_zero_character_at_which_the_driver_would_end_a_value_is_refused(field: str) -> None:
    changes: dict[str, Any] = {field: "a\0b"}
    with pytest.raises(ConfigurationError, match="zero character"):
        CONNECTOR.url(replace(ENDPOINT, **changes))
    with pytest.raises(ConfigurationError, match="zero character"):
        CONNECTOR.password("a\0b")


@pytest.mark.parametrize(
    "option",
    ["Encrypt", "trustservercertificate", "PWD", "uid", "dsn", "odbc_connect", "Server", "a;b", "x=y", "{a}", ""],
)
def test_an_option_that_would_say_what_dbkit_says_is_refused(option: str) -> None:
    with pytest.raises(ConfigurationError, match="is refused"):
        CONNECTOR.url(replace(ENDPOINT, query={option: "x"}))


def test_an_option_of_the_drivers_is_passed_and_comes_before_dbkits_own() -> None:
    asked = {"app": "shop", "connectretrycount": "3", "MultiSubnetFailover": "yes", "DRIVER": DRIVER}
    found = parsed(connection_string(CONNECTOR.url(replace(ENDPOINT, query=asked))))
    assert (found["app"], found["connectretrycount"], found["multisubnetfailover"]) == ("shop", "3", "yes")
    assert found["trustservercertificate"] == "no"


@pytest.mark.parametrize(
    ("tls", "words"),
    [
        (verified(), {"encrypt": "yes", "trustservercertificate": "no"}),
        (verified(strict=True), {"encrypt": "strict", "trustservercertificate": "no"}),
        (TlsPlan(mode="encrypt"), {"encrypt": "yes", "trustservercertificate": "yes"}),
        (TlsPlan(mode="off"), {"encrypt": "optional"}),
    ],
)
def test_each_mode_of_tls_is_said_in_the_drivers_words(tls: TlsPlan, words: dict[str, str]) -> None:
    found = parsed(connection_string(CONNECTOR.url(replace(ENDPOINT, tls=tls))))
    assert {key: value for key, value in found.items() if "cert" in key or key == "encrypt"} == words


@pytest.mark.parametrize(
    ("tls", "message", "hint"),
    [
        (TlsPlan(mode="verify", ca_file="/own/ca.pem"), "takes no CA file: '/own/ca.pem'", "SSL_CERT_FILE"),
        (TlsPlan(mode="ca", ca_file="/own/ca.pem"), "without its name", "DATABASE_SSL_VERIFY_IDENTITY"),
        (TlsPlan(mode="off", strict=True), "'strict', and DATABASE_TLS asks for clear text", "leave one of them out"),
        (TlsPlan(mode="encrypt", strict=True), "'strict', which always verifies", "leave one of them out"),
        (replace(verified(), cert_file="/c.pem", key_file="/c.key"), "no client certificate", "DATABASE_SSL_CERT"),
    ],
)
def test_what_the_driver_cannot_do_is_refused_with_the_key(tls: TlsPlan, message: str, hint: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        CONNECTOR.url(replace(ENDPOINT, tls=tls))
    assert hint in str(caught.value.hint)


def test_the_file_in_ssl_cert_file_is_the_systems_store_also_by_a_relative_path(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", "ca.pem")
    tls = TlsPlan(mode="verify", ca_file=str(tmp_path / "ca.pem"))
    assert CONNECTOR.url(replace(ENDPOINT, tls=tls)).query["TrustServerCertificate"] == "no"


@pytest.mark.parametrize(("seconds", "whole"), [(0.2, 1), (1.4, 1), (10.0, 10)])
def test_the_log_in_is_bounded_in_whole_seconds(seconds: float, whole: int) -> None:
    assert CONNECTOR.connect_args(replace(ENDPOINT, connect_timeout_s=seconds)) == {"timeout": whole}


# As pyodbc 5.5 and driver 18.6 word them, against a stub of the protocol.
_MS = "[Microsoft][ODBC Driver 18 for SQL Server]"
SAID = [
    ("HYT00", f"[HYT00] {_MS}Login timeout expired (0) (SQLDriverConnect)", Fault.UNREACHABLE, "Login timeout expired"),
    ("HYT00", f"[HYT00] {_MS}Query timeout expired (0) (SQLExecDirectW)", Fault.OTHER, "Query timeout expired"),
    (
        "08001",
        (
            f"[08001] {_MS}SSL Provider: [error:0A000086:SSL routines::certificate verify failed:subject name does not match host name] (-1)"
            " (SQLDriverConnect)"
        ),
        Fault.TLS_REFUSED,
        "SSL Provider: [error:0A000086:SSL routines::certificate verify failed:subject name does not match host name]",
    ),
    (
        "08001",
        f"[08001] {_MS}Encryption not supported on SQL Server. (20) (SQLDriverConnect)",
        Fault.TLS_REFUSED,
        "Encryption not supported on SQL Server. (20)",
    ),
    (
        "08001",
        f"[08001] {_MS}TCP Provider: Error code 0x68 (104) (SQLDriverConnect)",
        Fault.UNREACHABLE,
        "TCP Provider: Error code 0x68 (104)",
    ),
    (
        "08S01",
        f"[08S01] {_MS}TCP Provider: Error code 0x2746 (10054) (SQLExecDirectW)",
        Fault.CONNECTION_LOST,
        "TCP Provider: Error code 0x2746 (10054)",
    ),
    (
        "28000",
        f"[28000] {_MS}[SQL Server]Login failed for user 'u'. (18456) (SQLDriverConnect)",
        Fault.LOGIN_REFUSED,
        "Login failed for user 'u'. (18456)",
    ),
    (
        "42000",
        f"[42000] {_MS}[SQL Server]Login failed for user 'u'. Reason: The account is disabled. (18470) (SQLDriverConnect)",
        Fault.LOGIN_REFUSED,
        "Login failed for user 'u'. Reason: The account is disabled. (18470)",
    ),
    (
        "08004",
        f"[08004] {_MS}[SQL Server]The maximum number of 5 user connections has already been reached. (17809) (SQLDriverConnect)",
        Fault.TURNED_AWAY,
        "The maximum number of 5 user connections has already been reached. (17809)",
    ),
    # there, and wants nobody from here
    (
        "42000",
        f"[42000] {_MS}[SQL Server]Cannot open server 's' requested by the login. Client is not allowed. (40615) (SQLDriverConnect)",
        Fault.TURNED_AWAY,
        "Cannot open server 's' requested by the login. Client is not allowed. (40615)",
    ),
    (
        "42S02",
        f"[42S02] {_MS}[SQL Server]Invalid object name 'x (4060) y'. (208) (SQLExecDirectW)",
        Fault.NO_TABLE,
        "Invalid object name 'x (4060) y'. (208)",
    ),
    (
        "42000",
        f"[42000] {_MS}[SQL Server]Lock request time out period exceeded. (1222) (SQLExecDirectW)",
        Fault.LOCK_TIMEOUT,
        "Lock request time out period exceeded. (1222)",
    ),
    # a server says both where a database is not there, and pyodbc shows all that the driver gives
    (
        "28000",
        (
            f"[28000] {_MS}[SQL Server]Login failed for user 'u'. (18456) (SQLDriverConnect); [28000] {_MS}[SQL Server]Cannot open"
            ' database "d" requested by the login. The login failed. (4060)'
        ),
        Fault.NO_DATABASE,
        "Login failed for user 'u'. (18456); Cannot open database \"d\" requested by the login. The login failed. (4060)",
    ),
    (
        "01000",
        "[01000] [unixODBC][Driver Manager]Can't open lib '/x/libmsodbcsql-18.6.so.2.1' : file not found (0) (SQLDriverConnect)",
        Fault.OTHER,
        "Can't open lib '/x/libmsodbcsql-18.6.so.2.1' : file not found",
    ),
]


@pytest.mark.parametrize(("state", "text", "fault", "message"), SAID)
def test_what_the_driver_says_is_understood_and_worded_in_a_line(
    state: str, text: str, fault: Fault, message: str
) -> None:
    error = Exception(state, text)
    assert (ERRORS.fault(error), ERRORS.message(error)) == (fault, message)
