"""`dbkit failover status`: what services are on, and why."""

from __future__ import annotations

import os
import socket
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dbkit.failover.state import Entry, own_entry, state_path, write
from tests.cli.runs import Inside
from tests.projects import Home
from tests.stand_ins import locked, made, stand_in

SINCE = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)


@pytest.fixture
def file(home: Home) -> Path:
    """Give the user service's file, at head."""
    (home.root / ".dbkit").mkdir()
    return made(stand_in(home.root / ".dbkit"), "0001")


def files(home: Home) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in home.root.rglob("*") if path.is_file() and "pyc" not in path.name}


def test_a_server_that_is_away_and_a_file_at_head_end_with_8(away: Inside, file: Path, port: int) -> None:
    done = away.run("failover", "status", "user")
    assert done.code == 8
    header, row, remark = done.out.splitlines()
    assert header.split() == ["service", "server", "server", "is", "mode", "fallback", "file", "file", "is"]
    assert row == f"user     TiDB at 127.0.0.1:{port}  away       dev   .dbkit/{file.name}  at head"
    assert remark.startswith(f"user: TiDB at 127.0.0.1:{port} cannot be reached: Connection refused (3 attempts in 0.")
    assert done.err == ""


def test_without_a_file_it_ends_with_3_and_says_what_to_do(away: Inside, home: Home) -> None:
    done = away.run("failover", "status", "user")
    assert done.code == 3
    assert "missing" in done.out
    assert "user.fallback.db' is not there yet" in done.err
    assert "hint: run dbkit migrate --fallback dev user" in done.err
    assert not (home.root / ".dbkit").exists()


@pytest.mark.parametrize("word", ["behind", "ahead", "foreign", "damaged", "locked"])
def test_a_file_that_cannot_be_used_is_named_for_what_it_is(away: Inside, home: Home, file: Path, word: str) -> None:
    if word == "behind":
        home.table("user", "0002", "pets")
    elif word == "ahead":
        made(stand_in(file.parent), "0009")
    elif word == "foreign":
        file.unlink()
        made(stand_in(file.parent, "project", name=file.name), "0001")
    elif word == "damaged":
        file.write_bytes(b"diary\n" * 1000)
    before = files(home)
    if word == "locked":
        with locked(file):
            done = away.run("failover", "status", "user", "--format", "json")
    else:
        done = away.run("failover", "status", "user", "--format", "json")
        assert files(home) == before
    assert done.code == 3
    assert done.document["services"][0]["file_state"] == word


def test_processes_are_told_apart(away: Inside, file: Path) -> None:
    path = state_path(str(file))
    ended = subprocess.Popen(["true"])
    ended.wait()
    write(path, own_entry("fallback", "it was away", since=SINCE))
    here = Entry(
        pid=ended.pid, started="", host=socket.gethostname(), route="primary", since=SINCE, reason="it is back"
    )
    write(path, here, now=SINCE)
    write(
        path, Entry(pid=7, started="", host="elsewhere", route="primary", since=SINCE, reason="it is back"), now=SINCE
    )
    lines = away.run("failover", "status", "user").out.splitlines()
    rows = [line.split() for line in lines[lines.index("") + 2 :]]
    assert rows == [
        ["user", str(os.getpid()), "alive", "fallback", "2026-03-01", "12:30:15", "it", "was", "away"],
        ["user", str(ended.pid), "gone", "primary", "2026-03-01", "12:30:15", "it", "is", "back"],
        ["user", "7", "on", "elsewhere", "primary", "2026-03-01", "12:30:15", "it", "is", "back"],
    ]


def test_the_json_has_all_of_it(away: Inside, file: Path, port: int) -> None:
    write(state_path(str(file)), own_entry("fallback", "it was away", since=SINCE))
    done = away.run("failover", "status", "--format", "json")
    document = done.document
    assert (done.code, document["command"], document["exit_code"]) == (3, "failover status", 3)
    project, user = document["services"]
    assert (project["exit_code"], project["file_state"], project["processes"]) == (3, "missing", [])
    assert {name: user[name] for name in ("service", "backend", "host", "mode", "primary", "file", "file_state")} == {
        "service": "user",
        "backend": "tidb",
        "host": f"127.0.0.1:{port}",
        "mode": "dev",
        "primary": "away",
        "file": str(file),
        "file_state": "at head",
    }
    assert user["processes"] == [
        {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "route": "fallback",
            "since": "2026-03-01T12:30:15+00:00",
            "reason": "it was away",
            "alive": True,
        }
    ]
    assert 0.1 < user["probe_seconds"] < 3


def test_without_a_fallback_a_server_that_is_away_is_an_error(away: Inside) -> None:
    done = away.run("failover", "status", "user", DATABASE_FALLBACK="off")
    assert done.code == 3
    assert done.out.splitlines()[1].split()[-4:] == ["away", "off", "-", "-"]
    assert "user: cannot reach TiDB at 127.0.0.1:" in done.err


def test_the_option_looks_at_the_file_all_the_same(away: Inside, file: Path) -> None:
    done = away.run("failover", "status", "user", "--fallback", "dev", DATABASE_FALLBACK="off")
    assert done.code == 8
    assert file.name in done.out


def test_a_database_that_is_a_file_needs_none(inside: Inside, home: Home) -> None:
    done = inside.run("failover", "status", "user")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[1] == "user     SQLite, .dbkit/user.db  no server  off   -              -"
    assert not (home.root / ".dbkit").exists()


def test_in_production_the_fallback_is_refused(away: Inside) -> None:
    done = away.run("failover", "status", "user", DBKIT_ENV="production")
    assert done.code == 2
    assert "DATABASE_FALLBACK is 'dev', and DBKIT_ENV is 'production'" in done.err
    assert "hint: in production nothing falls back: give no --fallback, and set DATABASE_FALLBACK=off" in done.err
    assert done.out.splitlines()[1].split() == ["user", "-", "refused", "-", "-", "-"]


def test_an_unknown_service_is_refused(away: Inside) -> None:
    done = away.run("failover", "status", "usr")
    assert done.code == 2
    assert "unknown service 'usr'" in done.err
