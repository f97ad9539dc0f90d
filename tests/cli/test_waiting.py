"""`dbkit wait`: what it says while it waits, its document, its exit codes, and that it can be ended."""

from __future__ import annotations

import math
import secrets
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.cli.runs import Inside, Shell, end
from tests.projects import Home


@pytest.fixture
def silent() -> Iterator[int]:
    """Give a port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_services_at_head_are_told_in_a_table(inside: Inside) -> None:
    assert inside.run("migrate").code == 0
    done = inside.run("wait")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()] == ["service", "project", "user"]
    assert [line.endswith("at head") for line in done.out.splitlines()] == [False, True, True]
    assert done.err.startswith("waiting for project (.dbkit/project.db), user (.dbkit/user.db) on SQLite to be at head")
    assert len(done.err.splitlines()) == 1


def test_a_server_answers_before_there_is_a_database(inside: Inside) -> None:
    done = inside.run("wait", "user", "--for", "server", "--timeout", "5")
    assert (done.code, "answers" in done.out, " to answer, at most 5 s" in done.err) == (0, True, True)


def test_what_is_pending_is_said_once_and_at_the_end_with_a_hint(inside: Inside) -> None:
    assert inside.run("create", "user").code == 0
    done = inside.run("wait", "user", "--timeout", "0.4")
    first, news, error, hint = done.err.splitlines()
    assert done.code == 4
    assert "pending" in done.out
    said = "the database is not migrated, and 1 revision is still to be applied"
    assert (first[:11], news) == ("waiting for", f"0 s: user: {said}")
    assert error.startswith("dbkit: error: user: given up after 0.")
    assert error.endswith(said)
    assert hint == "hint: dbkit migrate applies them"


def test_the_document_is_like_the_others(inside: Inside) -> None:
    done = inside.run("wait", "--timeout", "0.3", "--format", "json")
    assert done.code == done.document["exit_code"] == 4
    assert (done.document["schema_version"], done.document["command"]) == (1, "wait")
    user = done.document["services"][1]
    assert (user["service"], user["backend"], user["exit_code"]) == ("user", "sqlite", 4)
    assert (user["pending"], user["head"], user["revision"]) == (["0001"], "0001", None)


def test_a_database_that_is_ahead_ends_it_at_once(inside: Inside, home: Home) -> None:
    assert inside.run("migrate", "user").code == 0
    with sqlite3.connect(home.root / ".dbkit/user.db") as connection:
        connection.execute("UPDATE alembic_version_user SET version_num = '0009'")
    connection.close()
    began = time.monotonic()
    done = inside.run("wait", "user")
    assert (done.code, "ahead of the code" in done.out, time.monotonic() - began < 5) == (7, True, True)


def test_a_port_that_refuses_is_unreachable(inside: Inside) -> None:
    environ = {"DATABASE_TYPE": "postgresql", "DATABASE_HOST": "localhost", "DATABASE_PORT": "1"}
    password = secrets.token_hex(8)
    done = inside.run("wait", "--timeout", "2", DATABASE_USER="u", DATABASE_PASSWORD=password, **environ)
    assert (done.code, password in done.out + done.err) == (3, False)
    # both services have the same server, and it is said of them together
    news, error, hint = done.err.splitlines()[1:]
    assert " s: project, user: cannot reach PostgreSQL at localhost:1: " in news
    assert error.startswith("dbkit: error: project, user: given up after ")
    assert hint == "hint: check DATABASE_HOST, DATABASE_PORT and DATABASE_TYPE, and that it runs"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--for", "tail"), "--for takes server or head, not 'tail'"),
        (("--timeout", "0"), "--timeout takes a number of seconds above 0, not '0'"),
        (("--timeout", "nan"), "--timeout takes a number of seconds above 0, not 'nan'"),
        (("usr",), "unknown service 'usr'"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused(inside: Inside, arguments: tuple[str, ...], error: str) -> None:
    done = inside.run("wait", *arguments)
    assert (done.code, done.out, done.err.splitlines()[0]) == (2, "", f"dbkit: error: {error}")


def test_a_setting_that_is_wrong_ends_it_at_once(inside: Inside) -> None:
    began = time.monotonic()
    done = inside.run("wait", "user", DATABASE_TYPE="oracel")
    assert (done.code, "'oracel'" in done.err, "refused" in done.out) == (2, True, True)
    assert time.monotonic() - began < 5


def test_options_can_be_given_by_variables(inside: Inside) -> None:
    done = inside.run("wait", "user", DBKIT_WAIT_FOR="server", DBKIT_WAIT_TIMEOUT=str(math.inf))
    assert (done.code, done.err.rstrip().endswith("to answer, without end")) == (0, True)


def test_it_ends_when_another_process_has_migrated(shell: Shell) -> None:
    waiting = shell.start("wait", "user", "--timeout", "60")
    heard(waiting, 2)
    assert shell.run("migrate", "user").code == 0
    done = end(waiting)
    assert (done.code, "at head" in done.out) == (0, True)


def test_a_terminal_shows_what_is_waited_for(shell: Shell) -> None:
    done = shell.on_terminal("wait", "user", "--timeout", "1")
    assert done.code == 4
    assert "waiting for user" in done.out
    assert "\x1b[?25l" in done.out  # the cursor is hidden while something moves


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_pause(shell: Shell, number: signal.Signals, code: int) -> None:
    waiting = shell.start("wait", "user", "--timeout", "60")
    heard(waiting, 2)
    assert stopped(waiting, number) == code


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("backend", ["postgresql", "mariadb"])
def test_a_signal_ends_a_look_at_a_server_that_is_silent(
    shell: Shell, silent: int, backend: str, number: signal.Signals, code: int
) -> None:
    login = {"DATABASE_USER": "u", "DATABASE_PASSWORD": secrets.token_hex(8)}
    environ = {"DATABASE_TYPE": backend, "DATABASE_HOST": "localhost", "DATABASE_PORT": str(silent), **login}
    waiting = shell.start("wait", "user", "--timeout", "60", **environ)
    heard(waiting, 1)
    time.sleep(0.5)
    assert stopped(waiting, number) == code


def heard(process: subprocess.Popen[str], lines: int) -> None:
    """Wait until a process has said so much."""
    assert process.stderr is not None
    for _ in range(lines):
        assert process.stderr.readline()


def stopped(process: subprocess.Popen[str], number: signal.Signals) -> int:
    """Send a signal, and give the exit code of a process that ends at once."""
    began = time.monotonic()
    process.send_signal(number)
    done = end(process)
    assert time.monotonic() - began < 2
    assert done.out == ""
    assert "Traceback" not in done.err
    return done.code
