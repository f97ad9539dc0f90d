"""Connecting to the real servers: any password, the session as promised, and a typed error for whatever is wrong."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from dbkit.backends import get_backend
from dbkit.config.connect import connect
from dbkit.errors import BackendMismatchError, ConfigurationError, DatabaseMissingError, UnreachableError
from tests.backends.accounts import Account, configured, one, throw_away_account
from tests.driving import servers_by_every_driver
from tests.servers import Server, need_server

HOSTILE = [
    "p@ss",
    "a/b",
    "a#b",
    "a%b%%40",
    "a:b",
    "a;b",
    "a}b{",
    " two  words ",
    "pü",
    "日本語",
    "a?b&c=d",
    "a+b",
    "it's",
    'say "x"',
    "back\\slash",
    "`$x",
]
PASSWORD = "Start-1-" + os.urandom(6).hex()


@pytest.fixture(scope="module")
def account(server: Server) -> Iterator[Account]:
    with throw_away_account(server, PASSWORD) as made, server.database() as name:
        made.grant(name)
        yield made


@pytest.mark.driven
@servers_by_every_driver
@pytest.mark.parametrize("password", HOSTILE)
def test_a_password_of_any_characters_logs_in(server: Server, account: Account, password: str) -> None:
    account.set_password(password)
    config = configured(server, user=account.user, password=password, database=_own_database(server))
    with server.product(config, poolclass=NullPool).connect() as connection:
        assert one(connection, "SELECT 1") == 1


@pytest.mark.parametrize("password", HOSTILE)
def test_a_bare_url_logs_in_or_says_that_it_cannot(server: Server, account: Account, password: str) -> None:
    account.set_password(password)
    config = configured(server, user=account.user, password=password, database=_own_database(server))
    if not password.isascii() and get_backend(server.backend).traits.passwords_in_url == "ascii":
        with pytest.raises(ConfigurationError, match="cannot carry this password"):
            config.url()
        return
    with sa.create_engine(config.get_connection_url(), poolclass=NullPool).connect() as connection:
        assert one(connection, "SELECT 1") == 1


def _own_database(server: Server) -> str:
    """Name a database that every account may enter."""
    return {"postgresql": "postgres", "mssql": "tempdb"}.get(server.backend, "information_schema")


SESSION: dict[str, dict[str, Any]] = {
    "postgresql": {
        "SHOW TimeZone": "UTC",
        "SHOW client_encoding": "UTF8",
        "SHOW application_name": "dbkit:user",
    },
    "mariadb": {
        "SELECT @@session.time_zone": "+00:00",
        "SELECT @@collation_connection": "utf8mb4_bin",
        "SELECT @@character_set_client": "utf8mb4",
    },
    "mssql": {
        "SELECT APP_NAME()": "dbkit:user",
        "SELECT @@LANGUAGE": "us_english",
        "SELECT date_format FROM sys.dm_exec_sessions WHERE session_id = @@SPID": "ymd",
        "SELECT CAST(SESSIONPROPERTY('QUOTED_IDENTIFIER') AS int)": 1,
        "SELECT @@OPTIONS & 16384": 16384,  # XACT_ABORT
    },
    "tidb": {
        "SELECT @@session.time_zone": "+00:00",
        "SELECT @@collation_connection": "utf8mb4_0900_bin",
        "SELECT @@character_set_client": "utf8mb4",
    },
}
SESSION["mysql"] = SESSION["tidb"]
STRICT = {
    "STRICT_TRANS_TABLES",
    "NO_ZERO_DATE",
    "NO_ZERO_IN_DATE",
    "ERROR_FOR_DIVISION_BY_ZERO",
    "ONLY_FULL_GROUP_BY",
    "NO_ENGINE_SUBSTITUTION",
}


def test_the_session_is_what_was_promised_also_after_a_rollback(server: Server) -> None:
    expected = SESSION.get(server.backend, {})
    engine = configured(server).create_engine(pool_size=1, max_overflow=0)
    with engine.connect() as connection:
        connection.rollback()
    with engine.connect() as connection:
        assert {query: one(connection, query) for query in expected} == expected
        assert (
            get_backend(server.backend).traits.scheme in {"postgresql", "mssql"}
            or set(one(connection, "SELECT @@sql_mode").split(",")) == STRICT
        )
    engine.dispose()


def test_a_long_statement_outlives_the_connect_timeout(server: Server) -> None:
    sleep = {"postgresql": "SELECT pg_sleep(2.2)", "mssql": "WAITFOR DELAY '0:0:2'"}.get(
        server.backend, "SELECT SLEEP(2.2)"
    )
    with connect(configured(server, connect_timeout_s=1)) as connection:
        connection.exec_driver_sql(sleep)


def test_a_server_that_accepts_and_says_nothing_is_given_up_in_time(server: Server) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    with pytest.raises(UnreachableError):
        connect(configured(server, port=silent.getsockname()[1], connect_timeout_s=1))
    silent.close()


SOCKETS = {"postgresql": "SHOW unix_socket_directories", "mssql": "SELECT ''"}


@pytest.mark.parametrize("bare", [False, True], ids=["engine", "bare url"])
def test_a_unix_socket_needs_no_tls(server: Server, bare: bool) -> None:
    with connect(configured(server)) as connection:
        path = one(connection, SOCKETS.get(server.backend, "SELECT @@socket"))
    file = Path(path, f".s.PGSQL.{server.url.port}") if server.backend == "postgresql" else Path(path)
    if not path or not file.is_socket() or not os.access(file, os.W_OK):
        pytest.skip(f"no socket of this server is in reach here: {path!r}")
    config = configured(server, host=path, port=server.url.port)
    assert (config.host, config.socket) == (None, path)
    engine = sa.create_engine(config.url()) if bare else config.create_engine()
    with engine.connect() as connection:
        assert one(connection, "SELECT 1") == 1
    engine.dispose()


def test_the_engines_url_holds_no_password_and_the_engine_connects_again_and_again(server: Server) -> None:
    config = configured(server)
    engine = config.create_engine(pool_size=2)
    assert engine.url.password is None
    for _ in range(3):
        with engine.connect() as connection:
            assert one(connection, "SELECT 1") == 1
        engine.dispose()


def test_the_server_tells_what_it_is(server: Server) -> None:
    with connect(configured(server)) as connection:
        driver = connection.connection.dbapi_connection
        assert driver is not None
        facts = get_backend(server.backend).connector().facts(driver)
    assert facts.flavour == server.backend
    assert ".".join(map(str, facts.version)) in server.version()


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"port": 1}, UnreachableError, "cannot reach .* at localhost:1: "),
    ({"host": "no-such-host.invalid"}, UnreachableError, "cannot reach .* at no-such-host.invalid:"),
    ({"password": "wrong-password"}, UnreachableError, "refuses the log-in of '{user}'"),
    ({"user": "nobody-here"}, UnreachableError, "refuses the log-in of 'nobody-here'"),
    ({"database": "dbkt_config_missing"}, DatabaseMissingError, "has no database 'dbkt_config_missing'"),
]


@pytest.mark.parametrize(("changes", "kind", "message"), WRONG, ids=["port", "host", "password", "user", "database"])
def test_what_is_wrong_is_told_in_one_line_with_a_hint(
    server: Server, changes: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message.format(user=server.url.username)) as caught:
        connect(configured(server, **changes))
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    assert getattr(caught.value, "hint", None)


def test_an_account_without_the_right_to_a_database_is_told_so(server: Server) -> None:
    with throw_away_account(server, PASSWORD) as account, server.database() as name:
        if server.backend == "postgresql":
            server.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
        with pytest.raises(UnreachableError, match=f"'{account.user}' may not use database '{name}'"):
            connect(configured(server, name, user=account.user, password=PASSWORD))


def test_a_closed_connection_leaves_nothing_open(server: Server) -> None:
    connection = connect(configured(server))
    driver: Any = connection.connection.dbapi_connection
    connection.close()
    assert getattr(driver, "closed", 0) or not getattr(driver, "open", True)


MISMATCHES = [("mysql", "tidb"), ("mysql", "mariadb"), ("mariadb", "tidb"), ("tidb", "mariadb")]


@pytest.mark.parametrize(
    ("said", "found"), [pytest.param(*pair, marks=getattr(pytest.mark, pair[1])) for pair in MISMATCHES]
)
def test_a_server_of_another_kind_than_configured_is_refused(said: str, found: str) -> None:
    try:
        server = need_server(found)
    except LookupError as error:
        pytest.skip(str(error))
    with pytest.raises(
        BackendMismatchError, match=f"DATABASE_TYPE is '{said}', but the server at localhost:.* is '{found}'"
    ) as caught:
        connect(replace(configured(server), backend=said))
    assert caught.value.hint == f"set DATABASE_TYPE={found}"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_of_a_fork_makes_its_own_connections_and_leaves_the_parents_alone(server: Server) -> None:
    query = {"postgresql": "SELECT pg_backend_pid()", "mssql": "SELECT @@SPID"}.get(
        server.backend, "SELECT CONNECTION_ID()"
    )
    engine = configured(server).create_engine(pool_size=1, max_overflow=0)
    with engine.connect() as connection:
        before = one(connection, query)
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with engine.connect() as connection:
                os.write(writable, str(one(connection, query)).encode())
            engine.dispose()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writable)
    of_the_child = os.read(readable, 100).decode()
    os.close(readable)
    with engine.connect() as connection:
        assert one(connection, query) == before
    assert of_the_child.isdecimal()
    assert of_the_child != str(before)
    engine.dispose()
