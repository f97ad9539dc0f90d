"""The pool of dbkit's engines: SQLAlchemy's own, in which a probe does not hang and whose waits can be measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy.pool import AsyncAdaptedQueuePool, QueuePool

from dbkit.backends import backend_of
from dbkit.deadlines import current_watch

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

    Queue = QueuePool
else:
    Queue = object

__all__ = ["AsyncWatchedPool", "OnWait", "WatchedPool"]

OnWait = Callable[[float, BaseException | None], None]
"""Told how many seconds it took to get a connection, and the error where none was got."""


class _Watched(Queue):
    """What both pools do more than SQLAlchemy's.

    SQLAlchemy has no event before the ping of a pooled connection, nor for the wait for one, so these are methods.
    """

    on_wait: OnWait | None = None
    """None unless somebody measures."""

    def connect(self) -> PoolProxiedConnection:
        """Give a connection, and tell how long that took where somebody asks."""
        on_wait = self.on_wait
        if on_wait is None:
            return super().connect()
        began = time.perf_counter()
        try:
            found = super().connect()
        except BaseException as error:
            on_wait(time.perf_counter() - began, error)
            raise
        on_wait(time.perf_counter() - began, None)
        return found

    def recreate(self) -> Any:  # noqa: ANN401 - a pool of the same class
        """Make an empty pool of the same kind, measured as this one."""
        pool: Any = super().recreate()
        pool.on_wait = self.on_wait
        pool._timeout = self._patience_s  # noqa: SLF001 - of its own class; it was given that of the work that is watched
        return pool

    def _do_get(self) -> ConnectionPoolEntry:
        """Take a connection out of the queue: watched work guards it before it is pinged."""
        watch = current_watch()
        if watch is None:
            return super()._do_get()
        watch.stage = "waiting for a free connection of the pool"
        record = super()._do_get()
        try:
            fd = self._socket_fd(record)
            if fd is not None:
                watch.guard(fd)
        except BaseException:
            super()._do_return_conn(record)  # nobody else would give its place back
            raise
        if record.dbapi_connection is not None:
            watch.stage = "waiting for an answer over a pooled connection"
        return record

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        """Put a connection back into the queue: whoever takes it next is not bound by this work's time."""
        watch = current_watch()
        try:
            fd = None if watch is None else self._socket_fd(record)
            if watch is not None and fd is not None:
                watch.release(fd)
        finally:
            super()._do_return_conn(record)

    def _socket_fd(self, record: ConnectionPoolEntry) -> int | None:
        if record.dbapi_connection is None:
            return None
        dialect = cast("sa.Dialect", self._dialect)  # a pool without an engine would have none
        return backend_of(dialect).connector(dialect.driver).socket_fd(record.dbapi_connection)

    @property
    def _timeout(self) -> float:
        """How long to wait for a connection that another one holds: watched work waits no longer than its time."""
        watch = current_watch()
        return self._patience_s if watch is None else min(watch.left_s, self._patience_s)

    @_timeout.setter
    def _timeout(self, seconds: float) -> None:
        self._patience_s = seconds


class WatchedPool(_Watched, QueuePool):
    """For threads."""


class AsyncWatchedPool(_Watched, AsyncAdaptedQueuePool):
    """For asyncio."""
