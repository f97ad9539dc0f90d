"""Probes of a service: what they make of revisions, and that they never raise, whatever is wrong."""

from __future__ import annotations

import asyncio
import json
import math
import os
import secrets
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import dbkit
from dbkit import migrations
from dbkit.config import Secret
from dbkit.config.pool_use import PoolUse
from dbkit.migrations import Health, SchemaState
from dbkit.migrations.probes import probing
from dbkit.migrations.probes.readiness import schema_state, worded
from dbkit.project import Project
from dbkit.revisions import known
from dbkit.revisions.known import known_history
from dbkit.revisions.layout import Layout
from tests.projects import Home

HANGS = """
import threading

go_on = threading.Event()


def password(login):
    go_on.wait(20)
    return "x" * 8
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = Home(tmp_path).write("user")
    made.table("user", "0001", "people")
    made.table("user", "0002", "pets")
    monkeypatch.setenv("DATABASE_SQLITE_PATH", str(tmp_path / "user.db"))
    return made


@pytest.mark.parametrize(
    ("current", "state"),
    [
        (("0002",), SchemaState.AT_HEAD),
        (("0001",), SchemaState.BEHIND),
        ((), SchemaState.BEHIND),
        (None, SchemaState.NOT_MIGRATED),
        (("0003",), SchemaState.AHEAD),
        (("0001", "0003"), SchemaState.AHEAD),
    ],
)
def test_the_state_follows_from_the_revisions(home: Home, current: tuple[str, ...] | None, state: SchemaState) -> None:
    assert schema_state(known_history(home.project().layout("user")), current) is state


def test_a_service_without_revisions_is_at_head(tmp_path: Path) -> None:
    home = Home(tmp_path).write("user")
    assert schema_state(known_history(home.project().layout("user")), None) is SchemaState.AT_HEAD


def test_revision_files_are_read_again_only_when_one_of_them_has_changed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout, read = home.project().layout("user"), []

    def counted(where: Layout) -> object:
        read.append(where)
        return original(where)

    original = known.read_history
    monkeypatch.setattr(known, "read_history", counted)
    for _ in range(5):
        assert known_history(layout).heads == ("0002",)
    assert len(read) == 1
    newest = home.table("user", "0003", "toys")
    assert known_history(layout).heads == ("0003",)
    newest.write_text(newest.read_text().replace("revision = '0003'", "revision = '0004'"))
    os.utime(newest, ns=(1, 1))
    assert known_history(layout).heads == ("0004",)
    newest.unlink()
    assert known_history(layout).heads == ("0002",)
    assert len(read) == 4


@pytest.mark.parametrize(
    ("state", "reachable", "ready"),
    [
        (SchemaState.AT_HEAD, True, True),
        (SchemaState.AHEAD, True, True),
        (SchemaState.BEHIND, True, False),
        (SchemaState.NOT_MIGRATED, True, False),
        (SchemaState.UNKNOWN, True, False),
        (SchemaState.AT_HEAD, False, False),
    ],
)
def test_a_service_is_ready_with_at_least_the_revisions_of_its_code(
    state: SchemaState, reachable: bool, ready: bool
) -> None:
    assert Health(service="user", reachable=reachable, state=state).ready is ready


def test_a_health_is_json() -> None:
    pool = PoolUse(size=10, in_use=3, idle=7, overflow=0, limit=30)
    found = Health(service="user", reachable=True, state=SchemaState.AT_HEAD, revision="1", head="1", pool=pool)
    assert json.loads(json.dumps(found.as_dict())) == {
        "service": "user",
        "reachable": True,
        "state": "at_head",
        "revision": "1",
        "head": "1",
        "latency_s": 0.0,
        "pool": {"size": 10, "in_use": 3, "idle": 7, "overflow": 0, "limit": 30},
        "error": None,
        "fallback": False,
        "ok": True,
        "ready": True,
    }


def both(home: Home, service: str = "user", deadline_s: float = 5.0) -> Iterator[Health]:
    project = home.project()
    yield migrations.health(project, service, deadline_s=deadline_s)
    yield asyncio.run(migrations.async_health(project, service, deadline_s=deadline_s))


def test_an_unknown_service_is_in_the_result(home: Home) -> None:
    assert [found.error for found in both(home, "usr")] == ["unknown service 'usr'"] * 2


def test_a_wrong_configuration_is_in_the_result(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_POOL_SIZE", "many")
    for found in both(home):
        assert found.error is not None
        assert found.error.startswith("DATABASE_POOL_SIZE")


def test_a_missing_driver_is_in_the_result(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_TYPE", "postgresql")
    monkeypatch.setenv("DATABASE_HOST", "localhost")
    monkeypatch.setenv("DATABASE_TLS", "insecure-loopback")
    for name in ("psycopg2", "psycopg"):
        monkeypatch.setitem(sys.modules, name, None)
    for found in both(home):
        assert found.error is not None
        assert "of PostgreSQL cannot be loaded" in found.error


def test_a_project_that_is_broken_is_in_the_result(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    (home.root / "pyproject.toml").write_text("[tool.dbkit]\nthis is no TOML")
    monkeypatch.chdir(home.root)
    for found in (dbkit.health("user"), asyncio.run(dbkit.async_health("user"))):
        assert (found.ok, found.state) == (False, SchemaState.UNKNOWN)
        assert found.error is not None
        assert "is not TOML" in found.error


@pytest.mark.parametrize("deadline_s", [0, -1, math.nan])
def test_without_time_nothing_is_found_out(home: Home, deadline_s: float) -> None:
    assert [found.error for found in both(home, deadline_s=deadline_s)] == ["no time was given to find out"] * 2


def test_endless_time_is_time(home: Home) -> None:
    assert [found.state for found in both(home, deadline_s=math.inf)] == [SchemaState.NO_DATABASE] * 2


def test_a_database_in_memory_is_there_and_never_migrated(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_SQLITE_PATH", ":memory:")
    assert [(found.ok, found.state, found.pool) for found in both(home)] == [(True, SchemaState.NOT_MIGRATED, None)] * 2


def test_a_thread_that_cannot_be_started_is_in_the_result(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError(f"can't start new thread {thread.name}")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    found = migrations.health(home.project(), "user")
    assert found.error == "RuntimeError: can't start new thread dbkit-health-user"
    monkeypatch.undo()
    assert probing._threads._probes == []


@pytest.fixture
def hanging(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Give a service whose password is asked for and does not come."""
    (home.root / "keeper.py").write_text(HANGS)
    monkeypatch.syspath_prepend(str(home.root))
    for key, value in {
        "TYPE": "postgresql",
        "HOST": "localhost",
        "PORT": "1",
        "USER": "someone",
        "TLS": "insecure-loopback",
        "PASSWORD_PROVIDER": "keeper:password",
    }.items():
        monkeypatch.setenv(f"DATABASE_{key}", value)
    yield home
    keeper = sys.modules.pop("keeper", None)
    if keeper is not None:
        keeper.go_on.set()
    end = time.monotonic() + 5
    while probing._threads._probes and time.monotonic() < end:
        time.sleep(0.01)
    assert probing._threads._probes == []


