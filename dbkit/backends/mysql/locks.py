"""The migration lock of the MySQL family: GET_LOCK on the connection that runs the DDL.

It survives DDL, commit and rollback, and after the client's death it is held until the server has ended the statement (seen on
MariaDB 10.11 and TiDB 8.5). Its names are those of the whole server, so the database's name is part of it:
https://dev.mysql.com/doc/refman/8.0/en/locking-functions.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa

from dbkit.backends.polling import HeldLock, Poll, locked
from dbkit.backends.protocol import Lock, Locker

NAME_LIMIT = 64


@dataclass(frozen=True, kw_only=True)
class MysqlLocker:
    """Takes the named lock of the connection's database."""

    poll: Poll = field(default_factory=Poll)

    @contextmanager
    def lock(self, connection: sa.Connection, *, patience_s: float, on_wait: Callable[[], None]) -> Iterator[Lock]:
        """Take the lock of the connection's database."""
        database = str(connection.engine.url.database)
        name = lock_name(database)
        if not self.poll.until(lambda: self.attempt(connection, name), patience_s=patience_s, on_wait=on_wait):
            raise locked(database, self.holder(connection, name), patience_s)
        try:
            yield HeldLock()
        finally:
            release(connection, name)

    def attempt(self, connection: sa.Connection, name: str) -> bool:
        """Try once."""
        taken = connection.scalar(sa.text("SELECT GET_LOCK(:name, 0)"), {"name": name})
        connection.commit()
        return bool(taken == 1)

    def holder(self, connection: sa.Connection, name: str) -> str | None:
        """Name the session that holds the lock."""
        number = connection.scalar(sa.text("SELECT IS_USED_LOCK(:name)"), {"name": name})
        connection.rollback()
        return f"connection {number}" if number else None


def lock_name(database: str) -> str:
    """Make the lock's name, at most 64 characters long; they are compared without regard to case."""
    name = f"dbkit:{database}"
    if len(name) <= NAME_LIMIT:
        return name
    return "dbkit:" + hashlib.sha256(database.encode()).hexdigest()[: NAME_LIMIT - len("dbkit:")]


def release(connection: sa.Connection, name: str) -> None:
    """Give the lock back; a broken session has lost it already."""
    if connection.closed or connection.invalidated:
        return
    try:
        connection.rollback()
        connection.execute(sa.text("SELECT RELEASE_LOCK(:name)"), {"name": name})
        connection.commit()
    except sa.exc.DBAPIError:
        connection.invalidate()


LOCKER: Locker = MysqlLocker()
