"""What dbkit's engine costs beside plain SQLAlchemy on the same URL with the same TLS: for a connection and a small query.

All sides run in one process and take turns within milliseconds, so that a machine that slows down slows them all. Each
round gives a ratio against plain SQLAlchemy in the same round; the median of these is printed.
"""

from __future__ import annotations

import gc
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from dbkit.config import DatabaseConfig
from dbkit.config.metrics import Sample, Sink, measure
from dbkit.config.metrics_otel import OpenTelemetrySink
from tests.servers import SERVERS, find_server, throw_away_database

QUERY = sa.text("SELECT 1")
ROUNDS = 1200
QUERIES = 5  # of one turn
CONNECTS = 60
WARM_UP = 50
PLAIN = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One engine, and what is timed on it."""

    name: str
    block: Callable[[], None]
    before: Callable[[], object] = lambda: None
    """Called before each turn, and not timed."""


def timed(block: Callable[[], None]) -> float:
    """Time one call, in seconds, with the garbage collector out of the way."""
    began = time.perf_counter()
    block()
    return time.perf_counter() - began


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one side costs."""

    seconds: float
    """The median of its turns."""
    ratio: float
    """The median of its ratios against plain SQLAlchemy, round by round."""
    added: float
    """The median of what it takes more, in seconds."""


def interleaved(sides: Sequence[Side], rounds: int) -> dict[str, Found]:
    """Time sides in turn, each round beginning with another one."""
    times: dict[str, list[float]] = {side.name: [] for side in sides}
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            first = number % len(sides)
            for side in (*sides[first:], *sides[:first]):
                side.before()
                times[side.name].append(timed(side.block))
    finally:
        gc.enable()
    return {
        name: Found(
            seconds=statistics.median(found),
            ratio=statistics.median(ours / plain for ours, plain in zip(found, times[PLAIN], strict=True)),
            added=statistics.median(ours - plain for ours, plain in zip(found, times[PLAIN], strict=True)),
        )
        for name, found in times.items()
    }


def plain_engine(config: DatabaseConfig) -> sa.Engine:
    """Make an engine as somebody does who has no dbkit, with the pool that dbkit's has."""
    return sa.create_engine(
        config.url(),
        connect_args=config.connect_args(),
        pool_size=config.pool_size,
        max_overflow=config.max_overflow,
        pool_recycle=config.pool_recycle_s,
        pool_pre_ping=True,
        pool_use_lifo=True,
    )


@contextmanager
def engines(config: DatabaseConfig) -> Iterator[dict[str, sa.Engine]]:
    """Give plain SQLAlchemy twice, whose difference is noise, and dbkit's engine without metrics and with each sink."""
    made = {
        PLAIN: plain_engine(config),
        "plain again": plain_engine(config),
        "dbkit": config.create_engine(),
        "with a callable": config.create_engine(),
        "with OpenTelemetry": config.create_engine(),
    }
    sinks: dict[str, Sink] = {"with a callable": Sums(), "with OpenTelemetry": OpenTelemetrySink(provider())}
    measurements = [measure(made[name], sink) for name, sink in sinks.items()]
    try:
        yield made
    finally:
        for measurement in measurements:
            measurement.stop()
        for engine in made.values():
            engine.dispose()


class Sums:
    """A sink that does the least that is useful: it adds up."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}

    def __call__(self, sample: Sample) -> None:
        """Add a sample."""
        self.sums[sample.name] = self.sums.get(sample.name, 0.0) + sample.value


def provider() -> object:
    """Make a provider of OpenTelemetry's SDK that keeps histograms in memory."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    return MeterProvider(metric_readers=[InMemoryMetricReader()])


def query_blocks(made: dict[str, sa.Engine], stack: ExitStack) -> list[Side]:
    """Time small queries over a connection that is held, as within a request."""

    def side(name: str, connection: sa.Connection) -> Side:
        def block() -> None:
            for _ in range(QUERIES):
                connection.execute(QUERY).scalar()

        return Side(name=name, block=block)

    return [side(name, stack.enter_context(engine.connect())) for name, engine in made.items()]


def checkout_blocks(made: dict[str, sa.Engine]) -> list[Side]:
    """Time taking a connection out of the pool, its ping, one query, and giving it back."""

    def side(name: str, engine: sa.Engine) -> Side:
        def block() -> None:
            with engine.connect() as connection:
                connection.execute(QUERY).scalar()

        return Side(name=name, block=block)

    return [side(name, engine) for name, engine in made.items()]


def connect_blocks(made: dict[str, sa.Engine]) -> list[Side]:
    """Time a new connection, with what each side sets up on it."""

    def side(name: str, engine: sa.Engine) -> Side:
        def block() -> None:
            engine.connect().close()
            engine.dispose()

        return Side(name=name, block=block)

    return [side(name, engine) for name, engine in made.items()]


def report(title: str, sides: dict[str, Found], *, per: int = 1, goal: str) -> None:
    """Print the ratios of one comparison, and what is added, in microseconds."""
    print(f"{title}: plain SQLAlchemy {sides[PLAIN].seconds / per * 1e6:.1f} us   goal: {goal}")
    for name, found in sides.items():
        if name != PLAIN:
            print(f"    {name:<20} {found.ratio:.3f} of it   {found.added / per * 1e6:+.1f} us")


def compare(backend: str, config: DatabaseConfig) -> None:
    """Print what a query, a checkout and a connection cost on one backend."""
    with engines(config) as made:
        with ExitStack() as stack:
            sides = query_blocks(made, stack)
            interleaved(sides, WARM_UP)
            found = interleaved(sides, ROUNDS)
        report(f"a small query, {backend}", found, per=QUERIES, goal="at most 1.03, with metrics 1.08")
        sides = checkout_blocks(made)
        interleaved(sides, WARM_UP)
        report(
            f"a connection of the pool and a query, {backend}", interleaved(sides, ROUNDS // 2), goal="none, but told"
        )
        sides = connect_blocks({name: made[name] for name in (PLAIN, "plain again", "dbkit")})
        report(f"a new connection, {backend}", interleaved(sides, CONNECTS), goal="none, but told")


def comparing(names: Sequence[str] = ("sqlite", *SERVERS)) -> None:
    """Compare on every backend that is there."""
    for backend in names:
        if backend != "sqlite" and find_server(backend) is None:
            print(f"{backend}: no server, so nothing is compared")
            continue
        with tempfile.TemporaryDirectory() as folder, throw_away_database(backend, Path(folder)) as database:
            compare(backend, DatabaseConfig.from_env(environ={**database.environ, "DBKIT_PROJECT": ""}))


if __name__ == "__main__":
    import sys

    for variable in list(os.environ):
        if "DATABASE_" in variable:
            del os.environ[variable]
    comparing(sys.argv[1:] or ("sqlite", *SERVERS))
