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
from typing import Final

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


_ROUNDS: Final = 3

HELD = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND objid = :low")


@dataclass(frozen=True, kw_only=True)
class PostgresqlLocker:
    """Takes the advisory lock on the connection that runs the DDL."""

    poll: Poll = field(default_factory=Poll)

    @contextmanager
    def lock(self, connection: sa.Connection, *, patience_s: float, on_wait: Callable[[], None]) -> Iterator[HeldLock]:
        """Take the lock of the connection's database."""
        _refuse_moving_session(connection)
        if not self.poll.until(lambda: _try(connection), patience_s=patience_s, on_wait=on_wait):
            holder = connection.scalar(HOLDER, {"key": KEY})
            connection.rollback()
            raise locked(str(connection.engine.url.database), holder, patience_s)
        try:
            _refuse_lost_lock(connection)
            yield HeldLock()
        finally:
            _release(connection)


def _try(connection: sa.Connection) -> bool:
    taken = connection.scalar(sa.text("SELECT pg_try_advisory_lock(:key)"), {"key": KEY})
    connection.commit()
    return bool(taken)


def _refuse_moving_session(connection: sa.Connection) -> None:
    """Find out a pooler that hands each transaction another session, before a lock is left behind in one of them.

    A pooler announces a number of its own (PgBouncer 1.18 does). In session mode a second client gets a second session; in
    transaction mode it is given ours, which is idle between two transactions.
    """
    announced = connection.connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr] # psycopg's
    ours = {_pid(connection)}
    if announced in ours:
        return
    with connection.engine.connect() as other:
        for _ in range(_ROUNDS):  # on a busy pooler, sessions go to third parties too
            theirs = _pid(other)
            ours.add(_pid(connection))
            if theirs in ours or len(ours) > 1:
                raise _moving()


def _pid(connection: sa.Connection) -> int:
    found = int(connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())
    connection.commit()
    return found


def _refuse_lost_lock(connection: sa.Connection) -> None:
    held = connection.scalar(HELD, {"low": KEY & 0xFFFFFFFF})
    connection.commit()
    if not held:
        raise _moving()


def _moving() -> ConfigurationError:
    return ConfigurationError(
        "the server's sessions change between transactions, so no lock can be held",
        hint="connect to PostgreSQL itself, or to a pooler in session mode",
    )


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
