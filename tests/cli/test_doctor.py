"""`dbkit doctor` as a user sees it: what is written, how wide, in which order, and with which exit code."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest

from dbkit.config import DatabaseConfig
from dbkit.migrations.databases import create_missing
from tests.cli.runs import Shell
from tests.projects import Home

SOMEWHERE = {"PROJECT_DATABASE_TYPE": "postgresql", "PROJECT_DATABASE_PORT": "1", "PROJECT_DATABASE_USER": "app"}


@pytest.fixture
def created(home: Home, shell: Shell) -> Shell:
    """Give a shell in a project whose databases are there."""
    for service in ("user", "project"):
        path = home.root / ".dbkit" / f"{service}.db"
        path.parent.mkdir(exist_ok=True)
        create_missing(DatabaseConfig(backend="sqlite", sqlite_path=str(path)))
    return shell


def test_what_is_well_is_condensed_to_names(created: Shell) -> None:
    done = created.run("doctor", "user")
    head, well, more, empty, closing = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert head.startswith("user: SQLite 3.")
    assert head.endswith(", database .dbkit/user.db")
    assert well.startswith("  ok       settings (known), server (version), file (writable, ")
    assert more.startswith("           ")
    assert (empty, closing.split(" in ")[0], closing.split(": ")[-1]) == ("", "doctor: 1 service", "no problem")


def test_verbose_shows_every_check_with_its_message(created: Shell) -> None:
    lines = created.run("doctor", "user", "-v").out.splitlines()
    assert "  ok       file.integrity        the file is whole (quick_check)" in lines


def test_what_all_services_have_in_common_is_said_once(created: Shell) -> None:
    lines = created.run("doctor").out.splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == ["project", "user", "all services"]
    assert lines[-1].split(" in ")[0] == "doctor: 2 services"


def test_problems_stand_first_with_the_hint_below(created: Shell) -> None:
    done = created.run("doctor", **SOMEWHERE, DATABASE_OLD_THING="x", DATABASE_TLS="insecure-loopback")
    lines = done.out.splitlines()
    assert done.code == 3
    assert lines[0] == "project: PostgreSQL at localhost:1, database project, as app"
    assert lines[1].startswith("  problem  connection.reachable  cannot reach PostgreSQL at localhost:1: ")
    hints = [line.strip() for line in lines if line.strip().startswith("hint: ")]
    assert hints[0].startswith("hint: check DATABASE_HOST, DATABASE_PORT and DATABASE_TYPE, and")
    shared = lines[lines.index("all services") :]
    assert shared[1] == "  advice   settings.unknown  nothing reads DATABASE_OLD_THING"
    assert lines[-1].endswith(": 1 problem, 2 to improve")


def test_no_line_is_wider_than_100_columns_and_none_has_colour_in_a_pipe(created: Shell) -> None:
    out = created.run("doctor", "-v", **SOMEWHERE, DATABASE_TLS="insecure-loopback").out
    assert max(map(len, out.splitlines())) <= 100
    assert "\x1b" not in out


def test_headlines_are_bold_on_a_terminal(created: Shell) -> None:
    assert "\x1b[1muser: SQLite" in created.on_terminal("doctor", "user").out


def test_the_document_has_the_findings_of_each_service(created: Shell) -> None:
    done = created.run("doctor", "--format", "json", **SOMEWHERE, DATABASE_TLS="insecure-loopback")
    project, user = done.document["services"]
    assert (done.code, done.document["schema_version"], done.document["command"]) == (3, 1, "doctor")
    assert (project["exit_code"], project["host"], project["backend"]) == (3, "localhost:1", "postgresql")
    assert (user["exit_code"], user["error"]) == (0, None)
    assert project["findings"][0]["check"] == "connection.reachable"
    assert set(user["findings"][0]) == {"check", "verdict", "message", "hint", "file", "line"}
    assert done.err.startswith("dbkit: error: project: cannot reach PostgreSQL at localhost:1: ")


@pytest.mark.parametrize("backend", ["postgresql", "mariadb", "tidb"])
def test_a_server_that_says_nothing_does_not_hold_up_the_command(created: Shell, backend: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        variables = {
            "USER_DATABASE_TYPE": backend,
            "USER_DATABASE_HOST": "127.0.0.1",
            "USER_DATABASE_PORT": str(silent.getsockname()[1]),
            "DATABASE_TLS": "insecure-loopback",
            "DATABASE_CONNECT_TIMEOUT": "60",
        }
        began = time.monotonic()
        done = created.run("doctor", "--deadline", "1", "--format", "json", **variables)
        took_s = time.monotonic() - began
    project, user = done.document["services"]
    assert (project["exit_code"], user["exit_code"], done.code) == (0, 3, 3)
    assert "did not answer all questions within 1 s" in user["error"]
    assert took_s < 10


SLOW_TO_LOAD = """
import sys, time

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "sqlalchemy":
            time.sleep(1.5)

