"""Whether the primary can be reached: real attempts, each on a connection of its own, and an answer in time whatever hangs."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbkit.errors import DbkitError
from dbkit.failover.plan import Attempt, Step

if TYPE_CHECKING:
    from dbkit.config import DatabaseConfig


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
    """Find out whether the primary can be reached: at most three attempts, within the budget. Blocks; never raises for what the primary does.

    Args:
        config: the primary's.
        asynchronous: with the asynchronous driver: the other may not be installed.
        budget_s: instead of the configuration's.
        clock: seconds that never go back.
        dice: numbers from 0 to below 1, which spread the attempts.
    """
    raise NotImplementedError


def attempt_once(config: DatabaseConfig, bound_s: float, *, asynchronous: bool = False) -> Attempt:
    """Make one attempt that is over within the bound, SILENT where there is no word by then. Blocks; never raises for what the primary does.

    Args:
        config: the primary's.
        bound_s: seconds.
        asynchronous: as in `inquire`.
    """
    raise NotImplementedError
