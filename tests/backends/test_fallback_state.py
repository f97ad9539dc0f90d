from __future__ import annotations

import fcntl
import json
import logging
import multiprocessing
import os
import socket
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dbkit.failover.state import Entry, is_alive, own_entry, read, state_path, write
from tests.stand_ins import unwritable

FIELDS = dict.fromkeys(("pid", "started", "host", "route", "reason"), 1)
NO_TIME = json.dumps({"processes": [{**FIELDS, "since": "yesterday"}]}).encode()
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def entry(**changes: object) -> Entry:
    made = Entry(pid=os.getpid(), started="", host=socket.gethostname(), route="fallback", since=NOW, reason="away")
    return replace(made, **changes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return state_path(str(tmp_path / "user.fallback.db"))


def gone() -> int:
    """Give the number of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_the_state_file_stands_beside_the_file(path: Path) -> None:
    assert path.name == "user.fallback.db.state.json"


def test_what_is_written_is_read(path: Path) -> None:
    write(path, entry(), now=NOW)
    assert read(path) == (entry(),)
    assert json.loads(path.read_text())["schema_version"] == 1
    assert list(path.parent.iterdir()) == [path]


def test_a_process_has_one_entry_the_last(path: Path) -> None:
    write(path, entry(pid=1), now=NOW)
    write(path, entry(), now=NOW)
    write(path, entry(route="primary", reason="back"), now=NOW)
    assert [(one.pid, one.route) for one in read(path)] == [(1, "fallback"), (os.getpid(), "primary")]


def test_this_process_is_alive(path: Path) -> None:
    write(path, own_entry("fallback", "away"))
    (found,) = read(path)
    assert found.pid == os.getpid()
    assert is_alive(found) is True


def test_a_process_that_has_ended_is_not_alive() -> None:
    assert is_alive(entry(pid=gone())) is False


def test_a_process_that_nobody_has_waited_for_yet_is_not_alive() -> None:
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert is_alive(entry(pid=process.pid, started="some boot:1")) is False
    process.wait()


def test_another_process_with_the_same_number_is_told_apart() -> None:
    mine = own_entry("fallback", "away")
    boot, _, ticks = mine.started.rpartition(":")
    assert is_alive(replace(mine, started=f"{boot}:{int(ticks) + 1}")) is False
    assert is_alive(replace(mine, started=f"another boot:{ticks}")) is False


def test_of_another_machine_it_cannot_be_told() -> None:
    assert is_alive(entry(pid=gone(), host="elsewhere")) is None


def test_a_number_that_no_process_can_have_is_not_alive() -> None:
    assert is_alive(entry(pid=2**80)) is False


def test_the_dead_are_forgotten_after_a_day(path: Path) -> None:
    dead = gone()
    write(path, entry(pid=dead, since=NOW), now=NOW)
    write(path, entry(), now=NOW + timedelta(hours=23))
    assert [one.pid for one in read(path)] == [dead, os.getpid()]
    write(path, entry(), now=NOW + timedelta(hours=25))
    assert [one.pid for one in read(path)] == [os.getpid()]


def test_the_living_and_those_of_other_machines_are_kept(path: Path) -> None:
    living = os.getppid()
    write(path, entry(pid=living), now=NOW)
    write(path, entry(pid=gone(), host="elsewhere"), now=NOW)
    write(path, entry(), now=NOW + timedelta(days=30))
    assert [one.host for one in read(path)] == [socket.gethostname(), "elsewhere", socket.gethostname()]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"processes": [{"pid": 1}]}', b'{"processes": 7}', b"\xff\xfe", NO_TIME],
)
def test_damaged_content_is_taken_as_empty_and_mended(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert read(path) == ()
    write(path, entry(), now=NOW)
    assert read(path) == (entry(),)


def test_a_file_that_cannot_be_written_is_logged_once_and_stops_nothing(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "dbkit.failover"), unwritable(path.parent):
        write(path, entry(), now=NOW)
        write(path, entry(), now=NOW)
    assert [record.getMessage().partition(" cannot be written: ")[0] for record in caplog.records] == [
        f"the state file {path}"
    ]
    assert read(path) == ()


def test_many_processes_that_write_at_once_lose_no_entry(path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    together, ended = fork.Barrier(21), fork.Event()

    def work() -> None:
        together.wait(30)
        for number in range(5):
            write(path, own_entry("fallback", f"reason {number}"))
        together.wait(30)
        ended.wait(30)

    workers = [fork.Process(target=work, daemon=True) for _ in range(20)]
    for worker in workers:
        worker.start()
    together.wait(30)
    together.wait(30)
    found = read(path)
    assert {one.pid for one in found} == {worker.pid for worker in workers}
    assert {one.reason for one in found} == {"reason 4"}
    assert [is_alive(one) for one in found] == [True] * 20
    ended.set()
    for worker in workers:
        worker.join(30)
    assert [is_alive(one) for one in read(path)] == [False] * 20


def test_somebody_who_keeps_the_lock_holds_nobody_up(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("dbkit.failover.state.PATIENCE_S", 0.05)
    with path.open("ab") as held, caplog.at_level(logging.WARNING, "dbkit.failover"):
        fcntl.flock(held, fcntl.LOCK_EX)
        write(path, entry(), now=NOW)
    assert caplog.records[0].getMessage().endswith("cannot be written: another process holds its lock")
    assert read(path) == ()
