"""DDL that TiDB refuses with "try again later" in place of the reason, because somebody else changes a schema meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymysql
import pytest
import sqlalchemy as sa

from dbkit.backends.tidb import sending
from dbkit.backends.tidb.sending import PAUSES_S, send_until_told
from dbkit.config import DatabaseConfig
from dbkit.config.connect import connect
from tests.servers import Server, find_server, how_to_start

pytestmark = pytest.mark.tidb
TABLE = "CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT, UNIQUE KEY k (a, b))"
REFUSED = "ALTER TABLE t DROP COLUMN b"  # 8200: an index of several columns covers it
TIMES = 10_000
ENOUGH = 3  # refusals without a reason, each of which was sent again


@pytest.fixture(scope="module")
def server() -> Server:
    """Give the TiDB server."""
    found = find_server("tidb")
    if found is None:
        pytest.skip(how_to_start("tidb"))
    return found


@pytest.fixture
def connection(server: Server) -> Iterator[sa.Connection]:
    """Give a connection to a database with a table, outside of any transaction."""
    with server.database() as name:
        config = DatabaseConfig.from_env("user", environ=server.environ(name))
        with connect(config, migrating=True) as found:
            found.exec_driver_sql(TABLE)
            found.commit()
            yield found


class Sender:
    """Sends a statement, and is refused the first few times without a reason."""

    def __init__(self, connection: sa.Connection, statement: str, *, refusals: int = 0, code: int = 8028) -> None:
        self.raw: Any = connection.connection.dbapi_connection
        self.statement, self.refusals, self.code = statement, refusals, code
        self.proved = self.sent = 0
        self.slept: list[float] = []

    def prove(self) -> None:
        self.proved += 1

    def __call__(self) -> None:
        self.sent += 1
        if self.sent <= self.refusals:
            raise pymysql.err.OperationalError(self.code, "Information schema is changed. [try again later]")
        with self.raw.cursor() as cursor:
            cursor.execute(self.statement)

    def run(self, connection: sa.Connection) -> None:
        send_until_told(connection, self.prove, self, sleep=self.slept.append)


def columns(connection: sa.Connection) -> list[str]:
    found = [column["name"] for column in sa.inspect(connection).get_columns("t")]
    connection.rollback()
    return found


def test_a_statement_is_sent_again_and_the_lock_proved_each_time(connection: sa.Connection) -> None:
    sender = Sender(connection, "ALTER TABLE t ADD COLUMN c INT", refusals=3)
    sender.run(connection)
    assert (sender.sent, sender.proved, sender.slept) == (4, 4, list(PAUSES_S[:3]))
    assert columns(connection) == ["id", "a", "b", "c"]


def test_a_server_that_never_says_why_is_believed_in_the_end(connection: sa.Connection) -> None:
    sender = Sender(connection, REFUSED, refusals=100)
    with pytest.raises(pymysql.err.OperationalError, match="try again later"):
        sender.run(connection)
    assert (sender.sent, sender.slept) == (len(PAUSES_S) + 1, list(PAUSES_S))


def test_any_other_error_is_the_answer(connection: sa.Connection) -> None:
    sender = Sender(connection, REFUSED, refusals=100, code=1213)
    with pytest.raises(pymysql.err.OperationalError):
        sender.run(connection)
    assert sender.sent == 1


def test_in_a_transaction_nothing_is_sent_again_since_what_came_before_may_be_lost(connection: sa.Connection) -> None:
    connection.exec_driver_sql("INSERT INTO t VALUES (1, 1, 1)")
    sender = Sender(connection, REFUSED, refusals=1)
    with pytest.raises(pymysql.err.OperationalError, match="try again later"):
        sender.run(connection)
    assert sender.sent == 1


def test_nothing_is_sent_again_while_a_ddl_of_the_database_is_unfinished(
    connection: sa.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sending, "JOBS", sa.text("SELECT count(*) FROM information_schema.schemata WHERE schema_name = :name")
    )
    sender = Sender(connection, REFUSED, refusals=1)
    with pytest.raises(pymysql.err.OperationalError, match="try again later"):
        sender.run(connection)
    assert sender.sent == 1


@contextmanager
def changes(server: Server) -> Iterator[None]:
    """Have somebody else change the schema of another database all the time."""
    stop = threading.Event()

    def change() -> None:
        with server.database() as name, server.engine(name).connect() as other:
            while not stop.is_set():
                other.exec_driver_sql("CREATE TABLE noise (id INT)")
                other.exec_driver_sql("DROP TABLE noise")

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_while_others_change_schemas_a_refusal_has_its_own_reason(connection: sa.Connection, server: Server) -> None:
    seen, hidden = set(), 0
    with changes(server):
        for _ in range(TIMES):
            sender = Sender(connection, REFUSED)
            with pytest.raises(pymysql.Error) as caught:
                sender.run(connection)
            seen.add(caught.value.args[0])
            hidden += sender.sent - 1
            if hidden >= ENOUGH:
                break
    assert (seen, hidden >= ENOUGH) == ({8200}, True)
