"""One thread that calls back when a time is up, however many wait for it; it ends when nobody does."""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

# A service that is probed every few seconds keeps its thread; one that is not keeps none.
LINGER_S = 10.0
# Below this many, what was disarmed may as well stay until its time.
FEW = 64


@dataclass(order=True, slots=True)
class _Entry:
    when: float
    number: int
    callback: Callable[[], None] | None = field(compare=False)


class Timer:
    """Calls back once per `arm`, on a thread of its own, unless it is disarmed before."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, linger_s: float = LINGER_S) -> None:
        self._clock = clock
        self._linger_s = linger_s
        self._changed = threading.Condition()
        self._entries: list[_Entry] = []
        self._numbers = itertools.count()
        self._disarmed = 0
        self._thread: threading.Thread | None = None

    def arm(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back in so many seconds; the function that is given back prevents it, if it is called in time.

        The callback must be quick and may be called while the caller disarms it; what it raises is logged.
        """
        entry = _Entry(self._clock() + seconds, next(self._numbers), callback)
        with self._changed:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="dbkit-deadlines", daemon=True)
                thread.start()
                self._thread = thread
            heapq.heappush(self._entries, entry)
            if self._entries[0] is entry:
                self._changed.notify()
        return lambda: self._disarm(entry)

    @property
    def pending(self) -> int:
        """How many callbacks are still to come."""
        with self._changed:
            return sum(entry.callback is not None for entry in self._entries)

    def _disarm(self, entry: _Entry) -> None:
        with self._changed:
            if entry.callback is None:
                return
            entry.callback = None
            self._disarmed += 1
            if self._disarmed > FEW and self._disarmed * 2 > len(self._entries):
                self._entries = [left for left in self._entries if left.callback is not None]
                heapq.heapify(self._entries)
                self._disarmed = 0

    def _run(self) -> None:
        while (callback := self._next()) is not None:
            try:
                callback()
            except Exception:
                log.exception("a callback of a deadline failed")

    def _next(self) -> Callable[[], None] | None:
        """Wait for the next callback that is due; None when there has been nothing to wait for."""
        with self._changed:
            while True:
                now = self._clock()
                if self._entries and self._entries[0].when <= now:
                    if (callback := self._pop()) is not None:
                        return callback
                elif self._entries:
                    self._changed.wait(min(self._entries[0].when - now, threading.TIMEOUT_MAX))
                elif not self._changed.wait(self._linger_s) and not self._entries:
                    self._thread = None
                    return None

    def _pop(self) -> Callable[[], None] | None:
        entry = heapq.heappop(self._entries)
        callback, entry.callback = entry.callback, None
        self._disarmed -= callback is None
        return callback


_timer = Timer()


def arm(seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
    """Call back in so many seconds, on the process's one timer thread; see `Timer.arm`."""
    return _timer.arm(seconds, callback)


def _renew() -> None:
    """Give a forked child a timer of its own: the thread is not there, and its lock may have been held."""
    global _timer  # noqa: PLW0603 - the only way to replace it
    _timer = Timer()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
