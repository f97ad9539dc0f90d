"""Bad input: one line with the offending value, a hint, the right exit code, and nothing half-done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.runs import Done, Shell
from tests.projects import Home


def refused(done: Done, code: int, *parts: str) -> None:
    """Assert how a run was refused: by its code, in one line of error, with a hint, without a traceback."""
    assert done.code == code, done.err
    errors = [line for line in done.err.splitlines() if line.startswith("dbkit: error: ")]
    assert errors, done.err
    for part in parts:
        assert any(part in line for line in errors), done.err
    assert "hint: " in done.err
    assert "Traceback" not in done.err


def untouched(home: Home) -> None:
    """Assert that no database came of it."""
    assert not list(home.root.glob(".dbkit/*.db"))


def test_an_unknown_service(home: Home, shell: Shell) -> None:
    refused(shell.run("migrate", "usr"), 2, "unknown service 'usr'")
    untouched(home)


def test_an_unknown_backend(home: Home, shell: Shell) -> None:
    refused(shell.run("migrate", DATABASE_TYPE="postgers"), 2, "'postgers'")
    untouched(home)


def test_a_host_without_a_type(home: Home, shell: Shell) -> None:
    refused(shell.run("migrate", DATABASE_HOST="db.example"), 2, "DATABASE_HOST is set, but not what kind")
    untouched(home)


def test_production_without_a_type(home: Home, shell: Shell) -> None:
    refused(shell.run("migrate", DBKIT_ENV="production"), 2, "production")
    untouched(home)


@pytest.mark.parametrize(
    "url",
    ["postgresql://app:hid/den@db.example/x", "postgresql://app:hid den@[::1/x", "nonsense", "://app:hidden@h/x"],
)
def test_a_url_that_does_not_parse_is_never_shown(home: Home, shell: Shell, url: str) -> None:
    done = shell.run("migrate", DATABASE_URL=url)
    refused(done, 2, "DATABASE_URL")
    assert "hid" not in done.out + done.err
    untouched(home)


def test_the_shape_of_a_url_is_shown_without_asterisks(home: Home, shell: Shell) -> None:
    done = shell.run("migrate", "user", DATABASE_URL="foo")
    assert done.err == (
        "dbkit: error: user: DATABASE_URL is refused: it does not parse\n"
        "hint: write scheme://USER@HOST:PORT/NAME, and the password in DATABASE_PASSWORD\n"
    )
    untouched(home)


@pytest.mark.parametrize("name", ["a'b", "a;b", 'a"b', "a`b", "x" * 65, "a b"])
def test_a_database_name_that_is_not_allowed(home: Home, shell: Shell, name: str) -> None:
    done = shell.run("migrate", DATABASE_TYPE="tidb", DATABASE_HOST="localhost", DATABASE_NAME=name)
    refused(done, 2, "a database's name")
    assert "DATABASE_NAME" in done.err
    untouched(home)


def test_a_revision_that_is_missing(home: Home, shell: Shell) -> None:
    home.revision("user", "0003", "", down="0002")
    refused(shell.run("migrate", "user"), 2, "user: ", "'0002'", "missing")
    untouched(home)


def test_two_heads(home: Home, shell: Shell) -> None:
    home.revision("user", "0002", "")
    home.revision("user", "0003", "", down="0001")
    refused(shell.run("migrate", "user"), 2, "user: ", "2 heads: 0002, 0003")


def test_a_cycle(home: Home, shell: Shell) -> None:
    home.revision("user", "0001", "", down="0002")
    home.revision("user", "0002", "", down="0001")
    refused(shell.run("migrate", "user"), 2, "user: ", "0001, 0002")
    untouched(home)


def test_a_broken_revision_file_is_named_with_its_line_and_the_others_go_on(home: Home, shell: Shell) -> None:
    file = home.revision("user", "0002", "")
    file.write_text(file.read_text() + "\ndef broken(:\n")
    done = shell.run("migrate", "--format", "json")
    refused(done, 2, f"{file}:{len(file.read_text().splitlines())}")
    assert {entry["service"]: entry["exit_code"] for entry in done.document["services"]} == {"project": 0, "user": 2}


def test_a_target_that_does_not_exist(shell: Shell) -> None:
    refused(shell.run("migrate", "user", "--to", "0009"), 2, "user: revision '0009'")
    shell.run("migrate")
    refused(shell.run("rollback", "user", "--to", "0009", "--yes"), 2, "user: revision '0009'")
    refused(shell.run("stamp", "user", "0009"), 2, "user: revision '0009'")


def test_a_target_that_is_no_number_of_steps(shell: Shell) -> None:
    refused(shell.run("migrate", "user", "--to", "+x"), 2, "'+x'")


def test_an_unwritable_sqlite_folder(shell: Shell) -> None:
    # /proc takes no files, not even from root, as whom containers run
    done = shell.run("migrate", "user", DATABASE_TYPE="sqlite", DATABASE_SQLITE_PATH="/proc/user.db")
    refused(done, 3, "/proc/user.db")


@pytest.mark.parametrize("path", ["no/such/folder/user.db", "pyproject.toml/user.db", "."])
def test_a_sqlite_path_that_cannot_be_opened(home: Home, shell: Shell, path: str) -> None:
    done = shell.run("migrate", "user", DATABASE_TYPE="sqlite", DATABASE_SQLITE_PATH=path)
    refused(done, 3, "cannot open", "" if path == "." else path)
    assert not (home.root / "no").exists()


def test_a_file_that_is_no_database(home: Home, shell: Shell) -> None:
    (home.root / "user.db").write_text("this is not a database, whatever its name says")
    done = shell.run("migrate", "user", DATABASE_TYPE="sqlite", DATABASE_SQLITE_PATH="user.db")
    refused(done, 3, "user.db")


def test_a_host_that_does_not_exist(shell: Shell) -> None:
    done = shell.run(
        "migrate", "user", DATABASE_TYPE="postgresql", DATABASE_HOST="nowhere.invalid", DATABASE_USER="app"
    )
    refused(done, 3, "nowhere.invalid:5432")


def test_the_models_of_a_service_that_cannot_be_imported(home: Home, shell: Shell) -> None:
    Path(home.root / "user_models.py").write_text("import nonsense_that_is_not_there\n")
    refused(shell.run("migrate", "user"), 2, "nonsense_that_is_not_there")


def test_a_project_file_that_does_not_parse(home: Home, shell: Shell) -> None:
    (home.root / "pyproject.toml").write_text("[tool.dbkit\n")
    refused(shell.run("migrate"), 2, "pyproject.toml")


def test_an_unknown_key_in_the_project_file(home: Home, shell: Shell) -> None:
    file = home.root / "pyproject.toml"
    file.write_text(file.read_text().replace("[tool.dbkit]\n", '[tool.dbkit]\ntpye = "sqlite"\n'))
    done = shell.run("migrate")
    refused(done, 2, "'tpye'")
    assert "'type'" in done.err
