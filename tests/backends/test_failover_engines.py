"""Services whose server is not there, hangs, goes away while they run, and comes back; each with the time that it took."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from dbkit.errors import BackendMismatchError, ExitCode, FallbackMissingError, TlsRefusedError
from dbkit.failover.engines import route_of
from dbkit.failover.plan import Route
from dbkit.failover.state import read, state_path
from dbkit.migrations import async_health, health, migrate
from tests.backends.gates import gate
from tests.backends.healthy import Service, service_on
from tests.backends.sites import PATIENCE_S, PEOPLE, Site, end, variables
from tests.servers import WAYS, Server, throw_away_name

BUDGET_S = 0.6
SLACK_S = 0.5
"""What a decision may take beyond the budget."""
REFUSED_S = 0.5
THREADS = 20


@pytest.fixture(scope="module")
def _service(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Give a service with a table, in its server's database and in the file that stands in for it."""
    with service_on(server.backend, tmp_path_factory.mktemp("service"), server=server) as made:
        made.environ |= {"DATABASE_FALLBACK": "dev", "DATABASE_FALLBACK_BUDGET": str(BUDGET_S)}
        with variables(made.environ):
            made.migrate()
        with gate(server.url.port) as way:
            way.shut()
            with variables({**made.environ, "DATABASE_PORT": str(way.port)}):
                assert migrate(made.project, ["user"]).exit_code is ExitCode.FALLBACK
        yield made


@pytest.fixture
def site(_service: Service, server: Server) -> Iterator[Site]:
    """Give the service with a gate before its server, empty tables, and engines of its own."""
    with gate(server.url.port) as way, variables({**_service.environ, "DATABASE_PORT": str(way.port)}):
        found = Site(service=_service, gate=way)
        for config in (found.config, found.config.for_fallback()):
            engine = config.create_engine()
            with engine.begin() as connection:
                connection.execute(PEOPLE.delete())
            engine.dispose()
        hearing = found.project.on_switch("user", found.switches.append)
        yield found
        hearing.stop()
        end(found)


def test_a_service_that_starts_on_a_refused_port_is_stood_in_for_within_half_a_second(site: Site) -> None:
    site.gate.shut()
    engine, began = site.engine, time.monotonic()
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(PEOPLE)) == 0
    took_s = time.monotonic() - began
    assert took_s < REFUSED_S
    (switch,) = site.told(1)
    assert (switch.service, switch.route, switch.place) == ("user", Route.FALLBACK, site.config.fallback_path)
    assert f"at localhost:{site.gate.port} cannot be reached: Connection refused" in switch.reason
    print(f"first query after {took_s:.3f} s")  # seen with -rP


def test_a_service_that_starts_on_a_black_hole_is_stood_in_for_within_the_budget(site: Site) -> None:
    site.gate.block()
    engine, began = site.engine, time.monotonic()
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(PEOPLE)) == 0
    took_s = time.monotonic() - began
    assert BUDGET_S * 0.9 <= took_s < BUDGET_S + SLACK_S
    print(f"first query after {took_s:.3f} s")  # seen with -rP


def test_many_threads_that_start_on_a_black_hole_make_one_switch_in_the_same_time(site: Site) -> None:
    site.gate.block()
    engine, started = site.engine, threading.Barrier(THREADS)

    def work(n: int) -> tuple[Route, float]:
        started.wait(PATIENCE_S)
        began = time.monotonic()
        with engine.begin() as connection:
            connection.execute(PEOPLE.insert(), {"n": n})
            return route_of(connection.engine), time.monotonic() - began

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(work, range(THREADS)))
    assert {route for route, _ in found} == {Route.FALLBACK}
    assert max(took_s for _, took_s in found) < BUDGET_S + SLACK_S
    assert [switch.route for switch in site.told(1)] == [Route.FALLBACK]
    assert site.rows(Route.FALLBACK) == list(range(THREADS))


