"""The migration lock on TiDB: GET_LOCK and, because that is lost without a word after `max-txn-ttl`, a lease row beside it.

Seen on 8.5.3: GET_LOCK is a row lock in a hidden transaction; after its time another session gets it while RELEASE_LOCK of the
first still says 1. And a DDL goes on in the cluster when its client is dead. So the lease is written and checked on the migration's
own connection before every statement, and it is dead when its connection has gone and no DDL job of the database is unfinished.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from dbkit.backends.mysql.locks import MysqlLocker, lock_name, release
from dbkit.backends.polling import locked
from dbkit.backends.protocol import Lock, Locker
from dbkit.backends.tidb.lease import Lease, code_of, give_lease, take_lease

# "pessimistic lock retry limit reached": several waiters on one GET_LOCK (tidb#26716); it means "not obtained".
RETRY_LIMIT = 1105


@dataclass(frozen=True, kw_only=True)
class TidbLocker(MysqlLocker):
    """Takes the named lock, then the lease."""

    @contextmanager
    def lock(self, connection: sa.Connection, *, patience_s: float, on_wait: Callable[[], None]) -> Iterator[Lock]:
        """Take the lock of the connection's database."""
        database = str(connection.engine.url.database)
        name, run = lock_name(database), uuid.uuid4().hex
        take = lambda: self.attempt(connection, name) and self._lease(connection, name, run)  # noqa: E731 - one attempt
        if not self.poll.until(take, patience_s=patience_s, on_wait=on_wait):
            raise locked(database, self.holder(connection, name), patience_s)
        try:
            yield Lease(connection=connection, run=run)
        finally:
            give_lease(connection, run)
            release(connection, name)

    def attempt(self, connection: sa.Connection, name: str) -> bool:
        """Try once; TiDB takes a time-out of 0 for one second."""
        try:
            return super().attempt(connection, name)
        except sa.exc.DBAPIError as error:
            if code_of(error) != RETRY_LIMIT:
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

    def _lease(self, connection: sa.Connection, name: str, run: str) -> bool:
        """Take the lease; where somebody alive has it, give the named lock back to them."""
        if take_lease(connection, run):
            return True
        release(connection, name)
        return False


LOCKER: Locker = TidbLocker()
