"""Whether the primary can be reached: real attempts, each on a connection of its own, and an answer in time whatever hangs.

An attempt that hangs is left alone when its time is up. Its driver gives up soon after; a server that was stopped and
goes on ends it at once.
"""

from __future__ import annotations

import os
import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dbkit.backends import get_backend
from dbkit.errors import DbkitError, UnreachableError
from dbkit.failover.plan import Attempt, Outcome, Step, decide
from dbkit.failover.trying import Reach, Try, failed, reach

if TYPE_CHECKING:
    from dbkit.config import DatabaseConfig

# Python's words for an error of the system, which drivers put into longer ones.
_SYSTEM: Final = re.compile(r"\[Errno -?\d+\] ([^()\[\]]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """What came of asking for the primary."""

    step: Step
    """USE_PRIMARY, FALL_BACK or RAISE."""
    attempts: tuple[Attempt, ...]
    seconds: float
    error: DbkitError | None
    """What is to be raised on RAISE, and was the matter on FALL_BACK; None on USE_PRIMARY."""
    reason: str
    """One line without secrets: `TiDB at localhost:4000 cannot be reached: Connection refused (3 attempts in 0.31 s)`."""


def inquire(
    config: DatabaseConfig,
    *,
    asynchronous: bool = False,
    budget_s: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    dice: Callable[[], float] = random.random,
) -> Inquiry:
    """Find out whether the primary can be reached: at most three attempts, within the budget.

    Blocks, an event loop too; never raises for what the primary does, nor for how it is configured.

    Args:
        config: the primary's.
        asynchronous: with the asynchronous driver: the other may not be installed.
        budget_s: instead of the configuration's.
        clock: seconds that never go back.
        dice: numbers from 0 to below 1, which spread the attempts.
    """
    budget_s = config.fallback_budget_s if budget_s is None else budget_s
    try:
        # not within the budget: the first one imports SQLAlchemy and a driver
        way = reach(config, asynchronous=asynchronous, bound_s=budget_s)
    except DbkitError as error:
        return _found(config, Step.RAISE, attempts=(failed(config, error),), seconds=0.0)
    began = clock()
    asking = _Asking(config, way, budget_s=budget_s, clock=lambda: clock() - began)
    try:
        step = asking.run(dice)
        return _found(config, step, attempts=asking.seen(), seconds=clock() - began)
    finally:
        asking.leave()


def attempt_once(config: DatabaseConfig, bound_s: float, *, asynchronous: bool = False) -> Attempt:
    """Make one attempt that is over within the bound, SILENT where there is no word by then.

    Blocks; never raises for what the primary does, nor for how it is configured. Where an earlier one of the same
    configuration still hangs, that one's answer is waited for: who asks each second leaves one thread behind, not many.

    Args:
        config: the primary's.
        bound_s: seconds.
        asynchronous: as in `inquire`.
    """
    try:
        going = _singles.going(config, bound_s, asynchronous=asynchronous)
    except DbkitError as error:
        return failed(config, error)
    going.settled.wait(bound_s)
    return going.seen()


class _Asking:
    """One inquiry that is going on."""

    def __init__(self, config: DatabaseConfig, way: Reach, *, budget_s: float, clock: Callable[[], float]) -> None:
        self._config = config
        self._way = way
        self._budget_s = budget_s
        self._clock = clock
        self._tries: list[Try] = []
        self._news = threading.Event()

    def run(self, dice: Callable[[], float]) -> Step:
        """Make attempts until it is decided."""
        roll = dice()
        while True:
            self._news.clear()  # before anything is looked at, so that nothing is missed
            now_s = self._clock()
            decision = decide(
                self._config.fallback,
                self._config.environment,
                attempts=self.seen(),
                elapsed_s=now_s,
                budget_s=self._budget_s,
                roll=roll,
            )
            if decision.step is Step.ATTEMPT and decision.after_s <= 0:
                self._begin(self._budget_s - now_s)
                roll = dice()
            elif decision.step in {Step.ATTEMPT, Step.WAIT}:
                self._news.wait(decision.after_s)
            else:
                return decision.step

    def seen(self) -> tuple[Attempt, ...]:
        """Tell how the attempts stand."""
        return tuple(attempt.seen() for attempt in self._tries)

    def leave(self) -> None:
        """Wait for none of them any longer."""
        for attempt in self._tries:
            attempt.leave()

    def _begin(self, left_s: float) -> None:
        new = Try(self._config, self._way, bound_s=left_s, clock=self._clock, on_news=self._news.set)
        self._tries.append(new)
        new.start()


class _Singles:
    """The attempts of those who make one at a time, one for each configuration at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tries: list[tuple[DatabaseConfig, bool, Try]] = []

    def going(self, config: DatabaseConfig, bound_s: float, *, asynchronous: bool) -> Try:
        """Give the attempt that goes on, or begin one."""
        way: Reach | None = None
        while True:
            with self._lock:
                self._tries = [item for item in self._tries if not item[2].settled.is_set()]
                for known, kind, attempt in self._tries:
                    if (known, kind) == (config, asynchronous):
                        return attempt
                if way is not None:
                    return self._begun(config, way, bound_s, asynchronous=asynchronous)
            # slow: not under the lock
            way = reach(config, asynchronous=asynchronous, bound_s=bound_s, attempts=1)

    def _begun(self, config: DatabaseConfig, way: Reach, bound_s: float, *, asynchronous: bool) -> Try:
        began = time.monotonic()
        new = Try(config, way, bound_s=bound_s, clock=lambda: time.monotonic() - began)
        new.start()
        self._tries.append((config, asynchronous, new))
        return new


_singles = _Singles()


def _renew() -> None:
    """Have a forked child begin with none: the parent's threads are not there, and would be waited for."""
    global _singles  # noqa: PLW0603 - the only way to replace it
    _singles = _Singles()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


def _found(config: DatabaseConfig, step: Step, *, attempts: tuple[Attempt, ...], seconds: float) -> Inquiry:
    error = None if step is Step.USE_PRIMARY else _error(config, attempts, seconds)
    return Inquiry(
        step=step,
        attempts=attempts,
        seconds=seconds,
        error=error,
        reason=_reason(config, error, attempts=attempts, seconds=seconds),
    )


def _error(config: DatabaseConfig, attempts: tuple[Attempt, ...], seconds: float) -> DbkitError:
    """Choose what is told: who says no, before who is not there, before who is silent."""
    for outcome in (Outcome.REFUSED, Outcome.ABSENT):
        for attempt in reversed(attempts):
            if attempt.outcome is outcome and attempt.error is not None:
                return attempt.error
    title = get_backend(config.backend).traits.title
    return UnreachableError(
        f"cannot reach {title} at {config.address}: no answer within {seconds:.2g} s",
        hint="check that the server runs, its load, and what lies between",
    )


def _reason(config: DatabaseConfig, error: DbkitError | None, *, attempts: tuple[Attempt, ...], seconds: float) -> str:
    name = f"{get_backend(config.backend).traits.title} at {config.address}"
    effort = f"({len(attempts)} {'attempt' if len(attempts) == 1 else 'attempts'} in {seconds:.2f} s)"
    if error is None:
        return f"{name} answers {effort}"
    if any(attempt.outcome is Outcome.REFUSED for attempt in attempts):
        return error.message
    said = error.message.removeprefix(f"cannot reach {name}: ")
    system = _SYSTEM.search(said)
    return f"{name} cannot be reached: {system[1].strip() if system else said} {effort}"