def test_a_server_that_goes_away_under_a_service_and_comes_back(site: Site) -> None:
    assert site.write(1) is Route.PRIMARY
    with Session(site.engine) as session:
        session.execute(PEOPLE.insert(), {"n": 2})
        site.gate.shut()
        with pytest.raises(sa.exc.DBAPIError):  # never inside a transaction
            session.execute(PEOPLE.insert(), {"n": 3})
        session.rollback()
        began = time.monotonic()
        session.execute(PEOPLE.insert(), {"n": 4})
        fell_s = time.monotonic() - began
        assert fell_s < REFUSED_S
        site.gate.come_back()
        back_s = site.await_return()
        session.execute(PEOPLE.insert(), {"n": 5})  # a transaction ends where it began
        session.commit()
        session.execute(PEOPLE.insert(), {"n": 6})
        session.commit()
    assert site.write(7) is Route.PRIMARY
    assert (site.rows(Route.PRIMARY), site.rows(Route.FALLBACK)) == ([1, 6, 7], [4, 5])
    assert [switch.route for switch in site.told(2)] == [Route.FALLBACK, Route.PRIMARY]
    (entry,) = read(state_path(str(site.config.fallback_path)))
    assert (entry.route, entry.reason) == ("primary", site.switches[-1].reason)
    print(f"fell after {fell_s:.3f} s, back {back_s:.3f} s after the server and the dwell")  # seen with -rP


def test_pooled_connections_that_hang_are_stood_in_for_within_the_budget(site: Site) -> None:
    with site.engine.connect(), site.engine.connect():
        pass
    site.gate.block()
    began = time.monotonic()
    assert site.write(1) is Route.FALLBACK
    took_s = time.monotonic() - began
    assert BUDGET_S * 0.9 <= took_s < BUDGET_S + SLACK_S
    began = time.monotonic()
    assert site.write(2) is Route.FALLBACK
    assert time.monotonic() - began < 0.1
    print(f"first query after {took_s:.3f} s")  # seen with -rP


def test_no_driver_hangs_longer_than_the_budget(site: Site) -> None:
    for way in [way for way in WAYS if way.backend == site.service.backend and way.driver]:
        site.gate.come_back()
        with variables(way.environ()):
            route, took_s = pooled_and_blocked(site, asynchronous=way.asynchronous)
            end(site)
        assert (str(way), route) == (str(way), Route.FALLBACK)
        assert BUDGET_S * 0.9 <= took_s < BUDGET_S + SLACK_S
        print(f"{way}: first query after {took_s:.3f} s")  # seen with -rP


def pooled_and_blocked(site: Site, *, asynchronous: bool) -> tuple[Route, float]:
    """Have the server hang when there is a connection in the pool; tell which side the next is on, and how long it took."""

    async def in_loop() -> tuple[Route, float]:
        engine = site.project.async_engine("user")
        async with engine.connect():
            pass
        site.gate.block()
        began = time.monotonic()
        async with engine.connect() as connection:
            found = await connection.run_sync(lambda sync: route_of(sync.engine)), time.monotonic() - began
        await engine.dispose()
        return found

    if asynchronous:
        return asyncio.run(in_loop())
    with site.engine.connect():
        pass
    site.gate.block()
    began = time.monotonic()
    with site.engine.connect() as connection:
        return route_of(connection.engine), time.monotonic() - began


@dataclass(kw_only=True)
class Writers:
    """Threads that write pairs of rows, each pair in a transaction with a savepoint, and note what was acknowledged."""

    site: Site
    kept: dict[Route, set[int]] = field(default_factory=lambda: {route: set() for route in Route})
    doubtful: set[int] = field(default_factory=set)
    """Rows whose COMMIT was sent."""
    done: threading.Event = field(default_factory=threading.Event)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1, 2))

    def work(self) -> None:
        while not self.done.is_set():
            n = next(self.numbers)
            with suppress(sa.exc.DBAPIError), Session(self.site.engine) as session:
                session.execute(PEOPLE.insert(), {"n": n})
                with session.begin_nested():
                    session.execute(PEOPLE.insert(), {"n": n + 1})
                route = route_of(session.connection().engine)
                self.doubtful |= {n, n + 1}
                session.commit()
                self.kept[route] |= {n, n + 1}


