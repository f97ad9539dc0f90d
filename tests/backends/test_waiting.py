"""Waiting for a service's database: what comes later is waited for, what never comes ends in time, and nothing is written."""

from __future__ import annotations

import secrets
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import dbkit
from dbkit import migrations
from dbkit.backends.polling import Poll
from dbkit.migrations import Result, Waiting
from dbkit.migrations.probes.glance import Goal, Standing
from tests.backends.accounts import pump, throw_away_account
from tests.backends.healthy import Freezer, Service, configured, service_on

SLACK_S = 0.7
GOALS: tuple[Goal, ...] = ("server", "head")


@pytest.fixture
def served(migrated: Service) -> Service:
    if migrated.server is None:
        pytest.skip("it is about servers")
    return migrated


class Told:
    """What a wait told, and what happens at its pauses, which take time on its clock alone."""

    def __init__(self, *happens: Callable[[], object]) -> None:
        self.happens = list(happens)
        self.standings: list[Standing] = []
        self.pauses = 0
        self._slept_s = 0.0

    def wait(self, service: Service, goal: Goal = "head", timeout_s: float = 30.0) -> Result:
        """Wait, one thing happening at each pause."""
        poll = Poll(clock=lambda: time.monotonic() + self._slept_s, sleep=self._sleep)
        return migrations.wait(service.project, goal=goal, timeout_s=timeout_s, on_wait=self._hear, poll=poll)

    def _hear(self, waiting: Waiting) -> None:
        self.standings += [sight.standing for sight in waiting.changed]

    def _sleep(self, seconds: float) -> None:
        self.pauses += 1
        self._slept_s += seconds
        if self.happens:
            self.happens.pop(0)()


