"""Waiting for a lock by asking again and again: a waiter that blocks inside the server can deadlock with the holder."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from dbkit.errors import LockedError

INTERVAL_S = 0.2


class HeldLock:
    """A lock that lives as long as its session or file: the server frees it with that and never before."""

    def before_statement(self, statement: str) -> None:
        """Do nothing: there is nothing to prove."""


@dataclass(frozen=True, kw_only=True)
class Poll:
    """A clock, a sleep and dice; tests bring their own."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    dice: Callable[[], float] = random.random

    def until(self, attempt: Callable[[], bool], *, patience_s: float, on_wait: Callable[[], None]) -> bool:
        """Call `attempt` until it says yes or the patience is at its end; once at least.

        `on_wait` is called before each pause, and may raise to give up. The pause is 0.1 to 0.3 s, so that waiters do not march in step.
        """
        deadline = self.clock() + patience_s
        while not attempt():
            left = deadline - self.clock()
            if left <= 0:
                return False
            on_wait()
            self.sleep(min(left, INTERVAL_S * (0.5 + self.dice())))
        return True


def locked(database: str, holder: str | None, patience_s: float) -> LockedError:
    """Word the error of a lock that was not had."""
    who = f" by {holder}" if holder else ""
    waited = f" (waited {patience_s:g} s)" if patience_s else ""
    return LockedError(
        f"database {database!r} is locked{who}{waited}",
        hint="wait for the other run to end, or be more patient with --lock-wait SECONDS",
    )