def test_each_transaction_is_whole_on_one_side_whatever_its_server_does(site: Site) -> None:
    writers = Writers(site=site)
    with ThreadPoolExecutor(THREADS // 2) as pool:
        jobs = [pool.submit(writers.work) for _ in range(THREADS // 2)]
        for fault in (site.gate.drop, site.gate.block, site.gate.shut):
            time.sleep(0.3)
            fault()
        site.told(1)
        site.gate.come_back()
        site.await_return()
        time.sleep(0.3)
        writers.done.set()
        for job in jobs:
            job.result(PATIENCE_S)
    assert [switch.route for switch in site.told(2)] == [Route.FALLBACK, Route.PRIMARY]
    for route, other in ((Route.PRIMARY, Route.FALLBACK), (Route.FALLBACK, Route.PRIMARY)):
        rows, kept = site.rows(route), writers.kept[route]
        assert len(rows) == len(set(rows))
        assert kept
        assert kept <= set(rows) <= kept | writers.doubtful - writers.kept[other]
        assert {n for n in rows if n % 2} == {n - 1 for n in rows if n % 2 == 0}


def test_pooled_connections_that_were_lost_are_replaced_and_nobody_falls_back(site: Site) -> None:
    with site.engine.connect(), site.engine.connect():
        pass
    site.gate.drop()
    assert site.write(1) is Route.PRIMARY
    assert site.switches == []


def test_a_connection_that_was_lost_is_never_replaced_on_the_other_side(site: Site) -> None:
    with site.engine.connect() as connection:
        connection.execute(sa.select(PEOPLE.c.n))
        site.gate.shut()
        with pytest.raises(sa.exc.DBAPIError):
            connection.execute(sa.select(PEOPLE.c.n))
        connection.rollback()
        assert site.write(1) is Route.FALLBACK
        with pytest.raises(sa.exc.DBAPIError):
            connection.execute(sa.select(PEOPLE.c.n))
        connection.rollback()
        site.gate.come_back()
        assert connection.scalars(sa.select(PEOPLE.c.n)).all() == []


async def tick(seen: list[float]) -> None:
    """Note when the loop comes round."""
    while True:
        seen.append(time.monotonic())
        await asyncio.sleep(0.02)


def test_tasks_are_stood_in_for_too_while_their_loop_goes_on(site: Site) -> None:
    seen: list[float] = []

    async def write(n: int) -> Route:
        async with site.project.async_engine("user").begin() as connection:
            await connection.execute(PEOPLE.insert(), {"n": n})
            return await connection.run_sync(lambda sync: route_of(sync.engine))

    async def run() -> float:
        assert await write(1) is Route.PRIMARY
        async with AsyncSession(site.project.async_engine("user")) as session:
            await session.execute(PEOPLE.insert(), {"n": 2})
            await session.commit()
        site.gate.block()
        ticking = asyncio.create_task(tick(seen))
        began = time.monotonic()
        routes = await asyncio.gather(*(write(n) for n in range(3, 8)))
        took_s = time.monotonic() - began
        ticking.cancel()
        assert set(routes) == {Route.FALLBACK}
        await site.project.async_engine("user").dispose()
        return took_s

    took_s = asyncio.run(run())
    site.gate.come_back()
    assert BUDGET_S * 0.9 <= took_s < BUDGET_S + SLACK_S
    assert max(later - before for before, later in itertools.pairwise(seen)) < BUDGET_S / 2
    assert (site.rows(Route.PRIMARY), site.rows(Route.FALLBACK)) == ([1, 2], [3, 4, 5, 6, 7])
    assert [switch.route for switch in site.told(1)] == [Route.FALLBACK]
    assert site.engine.route is Route.FALLBACK  # threads and tasks of a service share it


def _wrong_password(_: Site) -> dict[str, str]:
    return {"DATABASE_PASSWORD": secrets.token_hex(8)}


def _no_database(_: Site) -> dict[str, str]:
    return {"DATABASE_NAME": throw_away_name()}


def _other_kind(site: Site) -> dict[str, str]:
    others = {"tidb": "mysql", "mariadb": "mysql", "mysql": "mariadb"}
    if site.service.backend not in others:
        pytest.skip("a server of another protocol does not answer at all")
    return {"DATABASE_TYPE": others[site.service.backend]}


def _untrusted(site: Site) -> dict[str, str]:
    if site.service.server is None or site.service.server.ca is None:
        pytest.skip("this server has no certificate of ours")
    import trustme

    path = site.service.home.root / "another.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return {"DATABASE_SSL_CA": str(path)}


@pytest.mark.parametrize(
    ("mistake", "error"),
    [
        (_wrong_password, sa.exc.DBAPIError),
        (_no_database, sa.exc.DBAPIError),
        (_untrusted, (sa.exc.DBAPIError, TlsRefusedError)),
        (_other_kind, BackendMismatchError),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_server_that_refuses_is_not_stood_in_for(site: Site, mistake: object, error: object, kind: str) -> None:
    with variables(mistake(site)):  # type: ignore[operator]
        began = time.monotonic()
        with pytest.raises(error):  # type: ignore[call-overload]
            use(site, kind)
        assert time.monotonic() - began < BUDGET_S + SLACK_S
        assert site.engine.route is Route.PRIMARY
    assert site.switches == []


def use(site: Site, kind: str) -> None:
    """Connect once."""

    async def in_loop() -> None:
        engine = site.project.async_engine("user")
        try:
            async with engine.connect():
                pass
        finally:
            await engine.dispose()

    if kind == "async":
        asyncio.run(in_loop())
    else:
        with site.engine.connect():
            pass


def test_a_file_that_is_not_there_is_a_typed_error_that_names_the_command(site: Site) -> None:
    site.gate.shut()
    with variables({"DATABASE_SQLITE_PATH": str(site.service.home.root / "elsewhere.db")}):
        with pytest.raises(FallbackMissingError) as caught:
            site.write(1)
        assert caught.value.hint == "run dbkit migrate --fallback dev user"
        assert "Connection refused" in str(caught.value.__cause__)
        assert not Path(str(site.config.fallback_path)).exists()
        assert site.engine.route is Route.PRIMARY


def test_a_probe_tells_in_time_which_side_answered(site: Site) -> None:
    found = health(site.project, "user", deadline_s=5)
    assert (found.ready, found.fallback) == (True, False)
    site.gate.block()
    began = time.monotonic()
    found = health(site.project, "user", deadline_s=0.2)
    assert time.monotonic() - began < 0.2 + SLACK_S
    assert not found.ok
    found = health(site.project, "user", deadline_s=5)
    assert (found.ready, found.fallback, found.error) == (True, True, None)

    async def look() -> tuple[bool, bool]:
        seen = await async_health(site.project, "user", deadline_s=5)
        await site.project.async_engine("user").dispose()
        return seen.ready, seen.fallback

    assert asyncio.run(look()) == (True, True)


def test_without_a_fallback_the_engine_is_a_plain_one(site: Site) -> None:
    with variables({"DATABASE_FALLBACK": "off"}):
        assert type(site.project.engine("user")) is sa.Engine
    fallen = replace(site.project, fallen={"user": "it is said so"})
    engine = fallen.engine("user")
    assert type(engine) is sa.Engine
    assert engine.url.database == site.config.fallback_path
    assert type(site.config.create_engine()) is sa.Engine
