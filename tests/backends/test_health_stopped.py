"""Probes of a server that is stopped (SIGSTOP): its kernel goes on acknowledging, and no driver's time-out bounds that."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from dbkit import migrations
from tests.backends.healthy import Service, configured, probe_threads, service_on, sockets
from tests.backends.private import PrivateServer

DEADLINE_S = 1.0
SLACK_S = 0.5
POLLS = 30
# A prober that comes each second, in a tenth of the time.
POLL_S = 0.05


@pytest.fixture(scope="module")
def _service(private: PrivateServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    with service_on(private.server.backend, folder, server=private.server) as made:
        with configured(made):
            made.migrate()
        yield made


@pytest.fixture
def service(_service: Service, private: PrivateServer) -> Iterator[Service]:
    with configured(_service) as found:
        yield found
        private.go_on()


def test_a_stopped_server_is_told_by_the_deadline_and_polls_do_not_pile_up(
    service: Service, private: PrivateServer
) -> None:
    engine = service.engine()
    with ExitStack() as held:
        for _ in range(4):
            held.enter_context(engine.connect())
    assert service.look("sync")[0].ready
    before = sockets()
    private.stop()

    found, pooled_s = service.look("sync", DEADLINE_S)
    assert found.error == "no answer within 1 s, while waiting for an answer over a pooled connection"
    assert DEADLINE_S <= pooled_s < DEADLINE_S + SLACK_S

    found, connecting_s = service.look("sync", DEADLINE_S)
    assert found.error is not None
    assert "while connecting to localhost" in found.error
    assert DEADLINE_S <= connecting_s < DEADLINE_S + SLACK_S

    for _ in range(POLLS):
        assert not service.look("sync", POLL_S)[0].ok
    assert probe_threads() <= 1
    assert sockets() <= before + 1
    print(f"answered after {pooled_s:.3f} s (pooled connection) and {connecting_s:.3f} s (new one)")  # seen with -rP

    private.go_on()
    assert service.look("sync", 20)[0].ready
    assert probe_threads() == 0
    with ExitStack() as held:  # the pool is whole: as many connections as before, and all work
        for _ in range(4):
            assert held.enter_context(engine.connect()).exec_driver_sql("SELECT 1").scalar() == 1
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    assert sockets() <= before


def test_a_stopped_server_is_told_by_the_deadline_in_a_loop_that_goes_on(
    service: Service, private: PrivateServer
) -> None:
    async def look(deadline_s: float) -> tuple[migrations.Health, float]:
        began = time.monotonic()
        return await migrations.async_health(service.project, "user", deadline_s=deadline_s), time.monotonic() - began

    async def run() -> None:
        engine = service.project.async_engine("user")
        assert (await look(20))[0].ready
        before, threads = sockets(), threading.active_count()
        private.stop()
        found, pooled_s = await look(DEADLINE_S)
        assert found.error == "no answer within 1 s, while waiting for an answer over a pooled connection"
        assert DEADLINE_S <= pooled_s < DEADLINE_S + SLACK_S
        found, connecting_s = await look(DEADLINE_S)
        assert not found.ok
        assert DEADLINE_S <= connecting_s < DEADLINE_S + SLACK_S
        for _ in range(POLLS):
            assert not (await look(POLL_S))[0].ok
        assert len(asyncio.all_tasks()) <= 4
        assert sockets() <= before + 2
        assert threading.active_count() <= threads + (os.cpu_count() or 1) + 4  # the loop's own executor
        print(
            f"answered after {pooled_s:.3f} s (pooled connection) and {connecting_s:.3f} s (new one)"
        )  # seen with -rP
        private.go_on()
        assert (await look(20))[0].ready
        async with engine.connect() as connection:
            assert (await connection.exec_driver_sql("SELECT 1")).scalar() == 1
        assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        await engine.dispose()

    asyncio.run(run())


def test_a_loop_ends_at_once_and_without_a_word_beside_a_probe_that_hangs(
    service: Service, private: PrivateServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> float:
        engine = service.project.async_engine("user")
        assert (await migrations.async_health(service.project, "user", deadline_s=20)).ready
        private.stop()
        hanging = asyncio.create_task(migrations.async_health(service.project, "user", deadline_s=20))
        await asyncio.sleep(0.3)
        assert not hanging.done()
        assert engine.pool.checkedout() == 1  # type: ignore[attr-defined]
        return time.monotonic()

    left_s = asyncio.run(run())
    assert time.monotonic() - left_s < 1
    assert caplog.records == []


def test_the_service_itself_goes_on_when_its_server_does(service: Service, private: PrivateServer) -> None:
    with service.engine().connect() as held:
        assert held.exec_driver_sql("SELECT 1").scalar() == 1
        private.stop()
        assert not service.look("sync", 0.2)[0].ok
        private.go_on()
        assert held.exec_driver_sql("SELECT 1").scalar() == 1  # a probe shuts its own connection and nobody else's


def test_waiting_for_a_stopped_server_ends_in_time_and_ends_well_when_it_goes_on(
    service: Service, private: PrivateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_CONNECT_TIMEOUT", "1")
    private.stop()
    began = time.monotonic()
    found = migrations.wait(service.project, timeout_s=2.5)
    took_s = time.monotonic() - began
    assert (found.exit_code, took_s < 2.5 + SLACK_S) == (3, True)
    assert sum(thread.name.startswith("dbkit-wait") for thread in threading.enumerate()) <= 1
    timer = threading.Timer(1.5, private.go_on)
    timer.start()
    assert migrations.wait(service.project, timeout_s=30).exit_code == 0
    timer.join()
