"""The migration lock on TiDB: GET_LOCK and, because that is lost without a word after `max-txn-ttl`, a lease row beside it.

Seen on 8.5.3: GET_LOCK is a row lock in a hidden transaction; after its time another session gets it while RELEASE_LOCK of the
first still says 1. And a DDL goes on in the cluster when its client is dead. So the lease is written and checked on the migration's
own connection before every statement, and it is dead when its connection has gone and no DDL job of the database is unfinished.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from dbkit.backends.mysql.locks import MysqlLocker, lock_name, release
from dbkit.backends.polling import locked
from dbkit.backends.protocol import Lock, Locker
from dbkit.errors import LeaseLostError

# "pessimistic lock retry limit reached": several waiters on one GET_LOCK (tidb#26716); it means "not obtained".
RETRY_LIMIT = 1105
STATEMENT_LIMIT = 4000

TABLE = """CREATE TABLE IF NOT EXISTS dbkit_lease (
    name VARCHAR(64) NOT NULL PRIMARY KEY, run_id CHAR(32) NULL, host VARCHAR(255) NOT NULL, pid BIGINT NOT NULL,
    connection_id BIGINT UNSIGNED NOT NULL, statement TEXT NULL, beat BIGINT NOT NULL, taken_at DATETIME(6) NOT NULL)"""
READ = sa.text("SELECT run_id, host, pid, connection_id FROM dbkit_lease WHERE name = 'migrate' FOR UPDATE")
TAKE = sa.text(
    "INSERT INTO dbkit_lease VALUES ('migrate', :run, :host, :pid, connection_id(), NULL, 0, utc_timestamp(6))"
    " ON DUPLICATE KEY UPDATE run_id = VALUES(run_id), host = VALUES(host), pid = VALUES(pid),"
    " connection_id = VALUES(connection_id), statement = NULL, beat = 0, taken_at = VALUES(taken_at)"
)
GIVE = sa.text("UPDATE dbkit_lease SET run_id = NULL, statement = NULL WHERE name = 'migrate' AND run_id = :run")
BEAT = "UPDATE dbkit_lease SET statement = %s, beat = beat + 1 WHERE name = 'migrate' AND run_id = %s"
# The list of the whole cluster is empty on a server without PD (seen on unistore), and not on every tier: both are asked.
PROCESS_LISTS = ("processlist", "cluster_processlist")
JOBS = sa.text(
    "SELECT count(*) FROM information_schema.ddl_jobs"
    " WHERE db_name = :name AND state NOT IN ('synced', 'cancelled', 'rollback done')"
)


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The lease of one run."""

    connection: sa.Connection
    run: str

    def before_statement(self, statement: str) -> None:
        """Note the statement in the lease row, which must still be ours."""
        raw = self.connection.connection.dbapi_connection
        assert raw is not None  # noqa: S101 - an open SQLAlchemy connection has one
        cursor = raw.cursor()
        try:
            # Below SQLAlchemy, because its statements are what calls this. Found rows are counted, not changed ones.
            found = cursor.execute(BEAT, (statement[:STATEMENT_LIMIT], self.run))
        finally:
            cursor.close()
        if not found:
            raise LeaseLostError(
                f"the lease of database {self.connection.engine.url.database!r} has been taken over by another run",
                hint="dbkit status shows what is applied; run dbkit migrate again when the other run has ended",
            )


@dataclass(frozen=True, kw_only=True)
class TidbLocker(MysqlLocker):
    """Takes the named lock, then the lease."""

    @contextmanager
    def lock(self, connection: sa.Connection, *, patience_s: float, on_wait: Callable[[], None]) -> Iterator[Lock]:
        """Take the lock of the connection's database."""
        database = str(connection.engine.url.database)
        name, run = lock_name(database), uuid.uuid4().hex
        take = lambda: self.attempt(connection, name) and _take(connection, name, run)  # noqa: E731 - one attempt
        if not self.poll.until(take, patience_s=patience_s, on_wait=on_wait):
            raise locked(database, self.holder(connection, name), patience_s)
        try:
            yield Lease(connection=connection, run=run)
        finally:
            _give(connection, run)
            release(connection, name)

    def attempt(self, connection: sa.Connection, name: str) -> bool:
        """Try once; TiDB takes a time-out of 0 for one second."""
        try:
            return super().attempt(connection, name)
        except sa.exc.DBAPIError as error:
            if error.orig is None or error.orig.args[:1] != (RETRY_LIMIT,):
                raise
            connection.rollback()
            return False

    def holder(self, connection: sa.Connection, name: str) -> str | None:
        """Name the run in the lease row: IS_USED_LOCK tells others nothing on TiDB."""
        del name
        if not sa.inspect(connection).has_table("dbkit_lease"):
            return None
        row = connection.execute(sa.text("SELECT host, pid FROM dbkit_lease WHERE run_id IS NOT NULL")).first()
        connection.rollback()
        return f"process {row.pid} on {row.host}" if row else None


def _take(connection: sa.Connection, name: str, run: str) -> bool:
    """Take the lease if nobody alive has it; give the named lock back otherwise."""
    connection.execute(sa.text(TABLE))
    row = connection.execute(READ).first()
    if row is not None and row.run_id is not None and not _dead(connection, row.connection_id):
        connection.rollback()
        release(connection, name)
        return False
    connection.execute(TAKE, {"run": run, "host": socket.gethostname(), "pid": os.getpid()})
    connection.commit()
    return True


def _dead(connection: sa.Connection, number: int) -> bool:
    """Whether a lease's connection has gone and nothing that it began is still being done."""
    if any(_listed(connection, name, number) for name in PROCESS_LISTS):
        return False
    return not connection.scalar(JOBS, {"name": connection.engine.url.database})


def _listed(connection: sa.Connection, name: str, number: int) -> bool:
    query = sa.select(sa.func.count()).select_from(sa.table(name, schema="information_schema"))
    try:
        return bool(connection.scalar(query.where(sa.column("id") == number)))
    except sa.exc.DBAPIError:
        return False


def _give(connection: sa.Connection, run: str) -> None:
    if connection.closed or connection.invalidated:
        return
    try:
        connection.rollback()
        connection.execute(GIVE, {"run": run})
        connection.commit()
    except sa.exc.DBAPIError:
        connection.invalidate()


LOCKER: Locker = TidbLocker()