def test_a_password_that_does_not_come_is_waited_for_by_one_thread_alone(hanging: Home) -> None:
    before = threading.active_count()
    migrations.health(hanging.project(), "user", deadline_s=0.25)  # time enough to import what it needs
    for _ in range(5):
        began = time.monotonic()
        found = migrations.health(hanging.project(), "user", deadline_s=0.03)
        assert 0.03 <= time.monotonic() - began < 0.5, found
        assert found.error == "no answer within 0.03 s, while connecting to localhost:1"
    assert threading.active_count() <= before + 3  # the probe's, the password's, and the timer's


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_does_not_wait_for_its_parents_probe(hanging: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    project = hanging.project()
    assert not migrations.health(project, "user", deadline_s=0.25).ok
    child = os.fork()
    if child == 0:
        monkeypatch.delenv("DATABASE_PASSWORD_PROVIDER")
        found = migrations.health(project, "user", deadline_s=5)
        os._exit(0 if "localhost:1" in (found.error or "") and "within" not in (found.error or "") else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_health_is_found_without_a_project_given(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.root)
    assert dbkit.health("user").state is SchemaState.NO_DATABASE
    assert dbkit.health("user", project=home.root).state is SchemaState.NO_DATABASE
    assert dbkit.health("user", project=Project.find(home.root)).state is SchemaState.NO_DATABASE


def test_an_error_is_worded_in_one_line_without_a_secret() -> None:
    planted = secrets.token_hex(8)
    Secret(planted)
    assert worded(ValueError(f"no\n{planted}\nhere")) == "ValueError: no *** here"
