"""Each exit code, by the process that ends with it."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from functools import partial
from importlib.metadata import version

import pytest

from dbkit.cli import _diagnostics, main
from dbkit.errors import ExitCode
from tests.cli.runs import Shell, end
from tests.projects import Home

WAITS = """
import pathlib
import time
pathlib.Path(__file__).with_name("begun").touch()
op.execute("UPDATE people SET n = 1")
for _ in range(600):
    time.sleep(0.05)
    op.execute("UPDATE people SET n = 1")
"""


def wait_for(home: Home) -> None:
    """Wait until the revision that waits has begun."""
    for _ in range(600):
        if (home.root / "envs/user/versions/begun").exists():
            return
        time.sleep(0.05)
    raise TimeoutError


def test_done_is_0(shell: Shell) -> None:
    assert shell.run("migrate").code == 0
    assert shell.run("migrate").code == 0


def test_a_revision_that_fails_is_1_and_the_others_go_on(home: Home, shell: Shell) -> None:
    file = home.revision("user", "0002", 'op.execute("SELECT * FROM nowhere")')
    done = shell.run("migrate", "--format", "json")
    assert done.code == 1
    by_name = {entry["service"]: entry for entry in done.document["services"]}
    assert by_name["project"]["exit_code"] == 0
    assert by_name["user"]["exit_code"] == 1
    assert by_name["user"]["failure"]["sql"] == "SELECT * FROM nowhere"
    assert "dbkit: error: user: " in done.err
    assert f"{file.name}:" in done.err
    assert "sql: SELECT * FROM nowhere" in done.err
    assert "hint: " in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (("migrate", "usr"), "unknown service 'usr'", "did you mean 'user'?"),
        (("histori",), "no such command 'histori'. Did you mean 'history'?", "`dbkit --help` shows what it takes"),
        (
            ("upgrade", "head"),
            "no such command 'upgrade'",
            "that is `dbkit migrate` here; `dbkit --help` shows what it takes",
        ),
        (("config", "upgrade"), "no such command 'upgrade'", "`dbkit config --help` shows what it takes"),
        (("migrate", "--zzz"), "no such option: --zzz", "`dbkit migrate --help` shows what it takes"),
        (("stamp", "user"), "missing argument 'REVISION'", "`dbkit stamp --help` shows what it takes"),
        ((), "missing command", "`dbkit --help` shows what it takes"),
        (
            ("migrate", "--backend", "tidb"),
            "--backend goes with --sql",
            "DATABASE_TYPE chooses the backend that is migrated",
        ),
        (
            ("migrate", "--lock-wait", "-1"),
            "--lock-wait takes a number of seconds, 0 or more, not '-1'",
            "it was given as --lock-wait or in DBKIT_MIGRATE_LOCK_WAIT",
        ),
        (
            ("stamp", "user", "head", "--lock-wait", "nan"),
            "--lock-wait takes a number of seconds, 0 or more, not 'nan'",
            "it was given as --lock-wait or in DBKIT_STAMP_LOCK_WAIT",
        ),
        (
            ("migrate", "--jobs", "0"),
            "--jobs takes a whole number from 1 on, not '0'",
            "it was given as --jobs or in DBKIT_MIGRATE_JOBS",
        ),
        (
            ("migrate", "--jobs", "1.5"),
            "--jobs takes a whole number from 1 on, not '1.5'",
            "it was given as --jobs or in DBKIT_MIGRATE_JOBS",
        ),
        (
            ("migrate", "--format", "xml"),
            "--format takes table, json or jsonl, not 'xml'",
            "it was given as --format or in DBKIT_MIGRATE_FORMAT",
        ),
        (
            ("status", "--format", "jsonl"),
            "--format takes table or json, not 'jsonl'",
            "it was given as --format or in DBKIT_STATUS_FORMAT",
        ),
    ],
)
def test_a_command_line_that_is_not_understood_is_2(
    shell: Shell, arguments: tuple[str, ...], error: str, hint: str
) -> None:
    done = shell.run(*arguments)
    assert (done.code, done.out, done.err) == (2, "", f"dbkit: error: {error}\nhint: {hint}\n")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--dry-run",), "--dry-run"),
        (("--no-create",), "--no-create"),
        (("--jobs", "2"), "--jobs"),
        (("--lock-wait", "300"), "--lock-wait"),
        (("--format", "json"), "--format json"),
        (("--format", "jsonl", "--jobs", "1"), "--jobs, --format jsonl"),
    ],
)
def test_what_means_nothing_to_sql_is_2(shell: Shell, arguments: tuple[str, ...], named: str) -> None:
    done = shell.run("migrate", "--sql", *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"dbkit: error: --sql cannot be used with {named}\n"
        "hint: --sql writes SQL to stdout and asks no server; leave one of them away\n"
    )


def test_help_has_a_short_form(shell: Shell) -> None:
    assert shell.run("-h").out == shell.run("--help").out
    assert shell.run("migrate", "-h").out == shell.run("migrate", "--help").out != ""


def test_a_folder_without_a_project_is_2(shell: Shell) -> None:
    (shell.folder / "pyproject.toml").unlink()
    done = shell.run("status", "--format", "json")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("dbkit: error: no dbkit project in ")
    assert done.err.splitlines()[1] == (
        "hint: `dbkit init` begins one, `dbkit service add NAME --adopt PATH` takes an Alembic folder as it is, "
        "and DBKIT_PROJECT names one that is elsewhere"
    )


def test_an_unknown_backend_is_2(shell: Shell) -> None:
    done = shell.run("migrate", DATABASE_TYPE="postgres9")
    assert done.code == 2
    assert "'postgres9'" in done.err


def test_a_server_that_does_not_answer_is_3(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused at once
        port = str(taken.getsockname()[1])
        done = shell.run("migrate", DATABASE_TYPE="postgresql", DATABASE_HOST="localhost", DATABASE_PORT=port)
    assert done.code == 3
    assert f"localhost:{port}" in done.err
    assert "hint: " in done.err


def test_pending_revisions_are_4_when_asked(home: Home, shell: Shell) -> None:
    assert shell.run("status").code == 0
    assert shell.run("status", "--check").code == 4
    shell.run("migrate")
    assert shell.run("status", "--check").code == 0
    home.table("user", "0002", "more")
    assert shell.run("status", "--check", "user").code == 4


def test_models_that_do_not_match_are_4(home: Home, shell: Shell) -> None:
    shell.run("migrate")
    home.models("user", 'people = sa.Table("people", metadata, sa.Column("id", sa.Integer, primary_key=True))')
    done = shell.run("check", "user", "--format", "json")
    assert done.code == 4
    assert [found["operation"] for found in done.document["services"][0]["differences"]] == ["remove_column"]


def test_a_lock_that_another_run_holds_is_5(home: Home, shell: Shell) -> None:
    home.revision("user", "0002", WAITS)
    first = shell.start("migrate", "user")
    wait_for(home)
    done = shell.run("migrate", "user", "--lock-wait", "0")
    first.terminate()
    end(first)
    assert done.code == 5
    assert "user.db" in done.err


def test_a_database_in_which_somebody_else_writes_is_5(shell: Shell) -> None:
    shell.run("create", "user")
    with sqlite3.connect(shell.folder / ".dbkit/user.db", isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        done = shell.run("migrate", "user", "--lock-wait", "0")
        holder.execute("ROLLBACK")
    assert done.code == 5


def test_a_database_that_is_ahead_is_7(home: Home, shell: Shell) -> None:
    file = home.table("user", "0002", "more")
    shell.run("migrate")
    file.unlink()
    assert shell.run("migrate").code == 7
    assert shell.run("status", "--check").code == 7


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_told_to_stop_says_so(home: Home, shell: Shell, number: signal.Signals, code: int) -> None:
    home.revision("user", "0002", WAITS)
    process = shell.start("migrate", "user", "--format", "json")
    wait_for(home)
    process.send_signal(number)
    done = end(process)
    assert done.code == code
    assert done.document["services"][0]["revision"] == "0001"
    assert "Traceback" not in done.err


def test_a_terminal_is_told_at_once_that_a_run_stops(home: Home, shell: Shell) -> None:
    home.revision("user", "0002", WAITS)

    def interrupt(process: int) -> None:
        wait_for(home)
        time.sleep(0.3)  # so that the bar is drawn with a statement
        os.kill(process, signal.SIGINT)

    done = shell.on_terminal("migrate", "user", meanwhile=interrupt)
    assert done.code == 130
    assert " 0002, statement " in done.out
    told = done.out.index("stopping where nothing is left half-done; Ctrl-C again ends it at once")
    assert told < done.out.index("dbkit: error: user: stopped between two statements")


def test_a_program_is_told_that_a_run_stops(home: Home, shell: Shell) -> None:
    home.revision("user", "0002", WAITS)
    process = shell.start("migrate", "user", "--format", "jsonl")
    wait_for(home)
    process.send_signal(signal.SIGTERM)
    found = [record for record in end(process).records if record["event"] == "stopping"]
    assert found == [{"schema_version": 1, "event": "stopping", "service": "user", "detail": "terminated"}]


def test_a_bug_is_70_and_its_message_stays_hidden(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(_diagnostics.DEBUG, raising=False)
    assert _diagnostics.report_bug(ValueError("who knows what")) == 70
    assert capsys.readouterr().err == (
        "dbkit: error: this is a bug in dbkit: ValueError\n"
        "hint: run it again with --debug (DBKIT_DEBUG=1) and report what it prints\n"
    )


def test_the_codes_are_those_of_the_contract() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "FAILED": 1,
        "USAGE": 2,
        "UNREACHABLE": 3,
        "DIFFERENT": 4,
        "LOCKED": 5,
        "RESUMABLE": 6,
        "AHEAD": 7,
        "FALLBACK": 8,
        "BUG": 70,
        "INTERRUPTED": 130,
        "TERMINATED": 143,
    }


def test_help_is_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--help"]) == 0
    assert "migrate" in capsys.readouterr().out


def test_the_version_is_shown(shell: Shell) -> None:
    assert shell.run("--version").out.startswith("dbkit 0.")


def test_the_version_names_what_a_report_of_a_bug_needs(shell: Shell) -> None:
    python = ".".join(map(str, sys.version_info[:3]))
    expected = (
        f"dbkit {version('dbkit')}\nPython {python}, SQLAlchemy {version('sqlalchemy')}, Alembic {version('alembic')}\n"
    )
    assert shell.run("--version").out == expected


def test_python_runs_the_package_as_the_command(shell: Shell) -> None:
    """Under the same name, and in a run of several processes, each of which imports the file again."""
    environ = shell.variables({})
    start = partial(subprocess.run, cwd=shell.folder, env=environ, capture_output=True, text=True, check=False)
    wrong = start([sys.executable, "-m", "dbkit", "nothing"])
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == "dbkit: error: no such command 'nothing'\nhint: `dbkit --help` shows what it takes\n"
    done = start([sys.executable, "-m", "dbkit", "migrate", "--jobs", "2"])
    assert (done.returncode, done.stderr) == (0, "")
