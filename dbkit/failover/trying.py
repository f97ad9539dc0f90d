"""One attempt to connect to the primary, on a thread of its own, and what came of it."""

from __future__ import annotations

import asyncio
import errno
import math
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from dbkit.backends import get_backend
from dbkit.backends.marks import network_fault
from dbkit.backends.opening import greets
from dbkit.backends.protocol import Fault
from dbkit.config.redact import redact
from dbkit.deadlines import Watch
from dbkit.deadlines.tasks import cancelled_late
from dbkit.errors import DbkitError, DeadlineError
from dbkit.failover.plan import ATTEMPTS, Attempt, Outcome

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import AsyncEngine

    from dbkit.config import DatabaseConfig

# What says that nobody is there; anything else is somebody's answer, or our own mistake.
_NOBODY: Final = frozenset({Fault.UNREACHABLE, Fault.CONNECTION_LOST})
# The system's words, which drivers hand on without the error itself; ODBC hands on numbers, Windows' among them.
_HUNG_UP: Final = (
    *(os.strerror(number) for number in (errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE)),
    f"({errno.ECONNRESET})",
    "(10054)",
)
# The system's words for what this process has no more of; drivers hand them on as if the server were away.
_OURS: Final = tuple(os.strerror(number) for number in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS))
TICK_S: Final = 0.01
# What a driver may say of a socket that was shut under it.
_SHUT: Final = _NOBODY | {Fault.TLS_REFUSED, Fault.OTHER}


class Reach(Protocol):
    """Connects for attempts, with engines of their own: a service's keeps its connections, and goes elsewhere."""

    def connect(self, watch: Watch, answered: Callable[[], None]) -> None:
        """Connect, call back once there is a connection, and close it."""
        ...

    def get_ready(self) -> None:
        """Have at hand what the next attempt needs; called where there is time."""
        ...


def reach(config: DatabaseConfig, *, asynchronous: bool, bound_s: float, attempts: int = ATTEMPTS) -> Reach:
    """Give what connects to a primary.

    Args:
        config: the primary's.
        asynchronous: with the asynchronous driver.
        bound_s: the most that an attempt may take. The driver gives up soon after that, and never before; some count
            whole seconds, and round them down.
        attempts: how many there will be at most.

    Raises:
        DbkitError: the configuration is wrong, or the driver is not installed.
    """
    from sqlalchemy.pool import NullPool

    patient = replace(config, connect_timeout_s=min(config.connect_timeout_s, float(math.floor(bound_s) + 1)))
    # nothing was begun that would have to be rolled back
    once: dict[str, Any] = {"poolclass": NullPool, "pool_reset_on_return": None}
    if asynchronous:
        return _Loops(partial(patient.create_async_engine, **once), attempts)
    return _Threads(patient.create_engine(**once))


