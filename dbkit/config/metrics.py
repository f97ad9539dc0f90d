"""Metrics of an engine: nothing is measured, and nothing attached, until somebody asks for it by `measure`.

Names, units and buckets are OpenTelemetry's: https://opentelemetry.io/docs/specs/semconv/db/database-metrics/.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, runtime_checkable

from dbkit.config.pool_use import PoolUse, pool_use

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = [
    "BUCKETS_S",
    "CREATE_TIME",
    "ERRORS",
    "IN_USE",
    "OPERATION",
    "TIMEOUTS",
    "WAIT_TIME",
    "Measurement",
    "PoolSink",
    "Sample",
    "Sink",
    "measure",
]

log = logging.getLogger(__name__)

OPERATION: Final = "db.client.operation.duration"
"""Seconds that a statement took, until the driver gave it back; with `error.type` where it failed."""
WAIT_TIME: Final = "db.client.connection.wait_time"
"""Seconds until the pool gave a connection: waiting for a free one, and its ping or its making."""
CREATE_TIME: Final = "db.client.connection.create_time"
"""Seconds until a new connection was made: TCP, TLS and log-in; with `error.type` where it failed."""
IN_USE: Final = "db.client.connection.count"
"""Connections that somebody holds, whenever that changes."""
TIMEOUTS: Final = "db.client.connection.timeouts"
"""One for each wait for a connection that was given up."""
ERRORS: Final = "dbkit.client.errors"
"""One for each error, by class (`error.type`) and by what it means (`dbkit.fault`)."""

BUCKETS_S: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
"""The bounds that OpenTelemetry advises for durations of operations."""


class Sample(NamedTuple):
    """One measured value. A tuple, because one is made for each statement."""

    name: str
    value: float
    """Seconds for a duration; 1 for an event that is counted; connections."""
    attributes: Mapping[str, str | int]
    """What it belongs to; shared between samples, and not to be changed."""


Sink = Callable[[Sample], None]
"""Takes samples, in the thread or task that made them; it should be quick. What it raises is logged once."""


@runtime_checkable
class PoolSink(Protocol):
    """A sink that asks pools itself when it needs to know; it gets no samples of `IN_USE`."""

    def __call__(self, sample: Sample, /) -> None:
        """Take a sample."""
        ...

    def add_pool(self, read: Callable[[], PoolUse | None], attributes: Mapping[str, str | int]) -> Callable[[], None]:
        """Take a function that tells how full a pool is, None where it is gone or no queue; give one that ends this."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Samples that flow until `stop` is called; to call it again does nothing."""

    stop: Callable[[], None]


class Sides(Protocol):
    """What has several engines; see `dbkit.failover.engines.Sides`."""

    def follow(self, follower: Callable[[str, sa.Engine], object], /) -> None:
        """Have somebody told of each engine, also of those that will be made."""
        ...

    def leave(self, follower: Callable[[str, sa.Engine], object], /) -> None:
        """Tell somebody no more."""
        ...


class Outlet:
    """Hands an engine's samples to its sinks."""

    def __init__(self) -> None:
        self.sinks: tuple[Sink, ...] = ()
        self.counting: tuple[Sink, ...] = ()
        """Those that do not ask pools themselves."""
        self._blamed: set[int] = set()

    def add(self, sink: Sink) -> None:
        """Hand samples to this sink too."""
        self._set([*self.sinks, sink])

    def remove(self, sink: Sink) -> None:
        """Hand it no more; a sink that was added twice stays once."""
        left = list(self.sinks)
        if sink in left:
            left.remove(sink)
        self._set(left)

    def emit(self, name: str, value: float, attributes: Mapping[str, str | int]) -> None:
        """Hand one sample on; what a sink raises must not break the query that it measures."""
        sample = Sample(name, value, attributes)
        for sink in self.sinks:
            try:
                sink(sample)
            except Exception as error:  # noqa: BLE001 - a sink is anybody's code
                self._blame(sink, error)

    def emit_in_use(self, count: int, attributes: Mapping[str, str | int]) -> None:
        """Hand on how many connections are held, to whoever cannot ask."""
        for sink in self.counting:
            try:
                sink(Sample(IN_USE, count, attributes))
            except Exception as error:  # noqa: BLE001 - as above
                self._blame(sink, error)

    def _set(self, sinks: list[Sink]) -> None:
        self.sinks = tuple(sinks)
        self.counting = tuple(sink for sink in sinks if not isinstance(sink, PoolSink))

    def _blame(self, sink: Sink, error: Exception) -> None:
        if id(sink) not in self._blamed:
            self._blamed.add(id(sink))
            log.error("a sink of metrics failed; what it still fails at is not logged again", exc_info=error)


_lock = threading.Lock()


def _renew_lock() -> None:
    """Give a forked child a lock of its own: another thread of the parent may have held it."""
    global _lock  # noqa: PLW0603 - the only way to replace it
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def measure(engine: sa.Engine | AsyncEngine, sink: Sink, *, pool_name: str | None = None) -> Measurement:
    """Send an engine's metrics to a sink from now on; several sinks may be there.

    Args:
        engine: made by dbkit; another's engine has no `WAIT_TIME` and `TIMEOUTS`.
        sink: called with each `Sample`.
        pool_name: what its pool is called in the attributes; None for host, port and database. That of a fallback is
            called so with `.fallback` behind it.
    """
    found: Any = getattr(engine, "sync_engine", engine)
    sides: Sides | None = getattr(found, "sides", None)
    return _measure(found, sink, pool_name) if sides is None else _measure_sides(sides, sink, pool_name)


def _measure_sides(sides: Sides, sink: Sink, pool_name: str | None) -> Measurement:
    """Measure an engine that has two sides, of which the second is made when it is needed."""
    # weak, both: whoever keeps a measurement keeps no engine with it
    flowing: weakref.WeakKeyDictionary[sa.Engine, list[Measurement]] = weakref.WeakKeyDictionary()
    reference = weakref.ref(sides)

    def take(ending: str, engine: sa.Engine) -> None:
        mine: list[Measurement] = []
        if flowing.setdefault(engine, mine) is mine:
            mine.append(_measure(engine, sink, pool_name and pool_name + ending))

    sides.follow(take)

    def stop() -> None:
        found = reference()
        if found is not None:
            found.leave(take)
        for measurement in itertools.chain.from_iterable(list(flowing.values())):
            measurement.stop()

    return Measurement(stop=stop)


def _measure(sync: sa.Engine, sink: Sink, pool_name: str | None) -> Measurement:
    from dbkit.config.meter import describe, meter_of

    attributes = describe(sync, pool_name)
    with _lock:
        meter = meter_of(sync, attributes)
        meter.outlet.add(sink)
    end_pool = _ask_pools(sync, sink, attributes)
    # weak: whoever keeps a measurement keeps no engine with it
    running = [weakref.ref(meter)]

    def stop() -> None:
        end_pool()
        with _lock:
            found = running.pop()() if running else None
            if found is not None:
                found.outlet.remove(sink)
                if not found.outlet.sinks:
                    found.detach()

    return Measurement(stop=stop)


def _ask_pools(engine: sa.Engine, sink: Sink, attributes: Mapping[str, str | int]) -> Callable[[], None]:
    if not isinstance(sink, PoolSink):
        return lambda: None
    reference = weakref.ref(engine)

    def read() -> PoolUse | None:
        found = reference()
        return None if found is None else pool_use(found)

    return sink.add_pool(read, attributes)
