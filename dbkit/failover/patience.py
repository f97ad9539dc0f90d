"""How long a checkout of the primary may take before somebody asks for the primary, and how its hang is ended.

Waiting for a place in a busy pool is not counted: that says nothing of the server.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Final, Protocol, TypeVar

from dbkit.deadlines import Watch, arm, current_watch
from dbkit.deadlines.tasks import GRACE_S

__all__ = ["LOOPS", "THREADS", "Patience", "Ways"]

T = TypeVar("T")

# The part of the budget after which somebody asks for the primary beside a checkout that hangs.
SUSPICIOUS: Final = 0.1


class Patience(Watch):
    """The time that a checkout of the primary has; within watched work also the time of that."""

    names_who_was_late = True
    dials_aside = True

    def __init__(self, seconds: float, *, suspect: Callable[[], None], before_s: float = 0.0) -> None:
        """Prepare a checkout.

        Args:
            seconds: how long it may take from when the pool has a place for it.
            suspect: called on the timer's thread when a part of that has gone by.
            before_s: what earlier tries have taken.
        """
        self._outer = current_watch()
        self._began: float | None = None
        self._seconds = seconds
        self._suspect = suspect
        self._before_s = before_s
        super().__init__(math.inf)

    @property
    def stage(self) -> str:
        """What the work is at; the work around it is at the same."""
        return self._stage

    @stage.setter
    def stage(self, text: str) -> None:
        self._stage = text
        if self._outer is not None:
            self._outer.stage = text

    @property
    def left_s(self) -> float:
        """The seconds that are left; without end while the pool has no place."""
        own_s = super().left_s
        return own_s if self._outer is None else min(own_s, self._outer.left_s)

    @property
    def over(self) -> bool:
        """Whether the checkout has ended."""
        return self._over

    @property
    def suspicious(self) -> bool:
        """Whether somebody asks for the primary because of it."""
        return self.spent_s >= self._seconds * SUSPICIOUS

    @property
    def spent_s(self) -> float:
        """The seconds since the pool had a place."""
        return 0.0 if self._began is None else self._clock() - self._began

    @property
    def total_s(self) -> float:
        """The same with earlier tries."""
        return self._before_s + self.spent_s

    def begin(self) -> None:
        """Begin to count."""
        if self._began is None and not self._passed:
            self._began = self._clock()
            self._end = self._began + self._seconds
            self._disarm = arm(self._seconds * SUSPICIOUS, self._look_closer)

    def check(self) -> None:
        """Go no further when time is up, or that of the work around it is."""
        if self._outer is not None:
            self._outer.check()
        super().check()

    def guard(self, fd: int) -> None:
        """Shut this socket when time is up."""
        if self._outer is not None:
            self._outer.guard(fd)
        super().guard(fd)

    def release(self, fd: int) -> None:
        """Leave this socket alone."""
        if self._outer is not None:
            self._outer.release(fd)
        super().release(fd)

    def _arm(self) -> Callable[[], None]:
        """Leave the time alone until there is a place."""
        return lambda: None

    def _look_closer(self) -> None:
        with self._lock:
            if self._over:
                return
            self._disarm = arm(max(0.0, self._end - self._clock()), self.expire)
        self._suspect()


class Ways(Protocol):
    """How somebody waits, and gives up."""

    def wait(self, found: Future[T], seconds: float) -> T:
        """Wait for what another thread finds. Raises TimeoutError when it takes longer."""
        ...

    def bounded(self, patience: Patience, work: Callable[[], T]) -> T:
        """Work for as long as there is patience."""
        ...


class Threads:
    """In a thread."""

    def wait(self, found: Future[T], seconds: float) -> T:
        """Hold the thread."""
        return found.result(min(seconds, threading.TIMEOUT_MAX))

    def bounded(self, patience: Patience, work: Callable[[], T]) -> T:
        """Trust in the sockets that are shut."""
        with patience:
            return work()


class Loops:
    """In SQLAlchemy's greenlet of an asyncio task: the loop goes on meanwhile."""

    def wait(self, found: Future[T], seconds: float) -> T:
        """Have the task wait."""
        from sqlalchemy.util import await_only

        return await_only(asyncio.wait_for(asyncio.shield(asyncio.wrap_future(found)), seconds))

    def bounded(self, patience: Patience, work: Callable[[], T]) -> T:
        """Cancel the task's work soon after its sockets were shut: what is not yet a socket ends by that."""
        from sqlalchemy.util import await_only

        loop, limit = asyncio.get_running_loop(), asyncio.timeout(None)

        def give_up() -> None:
            if not patience.over:
                limit.reschedule(loop.time() + GRACE_S)

        def passed() -> None:
            with suppress(RuntimeError):  # the loop has ended, and so has what is done here
                loop.call_soon_threadsafe(give_up)

        with patience:
            await_only(limit.__aenter__())
            forget = patience.on_passed(passed)
            try:
                found = work()
            except BaseException as error:
                forget()
                await_only(limit.__aexit__(type(error), error, error.__traceback__))
                raise
            forget()
            await_only(limit.__aexit__(None, None, None))
            return found


THREADS: Final[Ways] = Threads()
LOOPS: Final[Ways] = Loops()
