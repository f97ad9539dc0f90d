"""Probes of a service's database: what they find, and that they are over in time."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import dbkit
from dbkit import migrations
from dbkit.backends import get_backend
from dbkit.migrations import Health, SchemaState
from tests.backends.healthy import KINDS, Freezer, Kind, Service, probe_threads

# What a machine that is busy with other tests may add to a deadline.
SLACK_S = 0.7
KIND = pytest.mark.parametrize("kind", KINDS)


@contextmanager
def listening(engine: sa.Engine, event: str, listener: Any) -> Iterator[None]:
    sa.event.listen(engine, event, listener)
    yield
    sa.event.remove(engine, event, listener)


@KIND
def test_a_service_at_head_is_ready(migrated: Service, kind: Kind) -> None:
    found, _ = migrated.look(kind)
    assert (found.state, found.revision, found.head) == (SchemaState.AT_HEAD, "0001", "0001")
    assert (found.ok, found.ready, found.error) == (True, True, None)
    assert 0 < found.latency_s < 5


@KIND
def test_a_service_that_is_behind_answers_and_is_not_ready(migrated: Service, kind: Kind) -> None:
    migrated.home.table("user", "0002", "pets")
    found, _ = migrated.look(kind)
    assert (found.state, found.revision, found.head) == (SchemaState.BEHIND, "0001", "0002")
    assert (found.ok, found.ready, found.error) == (True, False, None)


@KIND
def test_a_service_that_is_older_than_its_database_is_ready(migrated: Service, kind: Kind) -> None:
    migrated.write_revision("0002")
    found, _ = migrated.look(kind)
    assert (found.state, found.revision, found.head) == (SchemaState.AHEAD, "0002", "0001")
    assert (found.ok, found.ready) == (True, True)


@KIND
def test_a_database_without_a_version_table_is_not_migrated(service: Service, kind: Kind) -> None:
    assert migrations.create(service.project).exit_code == 0
    if service.server is None:
        service.engine().connect().close()
    found, _ = service.look(kind)
    assert (found.state, found.revision, found.head) == (SchemaState.NOT_MIGRATED, None, "0001")
    assert (found.ok, found.ready, found.error) == (True, False, None)


@KIND
def test_a_database_that_is_missing_is_told_and_not_made(service: Service, kind: Kind) -> None:
    for _ in range(2):
        found, _ = service.look(kind)
        assert (found.state, found.ok, found.ready) == (SchemaState.NO_DATABASE, False, False)
        assert found.error is not None
        assert "no database" in found.error


@KIND
def test_revision_files_that_are_broken_leave_the_state_unknown_but_the_database_reachable(
    migrated: Service, kind: Kind
) -> None:
    migrated.home.table("user", "0003", "pets")  # built on 0002, which is missing
    found, _ = migrated.look(kind)
    assert (found.ok, found.ready, found.state) == (True, False, SchemaState.UNKNOWN)
    assert found.error == "revision '0003' of service 'user' is built on '0002', which is missing"


@KIND
def test_a_pool_that_is_exhausted_is_told_in_time_and_leaves_nothing_behind(
    migrated: Service, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_POOL_SIZE", "1")
    monkeypatch.setenv("DATABASE_MAX_OVERFLOW", "0")
    found, took, after = _exhausted(migrated, kind)
    assert found.error == "no answer within 0.2 s, while waiting for a free connection of the pool (1 of 1 are in use)"
    assert found.pool is not None
    assert (found.pool.size, found.pool.in_use, found.pool.limit) == (1, 1, 1)
    assert 0.2 <= took < 0.2 + SLACK_S
    assert (found.ok, after.ready) == (False, True)


def _exhausted(service: Service, kind: Kind) -> tuple[Health, float, Health]:
    if kind == "sync":
        with service.engine().connect():
            found, took = service.look(kind, 0.2)
        return found, took, service.look(kind)[0]

    async def run() -> tuple[Health, float, Health]:
        engine = service.project.async_engine("user")
        async with engine.connect():
            began = time.monotonic()
            found = await migrations.async_health(service.project, "user", deadline_s=0.2)
            took = time.monotonic() - began
        after = await migrations.async_health(service.project, "user", deadline_s=5)
        await engine.dispose()
        return found, took, after

    return asyncio.run(run())


@KIND
def test_the_use_of_the_pool_is_what_others_hold(
    migrated: Service, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_POOL_SIZE", "2")
    monkeypatch.setenv("DATABASE_MAX_OVERFLOW", "3")
    engine = migrated.engine()
    with engine.connect(), engine.connect(), engine.connect():
        found, _ = migrated.look("sync")
    assert found.pool is not None
    assert (found.pool.size, found.pool.in_use, found.pool.overflow, found.pool.limit) == (2, 3, 1, 5)
    found, _ = migrated.look(kind)
    assert found.pool is not None
    assert (found.pool.in_use, found.pool.overflow) == (0, 0)


def test_a_probe_sends_one_statement_of_its_own_over_a_pooled_connection(migrated: Service) -> None:
    engine = migrated.engine()
    migrated.look("sync")  # connects
    sent: list[str] = []
    made: list[object] = []
    executing = listening(engine, "before_cursor_execute", lambda *event: sent.append(" ".join(event[2].split())))
    with executing, listening(engine, "connect", lambda *event: made.append(event)):
        found, _ = migrated.look("sync")
    assert found.ready
    assert sent == ["SELECT version_num FROM alembic_version_user"]
    assert made == []


def test_probes_that_are_asked_for_at_once_share_one_look(migrated: Service) -> None:
    engine = migrated.engine()
    migrated.look("sync")
    sent: list[str] = []

    def slowly(*event: Any) -> None:
        sent.append(event[2])
        time.sleep(0.3)

    found: list[Health] = []
    threads = [threading.Thread(target=lambda: found.append(migrated.look("sync")[0])) for _ in range(8)]
    with listening(engine, "before_cursor_execute", slowly):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [one.ready for one in found] == [True] * 8
    assert len(sent) == 1


def test_a_probe_leaves_no_thread_and_no_connection_in_use(migrated: Service) -> None:
    for _ in range(5):
        migrated.look("sync")
    assert probe_threads() == 0
    assert migrated.engine().pool.checkedout() == 0  # type: ignore[attr-defined]


# What follows is about servers, so SQLite has no part in it.


@pytest.fixture
def served(migrated: Service) -> Service:
    if migrated.server is None:
        pytest.skip("SQLite has no server")
    return migrated


@KIND
def test_a_wrong_password_is_told_and_not_shown(served: Service, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = secrets.token_hex(8)
    monkeypatch.setenv("DATABASE_PASSWORD", wrong)
    found, _ = served.look(kind)
    assert (found.ok, found.ready, found.state) == (False, False, SchemaState.UNKNOWN)
    assert found.error is not None
    assert "refuses the log-in of " in found.error
    assert wrong not in json.dumps(found.as_dict())


@KIND
def test_a_closed_port_is_told_at_once(served: Service, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as found_port:
        port = found_port.getsockname()[1]
    monkeypatch.setenv("DATABASE_PORT", str(port))
    found, took = served.look(kind)
    assert found.error is not None
    assert f"at localhost:{port}" in found.error
    assert "\n" not in found.error
    assert (found.ok, took < SLACK_S) == (False, True)


@pytest.fixture
def freezer(served: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Freezer]:
    assert served.server is not None
    made = Freezer(served.server.url.port or 0)
    monkeypatch.setenv("DATABASE_PORT", str(made.port))
    yield made
    made.close()


def test_a_pooled_connection_that_hangs_is_given_up_in_time(served: Service, freezer: Freezer) -> None:
    assert served.look("sync")[0].ready
    freezer.freeze()
    found, took = served.look("sync", 0.3)
    assert found.error == "no answer within 0.3 s, while waiting for an answer over a pooled connection"
    assert 0.3 <= took < 0.3 + SLACK_S
    freezer.thaw()
    assert served.look("sync")[0].ready
    assert served.engine().pool.checkedout() == 0  # type: ignore[attr-defined]


def test_a_connection_that_is_not_made_is_given_up_in_time_and_not_tried_once_more_per_probe(
    served: Service, freezer: Freezer
) -> None:
    freezer.freeze()
    found, took = served.look("sync", 0.2)
    assert found.error == f"no answer within 0.2 s, while connecting to localhost:{freezer.port}"
    assert 0.2 <= took < 0.2 + SLACK_S
    for _ in range(10):
        assert not served.look("sync", 0.02)[0].ok
    assert probe_threads() == 1
    freezer.thaw()
    assert served.look("sync")[0].ready
    assert probe_threads() == 0


def test_an_asynchronous_probe_gives_up_in_time_and_leaves_the_pool_whole(served: Service, freezer: Freezer) -> None:
    async def run() -> None:
        project = served.project
        engine = project.async_engine("user")
        assert (await migrations.async_health(project, "user", deadline_s=5)).ready
        freezer.freeze()
        began = time.monotonic()
        found = await migrations.async_health(project, "user", deadline_s=0.3)
        assert 0.3 <= time.monotonic() - began < 0.3 + SLACK_S
        assert found.error == "no answer within 0.3 s, while waiting for an answer over a pooled connection"
        for _ in range(10):
            assert not (await migrations.async_health(project, "user", deadline_s=0.02)).ok
        assert len(asyncio.all_tasks()) <= 4  # ours, the probe, and what a driver closes a connection in
        freezer.thaw()
        assert (await migrations.async_health(project, "user", deadline_s=5)).ready
        assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        await engine.dispose()

    asyncio.run(run())


def test_every_driver_of_a_server_is_given_up_in_time(
    served: Service, freezer: Freezer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> Health:
        project = served.project
        assert (await migrations.async_health(project, "user", deadline_s=5)).ready
        freezer.freeze()
        found = await migrations.async_health(project, "user", deadline_s=0.2)
        freezer.thaw()
        assert (await migrations.async_health(project, "user", deadline_s=5)).ready
        await project.async_engine("user").dispose()
        return found

    for driver in get_backend(served.backend).traits.drivers:
        monkeypatch.setenv("DATABASE_DRIVER", driver.name)
        if "sync" in driver.kinds:
            assert served.look("sync")[0].ready
            freezer.freeze()
            found, took = served.look("sync", 0.2)
            freezer.thaw()
            assert (found.ok, took < 0.2 + SLACK_S) == (False, True)
            assert served.look("sync")[0].ready
            served.engine().dispose()
        if "async" in driver.kinds:
            found = asyncio.run(run())
            assert (found.ok, found.latency_s < 0.2 + SLACK_S) == (False, True)


def test_the_loop_goes_on_while_an_asynchronous_probe_waits(served: Service, freezer: Freezer) -> None:
    async def run() -> int:
        project, ticks = served.project, 0
        await migrations.async_health(project, "user", deadline_s=5)
        freezer.freeze()
        probe = asyncio.create_task(migrations.async_health(project, "user", deadline_s=0.5))
        while not probe.done():
            await asyncio.sleep(0.02)
            ticks += 1
        freezer.thaw()
        await project.async_engine("user").dispose()
        return ticks

    assert asyncio.run(run()) >= 10


def test_a_service_without_a_project_has_its_error_in_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for found in (dbkit.health("user"), asyncio.run(dbkit.async_health("user"))):
        assert (found.ok, found.service) == (False, "user")
        assert found.error is not None
        assert found.error.startswith("no dbkit project in")
