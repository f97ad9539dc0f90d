"""The pool of dbkit's engines: SQLAlchemy's own, in which a probe does not hang and whose waits can be measured.

It says which setting ran out, and leaves the connections of another process alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy.exc import TimeoutError as PoolTimedOut
from sqlalchemy.pool import AsyncAdaptedQueuePool, QueuePool

from dbkit import errors
from dbkit.backends import backend_of
from dbkit.deadlines import current_watch

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

    Queue = QueuePool
else:
    Queue = object

__all__ = ["AsyncWatchedPool", "OnWait", "PoolTimeoutError", "WatchedPool"]

OnWait = Callable[[float, BaseException | None], None]
"""Told how many seconds it took to get a connection, and the error where none was got."""


class PoolTimeoutError(errors.PoolTimeoutError, PoolTimedOut):
    """All connections of the pool are in use, and none became free in time; SQLAlchemy's error too."""

    code = "3o7r"
    """SQLAlchemy's, for who looks at it."""

    def __str__(self) -> str:
        """Say it without the link that SQLAlchemy adds."""
        return self.message


class _Watched(Queue):
    """What both pools do more than SQLAlchemy's.

    SQLAlchemy has no event before the ping of a pooled connection, nor for the wait for one, so these are methods.

    A fork gives the child a pool of its own, and leaves the connections to the parent (`dbkit.config.inherited`); what is
    given back there is not put into this one.
    """

    on_wait: OnWait | None = None
    """None unless somebody measures."""

    def __init__(self, *args: Any, **kw: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own
        self._pid = os.getpid()
        super().__init__(*args, **kw)

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
        # of its own class; it was given the patience of the work that is watched
        pool._timeout = self._patience_s  # noqa: SLF001
        return pool

    def _do_get(self) -> ConnectionPoolEntry:
        """Take a connection out of the queue: watched work guards it before it is pinged."""
        watch = current_watch()
        if watch is None:
            return self._take()
        watch.stage = "waiting for a free connection of the pool"
        record = self._take()
        try:
            watch.begin()
            fd = self._socket_fd(record)
            if fd is not None:
                watch.guard(fd)
        except BaseException:
            super()._do_return_conn(record)  # nobody else would give its place back
            raise
        if record.dbapi_connection is not None:
            watch.stage = "waiting for an answer over a pooled connection"
        return record

    def _take(self) -> ConnectionPoolEntry:
        try:
            return super()._do_get()
        except PoolTimeoutError:
            raise  # SQLAlchemy begins anew, by `_do_get`, where another was faster
        except PoolTimedOut as error:
            size, overflow = self.size(), self._max_overflow
            waited = "in time" if self._timeout < self._patience_s else f"within {self._patience_s:g} s"
            raise PoolTimeoutError(
                f"no connection of the pool became free {waited}: all {size + overflow} are in use "
                f"(DATABASE_POOL_SIZE {size}, DATABASE_MAX_OVERFLOW {overflow})",
                hint="close connections and sessions sooner, also where work fails, "
                "or raise DATABASE_POOL_SIZE or DATABASE_MAX_OVERFLOW",
            ) from error

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        """Put a connection back into the queue: whoever takes it next is not bound by this work's time."""
        if self._is_anothers:
            return  # nobody takes one out; and a thread that is not there may have held the queue's lock
        watch = current_watch()
        try:
            fd = None if watch is None else self._socket_fd(record)
            if watch is not None and fd is not None:
                watch.release(fd)
        finally:
            super()._do_return_conn(record)

    @property
    def _is_anothers(self) -> bool:
        """Whether the connections are those of the process that this one was forked from."""
        return self._pid != os.getpid()

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