sys.meta_path.insert(0, Slow())
"""


def test_the_time_that_loading_takes_is_not_taken_from_a_services(created: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "slow"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SLOW_TO_LOAD)
    done = created.run("doctor", "--deadline", "1", "--format", "json", PYTHONPATH=str(folder))
    assert [(found["exit_code"], found["error"]) for found in done.document["services"]] == [(0, None), (0, None)]


def test_settings_of_one_service_that_are_refused_are_its_2(created: Shell) -> None:
    done = created.run("doctor", PROJECT_DATABASE_POOL_SIZE="none", PROJECT_DATABASE_TYPE="sqlite")
    assert done.code == 2
    assert done.out.splitlines()[0] == "project: SQLite: the settings are refused"
    assert "user: SQLite" in done.out


def test_an_unknown_service_stops_before_anything_is_tried(created: Shell) -> None:
    done = created.run("doctor", "usr")
    assert (done.code, done.out) == (2, "")
    assert "hint: did you mean 'user'?" in done.err


@pytest.mark.parametrize(
    ("flag", "value", "takes"),
    [
        ("--processes", "0", "a whole number from 1 on"),
        ("--processes", "many", "a whole number from 1 on"),
        ("--deadline", "0", "a number of seconds above 0"),
        ("--deadline", "nan", "a number of seconds above 0"),
    ],
)
def test_a_number_that_makes_no_sense_is_2(created: Shell, flag: str, value: str, takes: str) -> None:
    done = created.run("doctor", flag, value)
    assert (done.code, done.out) == (2, "")
    assert f"{flag} takes {takes}, not '{value}'" in done.err


def test_a_password_in_an_env_file_that_everybody_may_read_is_told_with_its_line(home: Home, shell: Shell) -> None:
    env: Path = home.root / ".env"
    env.write_text(
        "# secrets\nDATABASE_TYPE=mariadb\nDATABASE_PORT=1\nDATABASE_TLS=insecure-loopback\nDATABASE_PASSWORD=hush-hush\n"
    )
    env.chmod(0o644)
    done = shell.run("doctor", "user", "--format", "json")
    (found,) = [one for one in done.document["services"][0]["findings"] if one["check"] == "settings.password"]
    assert (found["verdict"], found["file"], found["line"]) == ("advice", str(env), 5)
    assert "hush-hush" not in json.dumps(done.document) + done.err


def test_a_password_file_that_everybody_may_read_is_told_in_the_answer_alone(home: Home, shell: Shell) -> None:
    file = home.root / "password"
    file.write_text("hush-hush\n")
    file.chmod(0o644)
    environ = {"DATABASE_TYPE": "mariadb", "DATABASE_HOST": "localhost", "DATABASE_PORT": "1"}
    done = shell.run("doctor", "user", **environ, DATABASE_PASSWORD_FILE=str(file))
    assert (done.out.count("can read"), done.err.count("can read")) == (1, 0)
    other = shell.run("config", "url", "user", **environ, DATABASE_PASSWORD_FILE=str(file), DATABASE_USER="app")
    assert other.err.startswith(
        f"warning: DATABASE_PASSWORD_FILE names {file}, which everybody on this machine can read"
    )


def test_looking_leaves_the_project_as_it_was(home: Home, shell: Shell) -> None:
    before = sorted(path for path in home.root.rglob("*") if "__pycache__" not in path.parts)
    assert shell.run("doctor").code == 3
    assert sorted(path for path in home.root.rglob("*") if "__pycache__" not in path.parts) == before
