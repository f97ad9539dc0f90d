"""Waiting for services' databases: when to look again, when to say so, and when there is nothing left to hope for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, get_args

from dbkit.backends.polling import Poll
from dbkit.errors import UsageError
from dbkit.migrations.probes.glance import Goal, Looker, Sight, Standing
from dbkit.migrations.results import Result, ServiceResult

if TYPE_CHECKING:
    from dbkit.project import Project

__all__ = ["Goal", "Sight", "Standing", "Waiting", "wait"]

TIMEOUT_S = 60.0
FIRST_S: Final = 0.1
LONGEST_S: Final = 4.0
# Accounts are locked after a number of refused log-ins, so one that may yet be made is asked for slowly.
REFUSED_S: Final = 8.0
# What is kept for the last look, which is made just before time is up.
LAST_S: Final = 1.0
REMIND_S: Final = 10.0
# A connection that is cut in the middle of its handshake looks like a refused certificate, once.
TLS_LOOKS: Final = 2

_SETTLED: Final = frozenset({Standing.READY, Standing.AHEAD, Standing.REFUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What there is to say while services are waited for."""

    goal: Goal
    waited_s: float
    timeout_s: float
    changed: tuple[Sight, ...]
    """Services that stand elsewhere than when this was last said; none where it is a mere reminder."""
    left: tuple[Sight, ...]
    """Services that are still waited for."""


Look = Callable[[list[str], float], Sequence[Sight]]
OnWait = Callable[[Waiting], None]


def _no_listener(_waiting: Waiting) -> None:
    """Hear nothing."""


def pause_s(looks: int, roll: float, *, refused: bool = False) -> float:
    """Tell how long to pause after so many looks: twice as long each time up to a limit, less up to a half by chance.

    Args:
        looks: how many there have been, from 1.
        roll: from 0 to 1.
        refused: the log-in was refused.
    """
    # beyond 2**30 it is the limit in any case, and a float does not hold any power
    full = REFUSED_S if refused else min(LONGEST_S, FIRST_S * 2.0 ** min(looks - 1, 30))
    return full * (1 - roll / 2)


def wait(  # noqa: PLR0913 - each is a wish of its own, by name
    project: Project,
    services: Sequence[str] = (),
    *,
    goal: Goal = "head",
    timeout_s: float = TIMEOUT_S,
    on_wait: OnWait = _no_listener,
    poll: Poll | None = None,
) -> Result:
    """Wait until the databases of services (none: all) can be used; nothing is written, and no fallback is taken.

    Each look is made with the service's own account over a connection that is closed again. It ends with the first of
    these: all are there; one is refused for a reason that waiting does not mend; the time-out.

    Args:
        project: whose services.
        services: their names.
        goal: `server`: it answers and takes the log-in; `head`: the database is at the newest revision of the files.
        timeout_s: seconds in all; `math.inf` for no end.
        on_wait: told of each change, and every ten seconds that nothing has changed.
        poll: the clock, the sleep and the dice.

    Raises:
        UnknownServiceError: a name is no service's.
        UsageError: no such goal, or no time to wait.
    """
    if goal not in get_args(Goal):
        raise UsageError(f"goal takes {' or '.join(get_args(Goal))}, not {goal!r}")
    if not timeout_s > 0:  # so that NaN, which compares with nothing, is refused too
        raise UsageError(f"timeout_s takes a number of seconds above 0, not {timeout_s!r}")
    vigil = Vigil(look=Looker(project, goal), goal=goal, timeout_s=timeout_s, tell=on_wait, poll=poll or Poll())
    return vigil.keep(project.select(services))


@dataclass(kw_only=True)
class _Watched:
    """A service that is waited for."""

    due: float
    looks: int = 0
    tls_looks: int = 0
    """How often its TLS was refused, without another answer in between."""
    sight: Sight | None = None
    settled_s: float | None = None
    told: Standing | None = None


@dataclass(kw_only=True)
class Vigil:
    """One wait."""

    look: Look
    goal: Goal
    timeout_s: float
    tell: OnWait = _no_listener
    poll: Poll = field(default_factory=Poll)

    def keep(self, names: Sequence[str]) -> Result:
        """Wait for services, and give what became of it."""
        self._began = self._told_at = self.poll.clock()
        self._watched = {name: _Watched(due=self._began) for name in names}
        while True:
            self._look()
            if self._is_over():
                break
            pause = self._pause_s()
            if pause is None:
                break
            self._say()
            self.poll.sleep(min(pause, threading.TIMEOUT_MAX))
        waited_s = self._waited_s
        found = tuple(_result(one, waited_s) for one in self._watched.values())
        return Result(command="wait", services=found, seconds=waited_s)

    @property
    def _waited_s(self) -> float:
        return self.poll.clock() - self._began

    @property
    def _left(self) -> dict[str, _Watched]:
        return {name: one for name, one in self._watched.items() if one.settled_s is None}

    def _look(self) -> None:
        """Look at whatever is due."""
        now, left_s = self.poll.clock(), self.timeout_s - self._waited_s
        due = [name for name, one in self._left.items() if one.due <= now]
        for sight in self.look(due, left_s) if due else ():
            self._take(self._watched[sight.service], sight)

    def _take(self, one: _Watched, sight: Sight) -> None:
        one.looks += 1
        if sight.cut and one.sight is not None:
            sight = one.sight
        one.sight = sight
        one.tls_looks = one.tls_looks + 1 if sight.standing is Standing.TLS_REFUSED else 0
        if sight.standing in _SETTLED or one.tls_looks >= TLS_LOOKS:
            one.settled_s = self._waited_s
        refused = sight.standing is Standing.LOGIN_REFUSED
        one.due = self.poll.clock() + pause_s(one.looks, self.poll.dice(), refused=refused)

    def _is_over(self) -> bool:
        """Whether all services are settled, or one in a way that lets no run end well.

        A database that is ahead is an answer, which may be good enough for whoever asks; the others are waited for.
        """
        good = {Standing.READY, Standing.AHEAD}
        settled = [one.sight for one in self._watched.values() if one.settled_s is not None and one.sight]
        return not self._left or any(sight.standing not in good for sight in settled)

    def _pause_s(self) -> float | None:
        """Tell how long to sleep, None where no time is left for another look; the last one comes just before the end."""
        now = self.poll.clock()
        end = self._began + self.timeout_s
        last = end - min(LAST_S, self.timeout_s / 4)
        if now >= last:
            return None
        left = self._left.values()
        for one in left:
            one.due = min(one.due, last)
        return max(0.0, min(one.due for one in left) - now)

    def _say(self) -> None:
        watched = [one for one in self._watched.values() if one.sight is not None]
        changed = [one for one in watched if one.sight and one.sight.standing is not one.told]
        if not changed and self.poll.clock() - self._told_at < REMIND_S:
            return
        for one in changed:
            one.told = one.sight.standing if one.sight else None
        self._told_at = self.poll.clock()
        self.tell(
            Waiting(
                goal=self.goal,
                waited_s=self._waited_s,
                timeout_s=self.timeout_s,
                changed=tuple(one.sight for one in changed if one.sight),
                left=tuple(one.sight for one in self._left.values() if one.sight),
            )
        )


def _result(one: _Watched, waited_s: float) -> ServiceResult:
    """Give what became of a service; what it is when nobody waits for it any longer is an error."""
    assert one.sight is not None  # noqa: S101 - every service is looked at once at least
    found = one.sight.result
    if one.settled_s is not None:
        return replace(found, seconds=one.settled_s)
    return replace(found, seconds=waited_s, error=f"given up after {waited_s:.3g} s: {found.error}")