class _Threads:
    """Threads share an engine."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def connect(self, watch: Watch, answered: Callable[[], None]) -> None:
        del watch  # the connection finds it
        with self._engine.connect():
            answered()

    def get_ready(self) -> None:
        """Have nothing to do."""


class _Loops:
    """Event loops do not: where two of them meet within SQLAlchemy's lock of an engine, one fails.

    To read the system's CAs for each takes longer than an attempt at a port that refuses.
    """

    def __init__(self, make: Callable[[], AsyncEngine], attempts: int) -> None:
        self._make = make
        self._ready = [make()]  # imports the driver, and finds what is wrong
        self._to_come = attempts - 1

    def connect(self, watch: Watch, answered: Callable[[], None]) -> None:
        with asyncio.Runner() as runner:  # has its loop, or fails, before there is a coroutine that would wait for it
            runner.run(self._connect(watch, answered))

    async def _connect(self, watch: Watch, answered: Callable[[], None]) -> None:
        try:
            engine = self._ready.pop()
        except IndexError:
            engine = self._make()
        async with cancelled_late(watch), engine.connect():
            answered()

    def get_ready(self) -> None:
        if self._to_come > 0:
            self._to_come -= 1
            with suppress(DbkitError):  # whoever needs it finds out
                self._ready.append(self._make())


class _Bound(Watch):
    """The time that an attempt has."""

    names_who_was_late = True


class Try:
    """One attempt, which goes on until it is over, whoever waits for it."""

    def __init__(
        self,
        config: DatabaseConfig,
        way: Reach,
        *,
        bound_s: float,
        clock: Callable[[], float],
        on_news: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare an attempt.

        Args:
            config: the primary's.
            way: what makes the connection.
            bound_s: how long it may take.
            clock: seconds since the inquiry began.
            on_news: called when something came of it, on its thread.
        """
        self._config = config
        self._way = way
        self._clock = clock
        self._on_news = on_news
        self._watch = _Bound(bound_s)
        self._began_s = clock()
        self._found: Attempt | None = None
        self.settled = threading.Event()
        """Set when something came of it."""

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name=f"dbkit-primary-{self._config.service or ''}", daemon=True).start()

    def seen(self) -> Attempt:
        """Tell how it stands."""
        return self._found or self._attempt(Outcome.SILENT)

    def leave(self) -> None:
        """Wait for it no longer: shut what it has connected, unless something came of it and it is being closed."""
        if not self.settled.is_set():
            self._watch.expire()

    def _run(self) -> None:
        try:
            with self._watch:
                self._knock()
                self._way.connect(self._watch, lambda: self._settle(self._attempt(Outcome.ANSWERED)))
        except BaseException as error:  # noqa: BLE001 - whatever it is, who asked must hear of it and not wait
            self._settle(self._failed(error))
            self._way.get_ready()

    def _settle(self, found: Attempt) -> None:
        """Note what came of it; that the connection could not be closed as it should does not unmake an answer."""
        if self._found is None:
            self._found = found
            self.settled.set()
            self._on_news()

    def _failed(self, error: BaseException) -> Attempt:
        fault = _fault(self._config, error)
        if self._watch.passed and (fault in _SHUT or isinstance(error, DeadlineError | TimeoutError)):
            return self._attempt(Outcome.SILENT)
        absent = fault in _NOBODY or isinstance(error, DeadlineError)
        absent = absent and not any(words in str(error) for words in _OURS)
        hung_up = fault is Fault.CONNECTION_LOST or any(words in str(error) for words in _HUNG_UP)
        if absent and hung_up and self._greets():
            absent = False  # whoever hangs up later may do so over TLS, and no driver says it reliably
        return self._attempt(Outcome.ABSENT if absent else Outcome.REFUSED, _worded(self._config, error))

    def _knock(self) -> None:
        """Find out by ourselves that a port refuses, where the driver would take all of its time to say so."""
        if get_backend(self._config.backend).traits.retries_refused:
            self._call().close()

    def _greets(self) -> bool:
        """Tell whether a server that hung up is there, where what it did not like may be TLS."""
        config = self._config
        if config.host is None or config.endpoint().tls.mode == "off":
            return False
        try:
            with self._call() as sock:
                return greets(get_backend(config.backend).traits.wire, sock)
        except OSError:
            return False

    def _call(self) -> socket.socket:
        place = (self._config.host or "", self._config.port or 0)
        return socket.create_connection(place, timeout=max(TICK_S, self._watch.left_s))

    def _attempt(self, outcome: Outcome, error: DbkitError | None = None) -> Attempt:
        return Attempt(
            outcome=outcome,
            began_s=self._began_s,
            seconds=max(0.0, self._clock() - self._began_s),
            said="" if error is None else error.message,
            error=error,
        )


def failed(config: DatabaseConfig, error: BaseException) -> Attempt:
    """Give the attempt that could not begin: it was refused by our own side."""
    worded = _worded(config, error)
    return Attempt(outcome=Outcome.REFUSED, seconds=0.0, said=worded.message, error=worded)


def _fault(config: DatabaseConfig, error: BaseException) -> Fault | None:
    """Tell what a driver's error means; None for an error of our own."""
    if isinstance(error, DbkitError):
        return None
    fault = get_backend(config.backend).errors.fault(error)
    return network_fault(error) or fault if fault is Fault.OTHER else fault


def _worded(config: DatabaseConfig, error: BaseException) -> DbkitError:
    """Give an error of ours that says the same."""
    from sqlalchemy.exc import DBAPIError

    from dbkit.config.connect import explain

    if isinstance(error, DbkitError):
        return error
    if isinstance(error, DBAPIError | OSError):
        return explain(config, error)
    backend = get_backend(config.backend)
    said = redact(backend.errors.message(error))
    return DbkitError(f"{backend.traits.title} at {config.address}: connecting failed: {type(error).__name__}: {said}")
