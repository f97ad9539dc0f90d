"""Work that must end by a moment: the sockets that it may hang on are shut when its time is up.

A driver's own time-outs do not bound a server that was stopped: its kernel goes on acknowledging. A socket that is shut
ends the wait at once, in whatever driver and layer it is.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Self

from dbkit.deadlines.timer import arm
from dbkit.errors import DeadlineError

_current: ContextVar[Watch | None] = ContextVar("dbkit_watch", default=None)

current_watch = _current.get
"""Give the watch of the work that is going on here; None where nothing is watched."""


class Watch:
    """The time that a piece of work has. To be entered by the thread, or the asyncio task, that does the work."""

    names_who_was_late = False
    """Whether a provider of passwords has less than all of the time, so that the server is not blamed for it."""
    dials_aside = False
    """Whether connections are made on a thread beside, because nobody else would be there to give up waiting for one."""

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.stage = "getting ready"
        """What the work is at, as it stands behind "while"."""
        self._clock = clock
        self._end = clock() + seconds
        self._lock = threading.Lock()
        self._sockets: dict[int, int] = {}
        """By the driver's own number, ours for the same socket."""
        self._callbacks: list[Callable[[], object]] = []
        self._over = False
        self._passed = False

    @property
    def left_s(self) -> float:
        """The seconds that are left; never below zero."""
        return 0.0 if self._passed else max(0.0, self._end - self._clock())

    @property
    def passed(self) -> bool:
        """Whether the time ran out before the work was done."""
        return self._passed

    def begin(self) -> None:
        """Hear that the wait for a place in the pool is over: a connection was found, or is being made."""

    def check(self) -> None:
        """Go no further when time is up.

        Raises:
            DeadlineError: it is.
        """
        if self._passed:
            raise DeadlineError(f"time ran out while {self.stage}")

    def guard(self, fd: int) -> None:
        """Shut this socket when time is up, or now where it is; the driver may close its own number in the meantime."""
        with self._lock:
            if not self._over:
                self._let_go(fd)  # the number may have been that of a connection that is closed by now
                self._sockets[fd] = os.dup(fd)
            if self._passed:
                self._shut()

    def release(self, fd: int) -> None:
        """Leave this socket alone: its connection goes to where somebody else may take it."""
        with self._lock:
            self._let_go(fd)

    def expire(self) -> None:
        """Say that time is up: shut the sockets, unless the work is done."""
        with self._lock:
            if self._over:
                return
            self._passed = True
            self._shut()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def on_passed(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Have somebody called, in any thread, when time is up, or now where it is; the function that is given back prevents it."""
        with self._lock:
            if not self._passed:
                self._callbacks.append(callback)
                return lambda: self._forget(callback)
        callback()
        return lambda: None

    def __enter__(self) -> Self:
        """Begin the work."""
        self._disarm = self._arm()
        self._token: Token[Watch | None] = _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the work: what it used is not touched any more."""
        self._disarm()
        _current.reset(self._token)
        with self._lock:
            self._over = True
            for fd in list(self._sockets):
                self._let_go(fd)

    def _arm(self) -> Callable[[], None]:
        """Have the time run; give what stops it."""
        return arm(self.left_s, self.expire)

    def _forget(self, callback: Callable[[], object]) -> None:
        with self._lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

    def _let_go(self, fd: int) -> None:
        ours = self._sockets.pop(fd, None)
        if ours is not None:
            os.close(ours)

    def _shut(self) -> None:
        for fd in self._sockets.values():
            with socket.socket(fileno=fd) as shut, contextlib.suppress(OSError):
                shut.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()
