"""What a session of the MySQL family is set to, by asking the server, with each driver."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from pymysql.connections import Connection
from pymysql.err import OperationalError

from dbkit.backends import get_backend
from dbkit.backends.mysql.session import SQL_MODE, session_settings, set_session, socket_bound
from dbkit.backends.protocol import Endpoint
from dbkit.config.connect import connect
from dbkit.errors import ConfigurationError, DbkitError
from dbkit.migrations.databases import create_missing
from tests.backends.accounts import configured
from tests.backends.asking import KINDS, Kind, asking
from tests.backends.family import ON_EACH, server_or_skip
from tests.backends.relay import relayed
from tests.servers import Server, throw_away_name

by_kind = pytest.mark.parametrize("kind", KINDS)

COLLATIONS = {
    "mariadb": ["utf8mb4_bin", "utf8mb4_nopad_bin", "utf8mb4_general_ci", "utf8mb4_unicode_520_nopad_ci"],
    "mysql": ["utf8mb4_bin", "utf8mb4_0900_bin", "utf8mb4_0900_as_cs", "utf8mb4_general_ci"],
    "tidb": ["utf8mb4_bin", "utf8mb4_0900_bin", "utf8mb4_0900_ai_ci", "utf8mb4_general_ci"],
}
OWN = {"mariadb": "utf8mb4_bin", "mysql": "utf8mb4_0900_bin", "tidb": "utf8mb4_0900_bin"}
STRICT = {
    "STRICT_TRANS_TABLES",
    "NO_ZERO_DATE",
    "NO_ZERO_IN_DATE",
    "ERROR_FOR_DIVISION_BY_ZERO",
    "ONLY_FULL_GROUP_BY",
    "NO_ENGINE_SUBSTITUTION",
}


@pytest.fixture(params=ON_EACH)
def member(request: pytest.FixtureRequest) -> Server:
    """Give each server of the family in turn; skips where there is none."""
    return server_or_skip(request.param)


def variables(server: Server, kind: Kind, *names: str, **overrides: Any) -> dict[str, str]:
    """Ask a session for its variables."""
    listed = ", ".join(f"'{name}'" for name in names)

    def read(connection: sa.Connection) -> dict[str, str]:
        found = connection.exec_driver_sql(f"SHOW SESSION VARIABLES WHERE Variable_name IN ({listed})")
        return {str(name): str(value) for name, value in found}

    with asking(configured(server, "information_schema", **overrides), kind) as asker:
        held = asker.hold()
        found: dict[str, str] = held.run(read)
        held.close()
    return found


@by_kind
def test_a_session_is_in_utc_strict_and_exact(member: Server, kind: Kind) -> None:
    found = variables(
        member,
        kind,
        *("time_zone", "character_set_client", "character_set_results", "character_set_connection"),
        *("collation_connection", "sql_mode", "autocommit", "tx_isolation" if member.backend == "mariadb" else "transaction_isolation"),
    )  # fmt: skip
    assert set(found.pop("sql_mode").split(",")) == STRICT
    assert sorted(found.values()) == sorted(
        ["+00:00", *["utf8mb4"] * 3, OWN[member.backend], "OFF", "REPEATABLE-READ"]
    )  # the isolation is the server's own: on TiDB it means snapshots


@by_kind
def test_a_collation_that_was_asked_for_is_the_sessions(member: Server, kind: Kind) -> None:
    asked = COLLATIONS[member.backend]
    names = ("collation_connection", "character_set_client")
    found = [variables(member, kind, *names, collation=collation) for collation in asked]
    assert [item["collation_connection"] for item in found] == asked
    assert {item["character_set_client"] for item in found} == {"utf8mb4"}


def test_a_database_is_created_with_the_collation_that_was_asked_for(member: Server) -> None:
    config = configured(member, throw_away_name(), collation="utf8mb4_general_ci")
    create_missing(config)
    try:
        with connect(config) as connection:
            found = connection.exec_driver_sql("SELECT @@collation_database, @@collation_connection").one()
    finally:
        member.drop_database(config.database or "")
    assert tuple(found) == ("utf8mb4_general_ci", "utf8mb4_general_ci")


@by_kind
@pytest.mark.parametrize("asked", ["utf8mb4_no_such", "latin1_bin"])
def test_a_collation_that_the_server_does_not_have_is_a_configuration_error(
    member: Server, kind: Kind, asked: str
) -> None:
    config = configured(member, "information_schema", collation=asked)
    said = f"DATABASE_COLLATION is '{asked}', which localhost refuses: "
    with asking(config, kind) as asker, pytest.raises(ConfigurationError, match=said) as caught:
        asker.hold()
    assert caught.value.hint == "SHOW COLLATION WHERE Charset = 'utf8mb4' lists what it has"


LIMITS = {"mariadb": "max_statement_time", "mysql": "max_execution_time", "tidb": "max_execution_time"}


@by_kind
def test_a_deadline_is_the_servers_too(member: Server, kind: Kind) -> None:
    limit = LIMITS[member.backend]
    found = variables(member, kind, limit, "innodb_lock_wait_timeout", deadline_s=2.75)
    assert float(found[limit]) == (2.75 if member.backend == "mariadb" else 2750)
    assert found["innodb_lock_wait_timeout"] == "2"
    found = variables(member, kind, limit, "innodb_lock_wait_timeout", deadline_s=0.25)
    assert float(found[limit]) == (0.25 if member.backend == "mariadb" else 250)
    assert found["innodb_lock_wait_timeout"] == "1"


@by_kind
def test_without_a_deadline_and_for_migrations_there_is_no_limit_and_the_wait_for_a_lock_is_the_servers(
    member: Server, kind: Kind
) -> None:
    limit = LIMITS[member.backend]
    config = configured(member, "information_schema")
    with connect(replace(config, deadline_s=3600)) as connection:
        ours = connection.exec_driver_sql("SELECT @@innodb_lock_wait_timeout, @@GLOBAL.innodb_lock_wait_timeout").one()
    assert ours[0] == ours[1]
    found = variables(member, kind, limit, "innodb_lock_wait_timeout")
    assert (float(found[limit]), int(found["innodb_lock_wait_timeout"])) == (0, ours[1])
    with asking(replace(config, deadline_s=1.0).for_migrations(), kind) as asker:
        assert float(asker.ask(f"SELECT @@SESSION.{limit}")) == 0


ENDLESS = (
    "SELECT count(*) FROM information_schema.columns a, information_schema.columns b, information_schema.columns c"
)


@by_kind
def test_a_statement_over_its_deadline_is_ended_by_the_server_and_the_connection_lives(
    member: Server, kind: Kind
) -> None:
    with asking(configured(member, "information_schema", deadline_s=0.5), kind) as asker:
        held = asker.hold()
        number = held.ask("SELECT CONNECTION_ID()")
        began = time.monotonic()
        with pytest.raises(sa.exc.OperationalError) as caught:
            held.ask(ENDLESS)
        took = time.monotonic() - began
        assert caught.value.orig is not None
        assert caught.value.orig.args[0] == (1969 if member.backend == "mariadb" else 3024)
        assert not caught.value.connection_invalidated
        assert 0.4 < took < 1.4
        assert held.ask("SELECT CONNECTION_ID()") == number
        held.close()


@by_kind
def test_a_wait_for_a_lock_ends_with_the_deadline(member: Server, kind: Kind) -> None:
    with member.database() as name, asking(configured(member, name, deadline_s=1.0), kind) as asker:
        first, second = asker.hold(), asker.hold()
        first.ask("CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL)")
        first.ask("INSERT INTO t VALUES (1, 1)")
        first.ask("COMMIT")
        first.ask("UPDATE t SET v = 2")
        began = time.monotonic()
        with pytest.raises(sa.exc.OperationalError) as caught:
            second.ask("UPDATE t SET v = 3")
        took = time.monotonic() - began
        assert caught.value.orig is not None
        # MariaDB's limit counts for waits too, and either of its two may come first
        assert caught.value.orig.args[0] in ({1205, 1969} if member.backend == "mariadb" else {1205})
        assert not caught.value.connection_invalidated
        assert 0.9 < took < 1.9
        first.close()
        second.close()


@by_kind
def test_a_server_that_falls_silent_is_given_up_after_the_deadline(member: Server, kind: Kind) -> None:
    with relayed(member.url.port) as relay:
        config = configured(member, "information_schema", port=relay.port, deadline_s=0.5)
        with asking(config, kind, pool_pre_ping=False) as asker:
            held = asker.hold()
            assert held.ask("SELECT 1") == 1
            relay.fall_silent()
            began = time.monotonic()
            with pytest.raises(sa.exc.OperationalError) as caught:
                held.ask("SELECT 1")
            # the deadline counts as one second at least, with half a second for the server's word, and one for the goodbye
            assert 1.4 < time.monotonic() - began < 2.9
            assert caught.value.connection_invalidated
            held.close()


@by_kind
def test_a_server_that_falls_silent_in_the_handshake_is_given_up_in_time(member: Server, kind: Kind) -> None:
    with relayed(member.url.port) as relay:
        relay.fall_silent()
        config = configured(member, "information_schema", port=relay.port, connect_timeout_s=1)
        with asking(config, kind) as asker:
            began = time.monotonic()
            with pytest.raises((sa.exc.OperationalError, DbkitError)):
                asker.hold()
            assert 0.9 < time.monotonic() - began < 2


def test_options_of_the_url_go_before_the_deadline() -> None:
    endpoint = Endpoint(driver="pymysql", deadline_s=5.0, query={"read_timeout": "30"})
    assert [socket_bound(endpoint, name) for name in ("read_timeout", "write_timeout")] == [30, 5.5]
    assert socket_bound(replace(endpoint, deadline_s=0.1), "write_timeout") == 1.5
    assert socket_bound(replace(endpoint, deadline_s=None), "write_timeout") is None


class Picky:
    """A connection to a server that refuses some settings, as managed ones do."""

    def __init__(self, *refused: str, code: int = 1227) -> None:
        self.refused = refused
        self.code = code
        self.taken: list[str] = []

    def cursor(self) -> Any:
        return SimpleNamespace(execute=self.execute, close=lambda: None)

    def execute(self, statement: str) -> None:
        if any(word in statement for word in self.refused):
            raise OperationalError(self.code, "Access denied; you need SUPER")
        self.taken.append(statement)


def test_what_a_managed_server_refuses_is_told_and_the_rest_is_set(caplog: pytest.LogCaptureFixture) -> None:
    endpoint = Endpoint(driver="pymysql", host="gateway", deadline_s=2)
    picky = Picky("sql_mode", "max_execution_time")
    settings = session_settings(endpoint, "utf8mb4_bin", "max_execution_time = 2000")
    with caplog.at_level(logging.WARNING):
        set_session(picky, endpoint, settings)  # type: ignore[arg-type] # it has what is used
        # the next connection meets the same
        set_session(Picky("sql_mode", "max_execution_time"), endpoint, settings)  # type: ignore[arg-type] # likewise
    assert picky.taken == [
        "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
        "SET time_zone = '+00:00'",
        "SET innodb_lock_wait_timeout = LEAST(@@GLOBAL.innodb_lock_wait_timeout, 2)",
    ]
    assert [record.getMessage() for record in caplog.records] == [
        f"gateway refuses SET sql_mode = '{SQL_MODE}'; the session keeps its own",
        "gateway refuses SET max_execution_time = 2000; the session keeps its own",
    ]


@pytest.mark.parametrize("code", [2013, 9001], ids=["lost", "no storage"])
def test_a_connection_that_ends_while_it_is_set_up_is_no_refused_setting(code: int) -> None:
    endpoint = Endpoint(driver="pymysql", host="gateway")
    picky = Picky("SET", code=code)
    with pytest.raises(OperationalError) as caught:
        set_session(picky, endpoint, session_settings(endpoint, "utf8mb4_bin", ""))  # type: ignore[arg-type] # likewise
    assert caught.value.args[0] == code


AUTOCOMMIT = "SELECT @@autocommit"


def test_setting_a_session_up_takes_no_round_trip_more_than_the_driver_and_sqlalchemy_take(
    member: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    execute: Any = Connection._execute_command  # type: ignore[attr-defined] # the stub does not have it

    def note(self: object, command: int, sql: str | bytes) -> None:
        sent.append(sql if isinstance(sql, str) else sql.decode())
        execute(self, command, sql)

    monkeypatch.setattr(Connection, "_execute_command", note)
    config = configured(member, "information_schema")
    plain = sa.create_engine(config.url(), connect_args=config.connect_args())
    counts = []
    for engine in (plain, config.create_engine()):
        engine.connect().close()
        engine.dispose()
        sent.clear()
        engine.connect().close()
        counts.append(len(sent))
        engine.dispose()
    assert counts[1] <= counts[0]


@pytest.mark.parametrize(
    ("options", "autocommit"),
    [
        ({}, 0),
        ({"isolation_level": "READ COMMITTED"}, 0),
        ({"isolation_level": "AUTOCOMMIT"}, 1),
        ({"connect_args": {"autocommit": True}}, 1),
    ],
)
@by_kind
def test_autocommit_is_off_unless_it_is_asked_for(
    member: Server, kind: Kind, options: dict[str, Any], autocommit: int
) -> None:
    with asking(configured(member, "information_schema"), kind, **options) as asker:
        assert asker.ask(AUTOCOMMIT) == autocommit


@by_kind
def test_autocommit_is_off_too_where_the_server_refuses_another_setting(
    member: Server, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(member, "information_schema", deadline_s=5.0)
    for driver in ("pymysql", "asyncmy"):
        connector = type(get_backend(member.backend).connector(driver))
        monkeypatch.setattr(connector, "deadline", lambda *_: "no_such_variable = 1")
    with asking(config, kind) as asker:
        assert asker.ask(AUTOCOMMIT) == 0
