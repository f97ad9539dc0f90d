"""Which database a service of this process works on: asked at each checkout, found out once for all who ask, and watched.

Nothing is routed inside a transaction: a checkout is given a connection of one side, and what fails on it is the caller's.
"""

from __future__ import annotations

import copy
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Protocol, TypeVar

from dbkit.deadlines import current_watch
from dbkit.errors import DbkitError
from dbkit.failover.faults import neither
from dbkit.failover.monitor import watch_primary
from dbkit.failover.patience import Patience, Ways
from dbkit.failover.plan import Attempt, Outcome, Route, Step, Watching
from dbkit.failover.switching import Switch, announce

__all__ = ["Inquired", "Parts", "Router"]

log = logging.getLogger("dbkit.failover")

# How long a checkout waits beyond the budget: for the proof of the file, and for threads that get their turn late.
SLACK_S: Final = 0.5


class Inquired(Protocol):
    """What the router needs to know of an inquiry; see `dbkit.failover.probe.Inquiry`."""

    @property
    def step(self) -> Step:
        """What is to be done."""
        ...

    @property
    def error(self) -> DbkitError | None:
        """Why the primary cannot be used."""
        ...

    @property
    def reason(self) -> str:
        """The same in one line."""
        ...


class Taken(Protocol):
    """What a checkout gives: SQLAlchemy's connection, or the pool's."""

    def invalidate(self) -> None:
        """Close it for good."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...


T = TypeVar("T", bound=Taken)
Take = Callable[[Route], T]


def _sleep(gone: threading.Event, seconds: float) -> None:
    gone.wait(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a router asks of others, for an engine of one kind."""

    ways: Ways
    """How its callers wait."""
    inquire: Callable[[float], Inquired]
    """Finds out within so many seconds whether the primary can be reached."""
    attempt: Callable[[float], Attempt]
    """Makes one attempt to reach the primary, within so many seconds."""
    prove: Callable[[], None]
    """Proves that the fallback can be used, and raises what is wrong with it."""
    is_absence: Callable[[BaseException], bool]
    """Tells whether the error of a checkout may mean that the primary is away."""
    sleep: Callable[[threading.Event, float], None] = _sleep
    """Waits between the monitor's attempts, no longer than for the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ruling:
    """What an inquiry led to."""

    route: Route
    refusal: DbkitError | None = None
    """Why the primary cannot be used."""
    error: Exception | None = None
    """Why the fallback cannot be used, where it was to be."""
    last: bool = False
    """It holds for the checkout that asked, and no other inquiry is made for that."""


@dataclass(eq=False, kw_only=True)
class _Asked:
    """An inquiry that is going on, or is over."""

    began: float
    ruling: Future[_Ruling] = field(default_factory=Future)


class Router:
    """The route of one service in one process; its engines share it."""

    def __init__(
        self,
        key: tuple[str, str],
        *,
        places: Mapping[Route, str],
        budget_s: float,
        write: Callable[[Switch], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin on neither side.

        Args:
            key: the project's root, and the service.
            places: what there is on each side, in words.
            budget_s: within how many seconds it is decided that the primary is away.
            write: notes for people which database this process is on; also called for the first, which is no switch.
            clock: seconds that never go back.
        """
        self.key = key
        self._places = places
        self._budget_s = budget_s
        self._write = write
        self._clock = clock
        self._lock = threading.Lock()
        self._route: Route | None = None
        self._asked: _Asked | None = None
        self._hanging: set[Patience] = set()
        self._watching = Watching()
        _routers.add(self)

    @property
    def route(self) -> Route:
        """Where the next checkout goes, as far as is known."""
        return self._route or Route.PRIMARY

    def checkout(self, take: Take[T], parts: Parts) -> T:
        """Take a connection of the side that the service is on, and find out which that is where the primary does not answer.

        Args:
            take: takes one of a side.
            parts: the engine's.

        Raises:
            FallbackError: the primary is away, and the fallback cannot be used; the next checkout tries anew.
            Exception: what `take` raises.
        """
        patience, ruling = None, None
        while self._route is not Route.FALLBACK:
            patience = self._patience(parts, patience)
            try:
                return self._on_primary(take, patience, parts)
            except Exception as error:
                if not (patience.passed or parts.is_absence(error)):
                    raise
                # whoever has answered, if only to refuse, says it best: so it is tried again
                ruling = self._ruled(error, patience, parts, before=ruling)
        return take(Route.FALLBACK)

    def switch(self, route: Route, reason: str, parts: Parts) -> Callable[[], None]:
        """Go to a side, and log it; what is given back tells everybody else, and may take its time.

        Raises:
            RuntimeError: no thread can be had that would look for the primary.
        """
        with self._lock:
            if self._route is route:
                return _nothing
            if route is Route.FALLBACK:  # before anything else: without this thread it would never go back
                watch_primary(self, parts, bound_s=self._budget_s)
            self._route = route
            now, watching = self._clock(), self._watching
            self._watching = watching.fallen(now) if route is Route.FALLBACK else watching.returned(now)
        event = self._event(route, reason)
        place = "" if reason.startswith(event.place) else f", {event.place}"
        log.warning("service %r is on its %s now%s: %s", event.service, route.value, place, reason)

        def tell() -> None:
            self._write(event)
            announce(self.key, event)

        return tell

    def seen(self, attempt: Attempt, parts: Parts) -> bool:
        """Note what came of an attempt to reach the primary while on the fallback, and go back where it is time to.

        Returns:
            Whether it is still on the fallback.
        """
        with self._lock:
            if self._route is not Route.FALLBACK:
                return False
            self._watching = self._watching.seen(attempt.outcome)
            stays = not self._watching.may_return(self._clock())
        if not stays:
            said = "answers again" if attempt.outcome is Outcome.ANSWERED else f"is there again: {attempt.said}"
            self.switch(Route.PRIMARY, f"{self._places[Route.PRIMARY]} {said}", parts)()
        return stays

    def _begin_anew(self) -> None:
        """Know nothing, as a forked child does: its parent's threads are not there."""
        self._lock = threading.Lock()
        self._route = self._asked = None
        self._hanging = set()
        self._watching = Watching()

    def _on_primary(self, take: Take[T], patience: Patience, parts: Parts) -> T:
        self._hanging.add(patience)
        try:
            found = parts.ways.bounded(patience, lambda: take(Route.PRIMARY))
        finally:
            self._hanging.discard(patience)
        if patience.passed:  # at the last moment: its socket may be shut
            found.invalidate()
            found.close()
            patience.check()
        if patience.suspicious:
            self._note_slow()
        if self._route is None:
            self._note_first()
        return found

    def _patience(self, parts: Parts, earlier: Patience | None) -> Patience:
        """Give the time of a try: the first raises suspicion when it hangs, and the others are made because of an answer."""
        if earlier is not None:
            return Patience(self._budget_s, suspect=_nothing, before_s=earlier.total_s)
        patience = Patience(self._budget_s, suspect=lambda: self._suspect(patience, parts))
        return patience

    def _ruled(self, error: Exception, patience: Patience, parts: Parts, *, before: _Ruling | None) -> _Ruling:
        """Wait for what an inquiry leads to; raises the error of the checkout, or what is to be raised in its place.

        An inquiry that has begun since the checkout did is the last. One that had begun before may have been answered before
        the primary went.
        """
        if before is not None and before.last:
            if before.refusal is not None:
                raise _copied(before.refusal) from error
            raise error
        found = self._awaited(patience, parts)
        if found is None:
            raise error
        if found.error is not None:
            # to each who is told one of his own, because each raises it
            raise _copied(found.error) from found.refusal
        return found

    def _awaited(self, patience: Patience, parts: Parts) -> _Ruling | None:
        """Wait for what an inquiry leads to; None where that does not come in time."""
        outer = current_watch()
        left_s = max(SLACK_S, self._budget_s + SLACK_S - patience.total_s)
        with suppress(TimeoutError, RuntimeError):  # no thread can be had for an inquiry, as at the end of a process
            asked = self._ask(patience, parts)
            found = parts.ways.wait(asked.ruling, left_s if outer is None else min(left_s, outer.left_s))
            return replace(found, last=asked.began >= self._clock() - patience.spent_s)
        return None

    def _suspect(self, patience: Patience, parts: Parts) -> None:
        with suppress(RuntimeError):
            self._ask(patience, parts)

    def _ask(self, patience: Patience, parts: Parts) -> _Asked:
        """Begin an inquiry for a checkout, or join one that is going on or has begun since the checkout did.

        Raises:
            RuntimeError: no thread can be had for it.
        """
        with self._lock:
            now, asked = self._clock(), self._asked
            if asked is not None and (not asked.ruling.done() or asked.began >= now - patience.spent_s):
                return asked
            new = _Asked(began=now)
            arguments = (new, max(self._budget_s / 2, self._budget_s - patience.total_s), parts)
            name = f"dbkit-failover-{self.key[1]}"
            threading.Thread(target=self._inquire, args=arguments, name=name, daemon=True).start()
            self._asked = new
            return new

    def _inquire(self, asked: _Asked, budget_s: float, parts: Parts) -> None:
        """Find out and act on it, and tell those who wait before anybody else."""
        tell = _nothing
        try:
            inquiry = parts.inquire(budget_s)
            ruling = _rule(inquiry, parts)
            falls = ruling.route is Route.FALLBACK and not asked.ruling.done()
            if falls:
                tell = self.switch(Route.FALLBACK, inquiry.reason, parts)
        except BaseException as error:  # noqa: BLE001 - a bug, which who waits must hear of
            with suppress(InvalidStateError):
                asked.ruling.set_exception(error)
            return
        with suppress(InvalidStateError):  # the primary has answered meanwhile
            asked.ruling.set_result(ruling)
        if falls:
            for patience in list(self._hanging):
                patience.expire()
        tell()

    def _note_slow(self) -> None:
        """Note that the primary has answered while it was asked for: whoever waits may try, and later ones ask anew."""
        with self._lock:
            asked, self._asked = self._asked, None
        if asked is not None:
            with suppress(InvalidStateError):
                asked.ruling.set_result(_Ruling(route=Route.PRIMARY))

    def _note_first(self) -> None:
        """Note that the service is on its primary, once; a file is written, for which no query waits."""
        with self._lock:
            first, self._route = self._route is None, self._route or Route.PRIMARY
        if not first:
            return
        event = self._event(Route.PRIMARY, f"{self._places[Route.PRIMARY]} answers")
        with suppress(RuntimeError):  # no thread can be had
            threading.Thread(target=self._write, args=(event,), name="dbkit-failover-note", daemon=True).start()

    def _event(self, route: Route, reason: str) -> Switch:
        place, now = self._places[route], datetime.now(UTC)
        return Switch(service=self.key[1], route=route, reason=reason, at=now, place=place)


def _rule(inquiry: Inquired, parts: Parts) -> _Ruling:
    """Decide for a side."""
    if inquiry.step is not Step.FALL_BACK:
        return _Ruling(route=Route.PRIMARY, refusal=inquiry.error)
    try:
        parts.prove()
    except Exception as error:  # noqa: BLE001 - whatever it is, the fallback cannot be used, and who asked must hear why
        told = neither(inquiry.reason, error) if isinstance(error, DbkitError) else error
        return _Ruling(route=Route.PRIMARY, refusal=inquiry.error, error=told)
    return _Ruling(route=Route.FALLBACK)


def _copied(error: Exception) -> Exception:
    """Make the same error once more."""
    try:
        return copy.copy(error)
    except Exception:  # noqa: BLE001 - somebody's own class, which wants other arguments
        return error


def _nothing() -> None:
    """Tell nobody."""


_routers: weakref.WeakSet[Router] = weakref.WeakSet()


def _renew() -> None:
    for router in list(_routers):
        router._begin_anew()  # noqa: SLF001 - our own


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
