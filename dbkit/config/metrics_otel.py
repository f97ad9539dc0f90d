"""Metrics as OpenTelemetry's, under the names of its semantic conventions; the extra is `dbkit[otel]`."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from dbkit.config.metrics import (
    BUCKETS_S,
    CREATE_TIME,
    ERRORS,
    IN_USE,
    OPERATION,
    TIMEOUTS,
    WAIT_TIME,
    Sample,
)
from dbkit.config.pool_use import PoolUse
from dbkit.errors import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

__all__ = ["OpenTelemetrySink"]

Attributes = Mapping[str, str | int]
Read = Callable[[], PoolUse | None]

# The words are those of https://opentelemetry.io/docs/specs/semconv/db/database-metrics/.
_HISTOGRAMS: Final = {
    OPERATION: "Duration of database client operations.",
    WAIT_TIME: "The time it took to obtain an open connection from the pool.",
    CREATE_TIME: "The time it took to create a new connection.",
}
_COUNTERS: Final = {
    TIMEOUTS: ("{timeout}", "The number of connection timeouts that have occurred trying to obtain a connection."),
    ERRORS: ("{error}", "The number of errors, by class and by what they mean."),
}
POOL_MAX: Final = "db.client.connection.max"
# As many statements share the cost; half a millisecond then falls to one of them.
BATCH: Final = 50
# What the conventions ask for on measurements of a pool.
_POOL: Final = "db.client.connection.pool.name"


class OpenTelemetrySink:
    """A sink for `measure` that records to OpenTelemetry; one may serve many engines.

    Samples are recorded in batches, and all that there are whenever metrics are collected: recording one between two
    statements costs several times what it costs among its like (measured with opentelemetry-sdk 1.45: 40 and 9 microseconds).
    """

    def __init__(self, meter_provider: MeterProvider | None = None) -> None:
        """Make the instruments.

        Args:
            meter_provider: None for the global one.

        Raises:
            ConfigurationError: opentelemetry-api is not installed.
        """
        try:
            from opentelemetry import metrics
        except ImportError:
            raise ConfigurationError("opentelemetry-api is not installed", hint="pip install 'dbkit[otel]'") from None
        meter = metrics.get_meter("dbkit", meter_provider=meter_provider)
        self._observation = metrics.Observation
        self._lock = threading.Lock()
        self._pools: dict[object, tuple[Read, str | int]] = {}
        self._waiting: deque[Sample] = deque()
        self._take: dict[str, Callable[[float, Attributes], None]] = {}
        for name, text in _HISTOGRAMS.items():
            histogram = meter.create_histogram(name, "s", text, explicit_bucket_boundaries_advisory=BUCKETS_S)
            self._take[name] = histogram.record
        for name, (unit, text) in _COUNTERS.items():
            self._take[name] = meter.create_counter(name, unit, text).add
        text = "The number of connections that are currently in state described by the state attribute."
        meter.create_observable_up_down_counter(IN_USE, [self._observe_use], "{connection}", text)
        text = "The maximum number of open connections allowed."
        meter.create_observable_up_down_counter(POOL_MAX, [self._observe_limit], "{connection}", text)

    def __call__(self, sample: Sample) -> None:
        """Take one sample."""
        self._waiting.append(sample)
        if len(self._waiting) >= BATCH:
            self._record()

    def add_pool(self, read: Read, attributes: Attributes) -> Callable[[], None]:
        """Observe a pool whenever metrics are collected."""
        key = object()
        with self._lock:
            self._pools[key] = (read, attributes[_POOL])

        def end() -> None:
            with self._lock:
                self._pools.pop(key, None)

        return end

    def _record(self) -> None:
        waiting, take = self._waiting, self._take
        with suppress(IndexError):  # it is empty, perhaps by another thread's doing
            while True:
                sample = waiting.popleft()
                if sample.name in take:
                    take[sample.name](sample.value, sample.attributes)

    def _seen(self) -> Iterator[tuple[str | int, list[PoolUse]]]:
        """Look at all pools, those of one name together: a service may have an engine for each event loop."""
        with self._lock:
            pools = list(self._pools.items())
        found: dict[str | int, list[PoolUse]] = {}
        for key, (read, name) in pools:
            use = read()
            if use is not None:
                found.setdefault(name, []).append(use)
            else:  # its engine is gone, perhaps with the loop that it belonged to
                with self._lock:
                    self._pools.pop(key, None)
        yield from found.items()

    def _observe_use(self, options: CallbackOptions) -> Iterable[Observation]:
        del options
        self._record()  # what waits belongs to what is being collected
        for name, uses in self._seen():
            for state, count in (("used", sum(use.in_use for use in uses)), ("idle", sum(use.idle for use in uses))):
                yield self._observation(count, {_POOL: name, "db.client.connection.state": state})

    def _observe_limit(self, options: CallbackOptions) -> Iterable[Observation]:
        del options
        for name, uses in self._seen():
            limits = [use.limit for use in uses if use.limit is not None]
            if len(limits) == len(uses):
                yield self._observation(sum(limits), {_POOL: name})
