"""When a server counts as gone, and when as back. Decides only: no clock, no network, no chance of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Literal

from dbkit.errors import DbkitError

ATTEMPTS: Final = 3

# The least pause after an attempt that failed at once, before the second and before the third; the most is twice that.
_PAUSES_S: Final = (0.05, 0.1)
# The part of the budget after which an attempt is no longer waited for alone: the third still has half of it.
_PATIENCE: Final = (1 / 6, 1 / 3)

GOOD_IN_SUCCESSION: Final = 3
DWELL_S: Final = 5.0
LONGEST_DWELL_S: Final = 300.0
FLAPPING_S: Final = 60.0
"""Who falls again so soon after going back, stays longer the next time."""


class Route(StrEnum):
    """Which database a service works on."""

    PRIMARY = "primary"
    FALLBACK = "fallback"


class Outcome(StrEnum):
    """What came of one attempt to connect to the primary."""

    ANSWERED = "answered"
    """A session was made, proved and set up."""
    ABSENT = "absent"
    """Nobody is there: refused port, no route, name not resolved, closed in the handshake, starting up, time-out."""
    SILENT = "silent"
    """No word yet."""
    REFUSED = "refused"
    """Somebody is there and says no, or the attempt is wrong in itself: falling back would hide it."""


class Step(StrEnum):
    """What is to be done next."""

    USE_PRIMARY = "use_primary"
    ATTEMPT = "attempt"
    """Begin another attempt when `after_s` have passed; look again where one that goes on ends before that."""
    WAIT = "wait"
    """For the attempts that go on, at most `after_s`."""
    FALL_BACK = "fall_back"
    RAISE = "raise"
    """The error of the attempt that was refused; where none was, that the server cannot be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt to connect, as it stands."""

    outcome: Outcome
    began_s: float = 0.0
    """When, counted from the beginning of the inquiry."""
    seconds: float
    """How long it took, or has taken so far."""
    said: str = ""
    """Why there is no connection, in one line without secrets."""
    error: DbkitError | None = field(default=None, compare=False)
    """The same as an error; None where there is a connection, or no word yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The next step."""

    step: Step
    after_s: float = 0.0
    """Seconds from now; 0 for at once."""


def decide(  # noqa: PLR0913 - each is a fact that the decision rests on
    mode: Literal["off", "dev"],
    environment: str,
    *,
    attempts: Sequence[Attempt],
    elapsed_s: float,
    budget_s: float,
    roll: float = 0.0,
) -> Decision:
    """Decide what is to be done, given what came of the attempts so far.

    Args:
        mode: DATABASE_FALLBACK.
        environment: DBKIT_ENV.
        attempts: in the order in which they began.
        elapsed_s: since the inquiry began.
        budget_s: how long it may take altogether.
        roll: a number from 0 to below 1 that spreads the beginning of the next attempt; the same until it has begun.
    """
    outcomes = [attempt.outcome for attempt in attempts]
    if Outcome.ANSWERED in outcomes:
        return Decision(step=Step.USE_PRIMARY)
    if Outcome.REFUSED in outcomes:
        return Decision(step=Step.RAISE)
    left_s = budget_s - elapsed_s
    hopeless = len(attempts) >= ATTEMPTS and Outcome.SILENT not in outcomes
    if attempts and (hopeless or left_s <= 0):
        given_up = mode == "dev" and environment != "production"
        return Decision(step=Step.FALL_BACK if given_up else Step.RAISE)
    if len(attempts) >= ATTEMPTS:
        return Decision(step=Step.WAIT, after_s=left_s)
    due_s = _due_s(attempts, budget_s, roll)
    return Decision(step=Step.ATTEMPT, after_s=min(max(0.0, due_s - elapsed_s), max(0.0, left_s)))


def _due_s(attempts: Sequence[Attempt], budget_s: float, roll: float) -> float:
    """Tell when the next attempt is due: soon after one that failed, and later where one is still waited for."""
    if not attempts:
        return 0.0
    last, number = attempts[-1], len(attempts) - 1
    patience_s = budget_s * _PATIENCE[number]
    if last.outcome is Outcome.SILENT:
        return last.began_s + patience_s * (0.5 + roll / 2)
    # however long it took to fail, what comes after it must still fit in
    return min(last.began_s + last.seconds + _PAUSES_S[number] * (1 + roll), last.began_s + patience_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """What is remembered of a service's switches, for it to go back neither too soon nor again and again.

    While it is on the fallback, one attempt is made each `pause_s`, and what came of it `seen`. A service that has never
    fallen has `Watching()`.
    """

    dwell_s: float = DWELL_S
    """How long it stays on the fallback at least."""
    fell_at_s: float | None = None
    returned_at_s: float | None = None
    good: int = 0
    """How many attempts in succession have found the server there."""

    def fallen(self, now_s: float) -> Watching:
        """Note that the service went to its fallback."""
        flaps = self.returned_at_s is not None and now_s - self.returned_at_s < FLAPPING_S
        dwell_s = min(self.dwell_s * 2, LONGEST_DWELL_S) if flaps else DWELL_S
        return Watching(dwell_s=dwell_s, fell_at_s=now_s)

    def seen(self, outcome: Outcome) -> Watching:
        """Note what came of an attempt; a server that refuses it is there, and its error must be seen rather than hidden."""
        there = outcome in {Outcome.ANSWERED, Outcome.REFUSED}
        return replace(self, good=self.good + 1 if there else 0)

    def may_return(self, now_s: float) -> bool:
        """Tell whether it is time to go back."""
        return self.good >= GOOD_IN_SUCCESSION and self.fell_at_s is not None and now_s - self.fell_at_s >= self.dwell_s

    def returned(self, now_s: float) -> Watching:
        """Note that the service went back."""
        return replace(self, returned_at_s=now_s, fell_at_s=None, good=0)


def pause_s(roll: float) -> float:
    """Give the seconds until the next attempt while on the fallback, for a number from 0 to below 1."""
    return 0.75 + roll / 2
