"""The migration lock on PostgreSQL: a session's advisory lock, polled.

It belongs to the database it is taken in, survives commit and rollback, and is held until the server has ended the
session's last statement, also when the client is dead: https://www.postgresql.org/docs/current/explicit-locking.html
A waiter *blocked* in pg_advisory_lock deadlocks with the holder's CREATE INDEX CONCURRENTLY (seen on 15), so it is polled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa

from dbkit.backends.polling import HeldLock, Poll, locked
from dbkit.backends.protocol import Locker
from dbkit.errors import ConfigurationError

KEY = int.from_bytes(hashlib.sha256(b"dbkit.migrate").digest()[:8], "big", signed=True)

HOLDER = sa.text(
    "SELECT 'process ' || a.pid || coalesce(' of ' || host(a.client_addr), '') || coalesce(' (' || a.application_name || ')', '')"
    " FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
    " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND ((l.classid::bigint << 32) | l.objid::bigint) = :key"
)


HELD = sa.text(
    "SELECT pg_backend_pid() AS pid, count(*) AS held FROM pg_locks"
    " WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND objid = :low"
)


@dataclass(frozen=True, kw_only=True)
class PostgresqlLocker:
    """Takes the advisory lock on the connection that runs the DDL."""

    poll: Poll = field(default_factory=Poll)

    @contextmanager
    def lock(self, connection: sa.Connection, *, patience_s: float, on_wait: Callable[[], None]) -> Iterator[HeldLock]:
        """Take the lock of the connection's database."""
        if not self.poll.until(lambda: _try(connection), patience_s=patience_s, on_wait=on_wait):
            holder = connection.scalar(HOLDER, {"key": KEY})
            connection.rollback()
            raise locked(str(connection.engine.url.database), holder, patience_s)
        _refuse_moving_session(connection)
        try:
            yield HeldLock()
        finally:
            _release(connection)


def _try(connection: sa.Connection) -> bool:
    taken = connection.scalar(sa.text("SELECT pg_try_advisory_lock(:key)"), {"key": KEY})
    connection.commit()
    return bool(taken)


def _refuse_moving_session(connection: sa.Connection) -> None:
    """Find out a pooler that hands each transaction another session: the lock would stay behind in the first."""
    found = connection.execute(HELD, {"low": KEY & 0xFFFFFFFF}).one()
    connection.commit()
    announced = connection.connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr] # psycopg2's
    # A pooler announces a number of its own. In session mode a second client gets a second session; in transaction mode it is
    # given ours, which is idle at this moment, and would find the lock its own.
    shared = announced != found.pid and _pid_of_another(connection.engine) == found.pid
    if not found.held or shared:
        raise ConfigurationError(
            "the server's sessions change between transactions, so no lock can be held",
            hint="connect to PostgreSQL itself, or to a pooler in session mode",
        )


def _pid_of_another(engine: sa.Engine) -> int | None:
    with engine.connect() as other:
        found: int | None = other.scalar(sa.text("SELECT pg_backend_pid()"))
        return found


def _release(connection: sa.Connection) -> None:
    if connection.closed or connection.invalidated:
        return  # the server frees it with the session
    try:
        connection.rollback()
        connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": KEY})
        connection.commit()
    except sa.exc.DBAPIError:
        connection.invalidate()  # a broken session takes its lock with it


LOCKER: Locker = PostgresqlLocker()
