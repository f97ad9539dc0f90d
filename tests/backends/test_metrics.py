"""Metrics of engines: what is measured, to a callable and to OpenTelemetry, and that nothing is attached unasked."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import weakref
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from dbkit.config import DatabaseConfig, metrics
from dbkit.config.metrics import (
    BUCKETS_S,
    CREATE_TIME,
    ERRORS,
    IN_USE,
    OPERATION,
    TIMEOUTS,
    WAIT_TIME,
    Measurement,
    Sample,
    measure,
)
from dbkit.config.metrics_otel import BATCH, OpenTelemetrySink
from tests.backends.healthy import Service, configured, service_on
from tests.servers import Database

SELECT = sa.text("SELECT 1")
NAMES = {"sqlite": "sqlite", "postgresql": "postgresql", "mariadb": "mariadb", "mysql": "mysql", "tidb": "tidb"}


@pytest.fixture
def samples(engine: sa.Engine) -> Iterator[list[Sample]]:
    found: list[Sample] = []
    measurement = measure(engine, found.append, pool_name="user")
    yield found
    measurement.stop()


def named(samples: list[Sample], name: str) -> list[Sample]:
    return [sample for sample in samples if sample.name == name]


def listeners(engine: sa.Engine) -> dict[str, int]:
    """Count the listeners of an engine by event, and what else stands on it."""
    found: Counter[str] = Counter()
    for dispatch in (engine.dispatch, engine.dialect.dispatch, engine.pool.dispatch):
        for name in dispatch._event_names:
            found[name] += len(list(getattr(dispatch, name)))
    found.update(key for key in vars(engine.dialect) if key in {"do_execute", "connect", "dbkit_meter"})
    found["on_wait"] = getattr(engine.pool, "on_wait", None) is not None
    return dict(found)


def test_a_statement_is_timed_and_belongs_to_its_database(
    database: Database, engine: sa.Engine, samples: list[Sample]
) -> None:
    with engine.connect() as connection:
        samples.clear()
        connection.execute(SELECT)
        (sample,) = samples
    assert sample.name == OPERATION
    assert 0 < sample.value < 5
    assert sample.attributes["db.system.name"] == NAMES[database.backend]
    assert sample.attributes["db.operation.name"] == "SELECT"
    assert sample.attributes["db.client.connection.pool.name"] == "user"
    assert sample.attributes.get("server.port") == engine.url.port


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("select 1", "SELECT"),
        ("\n  SELECT 1", "SELECT"),
        ("DELETE FROM measured", "DELETE"),
        ("/* x */ SELECT 1", None),
    ],
)
def test_statements_are_told_apart_by_their_first_word(
    engine: sa.Engine, samples: list[Sample], statement: str, word: str | None
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS measured (id INTEGER PRIMARY KEY)")
        samples.clear()
        connection.exec_driver_sql(statement)
    assert named(samples, OPERATION)[0].attributes.get("db.operation.name") == word


def test_many_rows_at_once_are_one_statement(engine: sa.Engine, samples: list[Sample]) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS measured (id INTEGER PRIMARY KEY)")
        connection.exec_driver_sql("DELETE FROM measured")
        samples.clear()
        connection.execute(sa.text("INSERT INTO measured (id) VALUES (:id)"), [{"id": 1}, {"id": 2}])
        assert [sample.attributes["db.operation.name"] for sample in named(samples, OPERATION)] == ["INSERT"]
        assert connection.scalar(sa.text("SELECT count(*) FROM measured")) == 2


def test_an_error_is_counted_once_by_its_class_and_what_it_means(engine: sa.Engine, samples: list[Sample]) -> None:
    with engine.connect() as connection:
        samples.clear()
        with pytest.raises(sa.exc.DBAPIError) as raised:
            connection.execute(sa.text("SELECT * FROM nowhere"))
    (error,) = named(samples, ERRORS)
    assert error.value == 1
    assert error.attributes["error.type"] == type(raised.value.orig).__name__
    assert error.attributes["dbkit.fault"] == "no_table"
    (operation,) = named(samples, OPERATION)
    assert operation.attributes["error.type"] == error.attributes["error.type"]


def test_connections_are_timed_when_made_and_counted_while_held(engine: sa.Engine, samples: list[Sample]) -> None:
    with engine.connect(), engine.connect():
        pass
    assert len(named(samples, CREATE_TIME)) == 2
    assert [sample.value for sample in named(samples, IN_USE)] == [1, 2, 1, 0]
    made, waited = named(samples, CREATE_TIME)[1], named(samples, WAIT_TIME)[1]
    assert 0 < made.value <= waited.value  # who waits for a new connection waits for its making
    samples.clear()
    with engine.connect():
        pass
    assert (len(named(samples, CREATE_TIME)), len(named(samples, WAIT_TIME))) == (0, 1)


def test_a_wait_for_the_pool_is_as_long_as_it_took(config: DatabaseConfig) -> None:
    found: list[Sample] = []
    engine = config.create_engine(pool_size=1, max_overflow=0, pool_timeout=0.2)
    measurement = measure(engine, found.append)
    with engine.connect():
        found.clear()
        with pytest.raises(sa.exc.TimeoutError):
            engine.connect()
    (waited,) = named(found, WAIT_TIME)
    assert 0.2 <= waited.value < 1
    assert waited.attributes["error.type"] == "PoolTimeoutError"
    assert [sample.value for sample in named(found, TIMEOUTS)] == [1]
    assert [sample.attributes["error.type"] for sample in named(found, ERRORS)] == ["PoolTimeoutError"]
    measurement.stop()
    engine.dispose()


def test_an_engine_that_nobody_measures_has_nothing_more_on_it_than_before(engine: sa.Engine) -> None:
    with engine.connect() as connection:  # what SQLAlchemy hangs on it itself at the first connection
        connection.execute(SELECT)
    before = listeners(engine)
    measurements = [measure(engine, lambda _: None), measure(engine, lambda _: None)]
    assert listeners(engine) != before
    for measurement in measurements:
        measurement.stop()
    assert listeners(engine) == before
    with engine.connect() as connection:
        assert connection.execute(SELECT).scalar() == 1


def test_the_default_engine_has_no_python_listener_per_statement(engine: sa.Engine) -> None:
    assert engine._has_events is False
    found = listeners(engine)
    per_statement = ("before_cursor_execute", "after_cursor_execute", "before_execute", "after_execute", "begin")
    assert [name for name in per_statement if found.get(name)] == []
    assert [name for name in ("do_execute", "do_executemany", "handle_error", "checkout") if found.get(name)] == []


def test_measuring_goes_on_when_the_pool_is_made_anew(engine: sa.Engine, samples: list[Sample]) -> None:
    with engine.connect():
        pass
    engine.dispose()
    samples.clear()
    with engine.connect() as connection:
        connection.execute(SELECT)
    assert {sample.name for sample in samples} == {OPERATION, CREATE_TIME, WAIT_TIME, IN_USE}


def test_listeners_of_others_are_asked_as_before(engine: sa.Engine, samples: list[Sample]) -> None:
    seen: list[str] = []
    sa.event.listen(engine, "do_execute", lambda *_: seen.append("do_execute"))
    sa.event.listen(engine, "before_cursor_execute", lambda *_: seen.append("before"))
    with engine.connect() as connection:
        samples.clear()
        seen.clear()
        connection.execute(SELECT)
    assert sorted(seen) == ["before", "do_execute"]
    assert len(named(samples, OPERATION)) == 1


def test_a_sink_that_raises_breaks_no_query_and_is_logged_once(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(sample: Sample) -> None:
        raise RuntimeError(f"no place for {sample.name}")

    found: list[Sample] = []
    measurements = [measure(engine, broken), measure(engine, found.append)]
    with caplog.at_level(logging.ERROR), engine.connect() as connection:
        for _ in range(5):
            assert connection.execute(SELECT).scalar() == 1
    assert len(named(found, OPERATION)) >= 5
    assert [record.name for record in caplog.records] == ["dbkit.config.metrics"]
    for measurement in measurements:
        measurement.stop()


def test_a_measured_engine_that_nobody_holds_goes(config: DatabaseConfig) -> None:
    engine = config.create_engine()
    measure(engine, lambda _: None)
    engine.dispose()
    gone = weakref.ref(engine)
    del engine
    gc.collect()
    assert gone() is None


def test_whoever_keeps_a_measurement_keeps_no_engine(config: DatabaseConfig) -> None:
    reader = InMemoryMetricReader()
    sink = OpenTelemetrySink(MeterProvider(metric_readers=[reader]))
    engine = config.create_engine()
    measurement = measure(engine, sink, pool_name="user")
    engine.connect().close()
    assert IN_USE in metrics_of(reader)
    engine.dispose()
    gone = weakref.ref(engine)
    del engine
    gc.collect()
    assert gone() is None
    assert IN_USE not in metrics_of(reader)
    assert sink._pools == {}
    measurement.stop()


def test_a_measurement_that_is_stopped_twice_stops_no_other(engine: sa.Engine, samples: list[Sample]) -> None:
    again = measure(engine, samples.append)
    for _ in range(2):
        again.stop()
    samples.clear()
    with engine.connect() as connection:
        connection.execute(SELECT)
    assert len(named(samples, OPERATION)) >= 1


def test_the_last_measurement_may_be_stopped_twice(engine: sa.Engine) -> None:
    measurement = measure(engine, lambda _: None)
    for _ in range(2):
        measurement.stop()
    assert "dbkit_meter" not in vars(engine.dialect)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_measures_though_a_thread_of_its_parent_was_about_to() -> None:
    with metrics._lock:
        child = os.fork()
        if child == 0:
            os._exit(0 if metrics._lock.acquire(timeout=5) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def metrics_of(reader: InMemoryMetricReader) -> dict[str, list[Any]]:
    data = reader.get_metrics_data()
    assert data is not None
    (resource,) = data.resource_metrics
    (scope,) = resource.scope_metrics
    assert scope.scope.name == "dbkit"
    return {metric.name: [metric.unit, *metric.data.data_points] for metric in scope.metrics}


def test_opentelemetry_gets_its_own_names_units_and_buckets(engine: sa.Engine) -> None:
    reader = InMemoryMetricReader()
    sink = OpenTelemetrySink(MeterProvider(metric_readers=[reader]))
    measurement = measure(engine, sink, pool_name="user")
    with engine.connect() as connection:
        for _ in range(BATCH + 3):
            connection.execute(SELECT)
        with pytest.raises(sa.exc.DBAPIError):
            connection.execute(sa.text("SELECT * FROM nowhere"))
        found = metrics_of(reader)
    unit, *points = found[OPERATION]
    assert unit == "s"
    assert points[0].explicit_bounds == BUCKETS_S
    fine = [point for point in points if "error.type" not in point.attributes]
    assert sum(point.count for point in fine) >= BATCH + 3  # SQLAlchemy asks a new server something too
    assert sum(point.count for point in points) == sum(point.count for point in fine) + 1
    assert found[ERRORS][1].attributes["dbkit.fault"] == "no_table"
    assert found[CREATE_TIME][1].count == 1
    unit, *points = found[IN_USE]
    states = {point.attributes["db.client.connection.state"]: point.value for point in points}
    assert (unit, states) == ("{connection}", {"used": 1, "idle": 0})
    assert points[0].attributes["db.client.connection.pool.name"] == "user"
    assert found["db.client.connection.max"][1].value == 30
    measurement.stop()
    assert IN_USE not in metrics_of(reader)


@pytest.fixture
def service(database: Database, tmp_path: Path) -> Iterator[Service]:
    with service_on(database.backend, tmp_path) as made:
        made.environ = dict(database.environ)
        with configured(made) as found:
            yield found


def test_a_service_is_measured_on_all_its_engines_those_of_today_and_those_to_come(service: Service) -> None:
    found: list[Sample] = []
    project = service.project
    project.engine("user")
    measurement = project.measure("user", found.append)
    assert isinstance(measurement, Measurement)
    with project.engine("user").connect() as connection:
        connection.execute(SELECT)
    assert {sample.attributes["db.client.connection.pool.name"] for sample in found} == {"user"}
    synchronous = len(named(found, OPERATION))
    assert synchronous >= 1

    async def run() -> None:
        engine = project.async_engine("user")
        async with engine.connect() as connection:
            await connection.execute(SELECT)
        measurement.stop()
        count = len(found)
        async with engine.connect() as connection:
            await connection.execute(SELECT)
        assert len(found) == count
        await engine.dispose()

    asyncio.run(run())
    assert len(named(found, OPERATION)) > synchronous
    assert len(named(found, CREATE_TIME)) == 2


def test_a_measured_service_lets_the_engines_of_loops_that_are_gone_go(service: Service) -> None:
    project, engines = service.project, []
    measurement = project.measure("user", lambda _: None)

    async def use() -> None:
        engine = project.async_engine("user")
        engines.append(weakref.ref(engine.sync_engine))
        async with engine.connect() as connection:
            await connection.execute(SELECT)
        await engine.dispose()

    for _ in range(3):
        asyncio.run(use())
    asyncio.run(asyncio.sleep(0))
    project.engine("user")
    gc.collect()
    assert [engine() is None for engine in engines[:2]] == [True, True]
    measurement.stop()
