"""The migration lock on SQL Server: sp_getapplock, owned by the migration's own session.

https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa

from dbkit.backends.polling import HeldLock, Poll, locked
from dbkit.backends.protocol import Locker

TAKE = sa.text(
    # what counts rows would come before the answer
    "SET NOCOUNT ON; DECLARE @got int; EXEC @got = sp_getapplock @Resource = 'dbkit.migrate', @LockMode = 'Exclusive',"
    " @LockOwner = 'Session', @LockTimeout = 0; SELECT @got"
)
GIVE = sa.text("EXEC sp_releaseapplock @Resource = 'dbkit.migrate', @LockOwner = 'Session'")


@dataclass(frozen=True, kw_only=True)
class MssqlLocker:
    """Takes the application lock of the connection's database."""

    poll: Poll = field(default_factory=Poll)

    @contextmanager
    def lock(self, connection: sa.Connection, *, patience_s: float, on_wait: Callable[[], None]) -> Iterator[HeldLock]:
        """Take the lock of the connection's database."""
        if not self.poll.until(lambda: _try(connection), patience_s=patience_s, on_wait=on_wait):
            raise locked(str(connection.engine.url.database), None, patience_s)
        try:
            yield HeldLock()
        finally:
            _release(connection)


def _try(connection: sa.Connection) -> bool:
    got = connection.scalar(TAKE)
    connection.commit()
    # 0 and 1 are success (at once, after waiting); negative is not obtained.
    return got is not None and got >= 0


def _release(connection: sa.Connection) -> None:
    if connection.closed or connection.invalidated:
        return
    try:
        connection.rollback()
        connection.execute(GIVE)
        connection.commit()
    except sa.exc.DBAPIError:
        connection.invalidate()


LOCKER: Locker = MssqlLocker()
