"""What SQLAlchemy makes of a routed engine: sessions stay on one side, listeners hear both, and it is used like any other."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from dbkit.config.metrics import IN_USE, OPERATION, Sample, measure
from dbkit.failover.engines import RoutedEngine, SideEngine, route_of
from dbkit.failover.plan import Route
from tests.routing import Town

T = sa.Table("t", sa.MetaData(), sa.Column("n", sa.Integer, primary_key=True))


@pytest.fixture
def town(tmp_path: Path) -> Town:
    found = Town(folder=tmp_path, primary_pool={})
    found.tables()
    return found


def fall(town: Town) -> None:
    town.router.switch(Route.FALLBACK, "the test says so", town.parts)()


def go_back(town: Town) -> None:
    town.router.switch(Route.PRIMARY, "the test says so", town.parts)()


def test_a_session_keeps_to_its_side_whatever_happens_in_its_middle(town: Town) -> None:
    make = sessionmaker(town.engine)
    with make() as session:
        session.execute(T.insert(), {"n": 1})
        connection = session.connection()
        fall(town)
        with session.begin_nested():
            session.execute(T.insert(), {"n": 2})
            session.flush()
        with session.begin_nested() as savepoint:
            session.execute(T.insert(), {"n": 3})
            savepoint.rollback()
        session.execute(T.insert(), {"n": 4})
        assert session.connection() is connection
        session.commit()
        session.execute(T.insert(), {"n": 5})  # the next transaction goes where the service is
        go_back(town)
        session.execute(T.insert(), {"n": 6})
        session.commit()
    assert (town.rows("primary"), town.rows("fallback")) == ([1, 2, 4], [5, 6])


def test_two_sessions_at_one_time_keep_to_their_sides(town: Town) -> None:
    with Session(town.engine) as first, Session(town.engine) as second:
        first.execute(T.insert(), {"n": 1})
        fall(town)
        second.execute(T.insert(), {"n": 2})
        first.execute(T.insert(), {"n": 3})
        second.commit()
        first.commit()
    assert (town.rows("primary"), town.rows("fallback")) == ([1, 3], [2])


def test_a_session_on_a_connection_keeps_to_it(town: Town) -> None:
    with town.engine.connect() as connection, connection.begin(), Session(connection) as session:
        fall(town)
        session.execute(T.insert(), {"n": 1})
        session.commit()
        connection.commit()
    assert (town.rows("primary"), town.rows("fallback")) == ([1], [])


def test_a_connection_that_was_lost_is_replaced_on_its_side(town: Town) -> None:
    with town.engine.connect() as connection:
        fall(town)
        connection.invalidate()
        assert town.on(connection) == "primary"


def test_a_connection_that_was_lost_fails_where_its_side_is_away(tmp_path: Path) -> None:
    town = Town(folder=tmp_path)
    with town.engine.connect() as connection:
        fall(town)
        town.leave()
        connection.invalidate()
        with pytest.raises(sa.exc.OperationalError, match="Connection refused"):
            town.on(connection)
    assert town.inquiries == []


def test_what_fails_inside_a_transaction_is_the_callers_and_nobody_asks(town: Town) -> None:
    with town.engine.begin() as connection, pytest.raises(sa.exc.OperationalError, match="no such table"):
        connection.exec_driver_sql("SELECT * FROM missing")
    assert town.inquiries == []


def test_a_connections_engine_is_equal_to_the_routed_one_and_stays_on_its_side(town: Town) -> None:
    with town.engine.connect() as connection:
        fall(town)
        own = connection.engine
        assert own == town.engine
        assert town.engine == own
        assert hash(own) == hash(town.engine)
        assert own == town.engine.side(Route.FALLBACK)
        assert own != town.engine.execution_options(x=1)
        assert own != Town(folder=town.folder).engine.side(Route.PRIMARY)
        assert isinstance(own, SideEngine)
        assert (route_of(own), route_of(town.engine)) == (Route.PRIMARY, Route.FALLBACK)
        with own.connect() as other:
            assert town.on(other) == "primary"


def test_it_is_an_engine_like_any_other(town: Town) -> None:
    engine, metadata = town.engine, sa.MetaData()
    sa.Table("more", metadata, sa.Column("n", sa.Integer, primary_key=True))
    assert isinstance(engine, sa.Engine)
    assert (engine.name, engine.driver, engine.dialect.name) == ("sqlite", "pysqlite", "sqlite")
    assert (engine.pool, engine.url) == (town.sides[Route.PRIMARY].pool, town.sides[Route.PRIMARY].url)
    metadata.create_all(engine)
    assert sorted(sa.inspect(engine).get_table_names()) == ["more", "t"]
    with engine.begin() as connection:
        connection.execute(T.insert(), {"n": 1})
    raw = engine.raw_connection()
    assert raw.cursor().execute("SELECT n FROM t").fetchall() == [(1,)]
    raw.close()
    fall(town)
    assert Path(str(engine.url.database)).stem == "fallback"
    assert engine.pool is town.sides[Route.FALLBACK].pool
    assert sa.inspect(engine).get_table_names() == ["t"]
    raw = engine.raw_connection()
    assert raw.cursor().execute("SELECT n FROM t").fetchall() == []
    raw.close()
    assert repr(engine).endswith("fallback.db, route='fallback')")
    engine.clear_compiled_cache()


def test_the_fallbacks_engine_is_made_when_it_is_needed(town: Town) -> None:
    with town.engine.connect():
        pass
    assert len(town.sides.made) == 1
    fall(town)
    with town.engine.connect():
        pass
    assert len(town.sides.made) == 2


def test_disposing_of_it_closes_the_connections_of_both_sides(town: Town) -> None:
    with town.engine.connect():
        fall(town)
        with town.engine.connect():
            pass
    pools = [town.sides[route].pool for route in Route]
    assert [pool.checkedin() for pool in pools] == [1, 1]  # type: ignore[attr-defined]
    town.engine.dispose()
    assert [pool.checkedin() for pool in pools] == [0, 0]  # type: ignore[attr-defined]
    assert [town.sides[route].pool is pool for route, pool in zip(Route, pools, strict=True)] == [False, False]
    with town.engine.connect() as connection:
        assert town.on(connection) == "fallback"


@contextmanager
def listening(target: object, name: str, heard: list[str]) -> Iterator[None]:
    """Note what a listener hears, and take it off again."""

    def hear(*event: object) -> None:
        heard.append(f"{name} {event[2]}" if name == "before_cursor_execute" else name)

    sa.event.listen(target, name, hear)
    try:
        yield
    finally:
        sa.event.remove(target, name, hear)


def test_listeners_hear_both_sides_and_each_thing_once(town: Town) -> None:
    heard: list[str] = []
    with town.engine.connect() as early, listening(town.engine, "before_cursor_execute", heard):
        for _ in range(2):
            with town.engine.connect() as connection:
                connection.exec_driver_sql("SELECT 1")
            fall(town)
        early.exec_driver_sql("SELECT 2")
    assert heard == ["before_cursor_execute SELECT 1"] * 2 + ["before_cursor_execute SELECT 2"]


@pytest.mark.parametrize("name", ["begin", "commit", "engine_connect", "before_cursor_execute"])
def test_a_listener_on_every_engine_hears_a_routed_one_once(
    town: Town, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    # what SQLAlchemy notes there it never takes back, and later tests would see it
    monkeypatch.setattr(sa.Engine, "_has_events", sa.Engine._has_events)
    heard: list[str] = []
    with listening(sa.Engine, name, heard):
        for _ in range(2):
            with town.engine.begin() as connection:
                connection.exec_driver_sql("SELECT 1")
            fall(town)
    assert len(heard) == 2


@pytest.mark.parametrize("name", ["begin", "checkout", "handle_error"])
def test_a_listener_on_one_side_hears_that_alone(town: Town, name: str) -> None:
    heard: list[str] = []
    with listening(town.engine.side(Route.FALLBACK), name, heard):
        use_and_fail(town)
        assert heard == []
        fall(town)
        use_and_fail(town)
    assert heard == [name]


def use_and_fail(town: Town) -> None:
    with town.engine.begin() as connection, pytest.raises(sa.exc.OperationalError):
        connection.exec_driver_sql("SELECT * FROM missing")


def test_listeners_of_the_pool_hear_the_side_that_it_is_on_when_they_are_hung(town: Town) -> None:
    heard: list[str] = []
    sa.event.listen(town.engine, "checkout", lambda *_: heard.append("primary"))
    with town.engine.connect():
        fall(town)
    sa.event.listen(town.engine, "checkout", lambda *_: heard.append("fallback"))
    with town.engine.connect():
        pass
    assert heard == ["primary", "fallback"]


def test_options_hold_on_both_sides_and_listeners_of_the_parent_are_kept(town: Town) -> None:
    heard: list[str] = []
    autocommit = town.engine.execution_options(isolation_level="AUTOCOMMIT", mark="x")
    assert autocommit != town.engine
    assert isinstance(autocommit, RoutedEngine)
    with listening(town.engine, "commit", heard), listening(autocommit, "begin", heard):
        for n in (1, 2):
            with autocommit.connect() as connection:
                assert connection.get_execution_options()["mark"] == "x"
                connection.execute(T.insert(), {"n": n})
                connection.rollback()  # nothing is left to roll back
            with town.engine.connect() as connection:
                assert "mark" not in connection.get_execution_options()
                connection.execute(T.insert(), {"n": n + 10})
            fall(town)
        with autocommit.execution_options(further=1).begin():
            pass
    assert (town.rows("primary"), town.rows("fallback")) == ([1], [2])
    assert heard == ["begin", "begin", "begin", "commit"]


def test_options_may_be_changed_in_place(town: Town) -> None:
    with town.engine.connect():
        pass
    town.engine.update_execution_options(isolation_level="AUTOCOMMIT")
    assert town.engine.get_execution_options() == {"isolation_level": "AUTOCOMMIT"}
    for _ in range(2):
        with town.engine.connect() as connection:
            connection.execute(T.insert(), {"n": 1})
        fall(town)
    assert (town.rows("primary"), town.rows("fallback")) == ([1], [1])


def test_a_session_with_options_of_its_own_finds_its_connection_again(town: Town) -> None:
    with Session(town.engine.execution_options(mark="x")) as session:
        session.execute(T.insert(), {"n": 1})
        fall(town)
        session.execute(T.insert(), {"n": 2})
        session.commit()
    assert (town.rows("primary"), town.rows("fallback")) == ([1, 2], [])


def test_statements_of_both_sides_are_logged_on_request(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    town.engine.echo = True
    for n in (1, 2):
        with town.engine.connect() as connection:
            connection.exec_driver_sql(f"SELECT {n}")
        fall(town)
    town.engine.echo = False
    assert [text for text in caplog.messages if text.startswith("SELECT")] == ["SELECT 1", "SELECT 2"]


def test_both_sides_are_measured_from_when_they_are_there(town: Town) -> None:
    samples: list[Sample] = []
    measurement = measure(town.engine, samples.append, pool_name="user")
    for _ in range(2):
        with town.engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
        fall(town)
    pools = {(sample.name, sample.attributes["db.client.connection.pool.name"]) for sample in samples}
    assert {(OPERATION, "user"), (OPERATION, "user.fallback"), (IN_USE, "user.fallback")} <= pools
    measurement.stop()
    measurement.stop()
    samples.clear()
    with town.engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    assert samples == []


def _in_child(town: Town, results: multiprocessing.SimpleQueue[object]) -> None:
    with town.engine.connect() as connection:
        results.put((town.on(connection), len(town.inquiries)))


def test_a_forked_child_begins_anew(town: Town) -> None:
    fall(town)
    with town.engine.connect() as connection:
        assert town.on(connection) == "fallback"
    context = multiprocessing.get_context("fork")
    results: multiprocessing.SimpleQueue[object] = context.SimpleQueue()
    with town.router._lock:  # as a thread that is not there in the child would leave it
        child = context.Process(target=_in_child, args=(town, results))
        child.start()
    child.join(10)
    assert child.exitcode == 0
    assert results.get() == ("primary", 0)
    assert town.router.route is Route.FALLBACK