@contextmanager
def later(port: int) -> Iterator[tuple[int, Callable[[], None]]]:
    """Give a port that refuses, and what has it lead to another one from then on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    server = socket.create_connection(("127.0.0.1", port))
                    for pair in ((client, server), (server, client)):
                        threading.Thread(target=hand_on, args=pair, daemon=True).start()

        def open_it() -> None:
            listener.listen()
            threading.Thread(target=serve, daemon=True).start()

        try:
            yield listener.getsockname()[1], open_it
        finally:
            _shut(listener)


def hand_on(source: socket.socket, target: socket.socket) -> None:
    pump(source, target)
    source.close()


def _shut(listener: socket.socket) -> None:
    with suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("goal", GOALS)
def test_a_service_at_head_is_there_at_once(migrated: Service, goal: Goal) -> None:
    told = Told()
    result = told.wait(migrated, goal)
    assert (result.exit_code, told.pauses, result["user"].error) == (0, 0, None)
    assert (result["user"].backend, result["user"].pending) == (migrated.backend, ())
    assert (result["user"].revision, result["user"].head) == (("0001", "0001") if goal == "head" else (None, None))


def test_a_database_that_is_made_and_migrated_later_is_waited_for(service: Service) -> None:
    told = Told(lambda: migrations.create(service.project), service.migrate)
    result = told.wait(service)
    assert (result.exit_code, result["user"].revision) == (0, "0001")
    assert told.standings == [Standing.NO_DATABASE, Standing.PENDING]


def test_the_server_is_there_before_the_database_and_nothing_is_made(service: Service) -> None:
    told = Told()
    assert (told.wait(service, "server").exit_code, told.pauses) == (0, 0)
    result = told.wait(service, timeout_s=0.5)
    assert (result.exit_code, result["user"].pending) == (4, ("0001",))
    assert told.standings == [Standing.NO_DATABASE]
    assert "has no database" in (result["user"].error or "") or "there is no database" in (result["user"].error or "")
    assert migrations.create(service.project)["user"].created


def test_what_stays_pending_ends_at_the_time_out(migrated: Service) -> None:
    migrated.home.table("user", "0002", "pets")
    began = time.monotonic()
    result = dbkit.wait("user", project=migrated.project, timeout_s=0.6)
    assert time.monotonic() - began < 0.6 + SLACK_S
    assert (result.exit_code, result["user"].pending, result["user"].revision) == (4, ("0002",), "0001")
    assert "at revision 0001, and 1 revision is still to be applied" in (result["user"].error or "")


def test_a_database_that_is_ahead_is_told_at_once(migrated: Service) -> None:
    migrated.write_revision("0002")
    told = Told()
    result = told.wait(migrated)
    assert (result.exit_code, result["user"].revision, told.pauses) == (7, "0002", 0)
    assert (told.wait(migrated, "server").exit_code, told.pauses) == (0, 0)


@pytest.mark.sqlite
def test_waiting_leaves_a_file_and_its_folder_as_they_were(tmp_path: Path) -> None:
    with service_on("sqlite", tmp_path) as made, configured(made) as service:
        file = tmp_path / "user.db"
        with sqlite3.connect(file) as connection:  # its journal is not written ahead, which other connections change
            connection.execute("CREATE TABLE alembic_version_user (version_num VARCHAR(32))")
        connection.close()
        before = file.read_bytes(), sorted(tmp_path.iterdir())
        assert Told().wait(service, timeout_s=0.5).exit_code == 4
        assert (file.read_bytes(), sorted(tmp_path.iterdir())) == before


@pytest.mark.sqlite
def test_a_folder_that_is_mounted_later_is_waited_for(tmp_path: Path) -> None:
    with service_on("sqlite", tmp_path) as made, configured(made) as service, pytest.MonkeyPatch.context() as environ:
        environ.setenv("DATABASE_SQLITE_PATH", str(tmp_path / "volume/user.db"))
        told = Told((tmp_path / "volume").mkdir)
        assert told.wait(service, "server").exit_code == 0
        assert told.standings == [Standing.UNREACHABLE]


@pytest.mark.parametrize("goal", GOALS)
def test_a_server_that_comes_up_later_is_waited_for(
    served: Service, goal: Goal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with later(int(served.environ["DATABASE_PORT"])) as (port, open_it):
        monkeypatch.setenv("DATABASE_PORT", str(port))
        told = Told(lambda: None, open_it)
        assert told.wait(served, goal).exit_code == 0
    assert (told.standings, told.pauses) == ([Standing.UNREACHABLE], 2)


def test_a_server_that_stays_away_is_unreachable_in_time(served: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_PORT", "1")
    began = time.monotonic()
    result = migrations.wait(served.project, timeout_s=0.5)
    assert time.monotonic() - began < 0.5 + SLACK_S
    assert (result.exit_code, "cannot reach" in (result["user"].error or "")) == (3, True)
    assert "DATABASE_PORT" in (result["user"].hint or "")


@pytest.mark.parametrize("goal", GOALS)
def test_a_server_that_takes_connections_and_is_silent_does_not_hang_it(
    served: Service, goal: Goal, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Freezer(int(served.environ["DATABASE_PORT"]))
    door.freeze()
    monkeypatch.setenv("DATABASE_PORT", str(door.port))
    began = time.monotonic()
    result = migrations.wait(served.project, goal=goal, timeout_s=1)
    took_s = time.monotonic() - began
    hanging = sum(thread.name.startswith("dbkit-wait") for thread in threading.enumerate())
    door.close()
    assert took_s < 1 + SLACK_S
    assert (result.exit_code, hanging <= 1) == (3, True)
    assert f"no answer within 1 s, while connecting to localhost:{door.port}" in (result["user"].error or "")


def test_a_server_that_was_silent_is_found_when_it_answers(served: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    door = Freezer(int(served.environ["DATABASE_PORT"]))
    door.freeze()
    monkeypatch.setenv("DATABASE_PORT", str(door.port))
    monkeypatch.setenv("DATABASE_CONNECT_TIMEOUT", "1")
    told = Told(door.thaw, *[lambda: time.sleep(0.5)] * 5)
    result = told.wait(served)
    door.close()
    assert (result.exit_code, told.standings) == (0, [Standing.UNREACHABLE])


def test_an_account_that_is_made_later_is_waited_for(served: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    assert served.server is not None
    password = secrets.token_hex(8)
    with throw_away_account(served.server, secrets.token_hex(8)) as account:
        monkeypatch.setenv("DATABASE_USER", account.user)
        monkeypatch.setenv("DATABASE_PASSWORD", password)
        told = Told(lambda: account.set_password(password))
        assert told.wait(served, "server").exit_code == 0
    assert told.standings == [Standing.LOGIN_REFUSED]


def test_a_wrong_password_is_unreachable_at_the_time_out(served: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    password = secrets.token_hex(8)
    monkeypatch.setenv("DATABASE_PASSWORD", password)
    told: list[Waiting] = []
    result = migrations.wait(served.project, timeout_s=0.8, on_wait=told.append)
    assert (result.exit_code, "refuses the log-in" in (result["user"].error or "")) == (3, True)
    assert [sight.standing for one in told for sight in one.changed] == [Standing.LOGIN_REFUSED]
    assert password not in repr(result)
    assert "DATABASE_PASSWORD" in (result["user"].hint or "")


def test_an_account_without_rights_answers_and_is_pending(served: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    assert served.server is not None
    password = secrets.token_hex(8)
    with throw_away_account(served.server, password) as account:
        monkeypatch.setenv("DATABASE_USER", account.user)
        monkeypatch.setenv("DATABASE_PASSWORD", password)
        assert Told().wait(served, "server").exit_code == 0
        assert Told().wait(served, timeout_s=0.5).exit_code == 4


def test_a_certificate_that_does_not_hold_is_not_waited_for(served: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_SSL_CA", "system")
    told = Told()
    result = told.wait(served)
    assert (result.exit_code, told.standings, told.pauses) == (3, [Standing.TLS_REFUSED], 1)
    assert "TLS with localhost" in (result["user"].error or "")


def test_a_server_of_another_kind_is_not_waited_for(served: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    if served.backend == "postgresql":
        pytest.skip("no other product speaks its protocol on this machine")
    monkeypatch.setenv("DATABASE_TYPE", "mysql" if served.backend != "mysql" else "tidb")
    told = Told()
    result = told.wait(served, "server")
    assert (result.exit_code, told.pauses) == (2, 0)
    assert f"is {served.backend!r}" in (result["user"].error or "")
