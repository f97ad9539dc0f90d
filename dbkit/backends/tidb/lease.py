"""The lease row beside TiDB's lock: who has it, whether they live, and how it is taken and given back."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from dbkit.backends.names import quote
from dbkit.backends.tidb.living import dead
from dbkit.backends.tidb.sending import send_until_told
from dbkit.errors import LeaseLostError

# The row is locked by a run that is at work: https://docs.pingcap.com/tidb/stable/error-codes
LOCK_WAIT_TIMEOUT = 1205
STATEMENT_LIMIT = 4000

TABLE = """CREATE TABLE IF NOT EXISTS dbkit_lease (
    name VARCHAR(64) NOT NULL PRIMARY KEY, run_id CHAR(32) NULL, account VARCHAR(255) NOT NULL, host VARCHAR(255) NOT NULL,
    pid BIGINT NOT NULL, connection_id BIGINT UNSIGNED NOT NULL, statement TEXT NULL, beat BIGINT NOT NULL,
    taken_at DATETIME(6) NOT NULL)"""
READ = sa.text("SELECT run_id, account, connection_id FROM dbkit_lease WHERE name = 'migrate' FOR UPDATE")
TAKE = sa.text(
    "INSERT INTO dbkit_lease (name, run_id, account, host, pid, connection_id, statement, beat, taken_at)"
    " VALUES ('migrate', :run, current_user(), :host, :pid, connection_id(), NULL, 0, utc_timestamp(6))"
    " ON DUPLICATE KEY UPDATE run_id = VALUES(run_id), account = VALUES(account), host = VALUES(host), pid = VALUES(pid),"
    " connection_id = VALUES(connection_id), statement = NULL, beat = 0, taken_at = VALUES(taken_at)"
)
GIVE = sa.text("UPDATE dbkit_lease SET run_id = NULL, statement = NULL WHERE name = 'migrate' AND run_id = :run")
# With the database's name, because a revision may USE another one.
BEAT = "UPDATE {lease} SET statement = %s, beat = beat + 1 WHERE name = 'migrate' AND run_id = %s"


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The lease of one run."""

    connection: sa.Connection
    run: str

    @property
    def table(self) -> str:
        """The lease's table, with the database's name."""
        return f"{quote(str(self.connection.engine.url.database), '`', '`')}.dbkit_lease"

    def carry_out(self, statement: str, send: Callable[[], object]) -> None:
        """Send a statement, again where the server does not say why it refuses it; the lease is proved each time."""
        send_until_told(self.connection, lambda: self.before_statement(statement), send)

    def before_statement(self, statement: str) -> None:
        """Note the statement in the lease row, which must still be ours."""
        raw = self.connection.connection.dbapi_connection
        assert raw is not None  # noqa: S101 - an open SQLAlchemy connection has one
        cursor = raw.cursor()
        try:
            # Below SQLAlchemy, because its statements are what calls this. Found rows are counted, not changed ones.
            beat = BEAT.replace("{lease}", self.table.replace("%", "%%"))
            found = cursor.execute(beat, (statement[:STATEMENT_LIMIT], self.run))
        finally:
            cursor.close()
        if not found:
            raise LeaseLostError(
                f"the lease of database {self.connection.engine.url.database!r} has been taken over by another run",
                hint="dbkit status shows what is applied; run dbkit migrate again when the other run has ended",
            )


def code_of(error: sa.exc.DBAPIError) -> object:
    """Read TiDB's error code."""
    return error.orig.args[0] if error.orig is not None and error.orig.args else None


def take_lease(connection: sa.Connection, run: str) -> bool:
    """Take the lease if nobody alive has it."""
    try:
        connection.execute(sa.text(TABLE))
        row = connection.execute(READ).first()
        free = row is None or row.run_id is None or dead(connection, row.connection_id, row.account)
    except sa.exc.DBAPIError as error:
        if code_of(error) != LOCK_WAIT_TIMEOUT:
            raise
        free = False
    if not free:
        connection.rollback()
        return False
    connection.execute(TAKE, {"run": run, "host": socket.gethostname(), "pid": os.getpid()})
    connection.commit()
    return True


def give_lease(connection: sa.Connection, run: str) -> None:
    """Give the lease back; a broken session leaves it to be found dead."""
    if connection.closed or connection.invalidated:
        return
    try:
        connection.rollback()
        connection.execute(GIVE, {"run": run})
        connection.commit()
    except sa.exc.DBAPIError:
        connection.invalidate()
