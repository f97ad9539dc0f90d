"""Destroying asks on a terminal, needs `--yes` elsewhere, and in production the database's name."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.cli.runs import Inside, Shell

PRODUCTION = {"DBKIT_ENV": "production", "DATABASE_TYPE": "sqlite"}


@pytest.fixture
def file(shell: Shell) -> Path:
    """Give the database of a service that has been migrated."""
    assert shell.run("migrate", "user").code == 0
    return shell.folder / ".dbkit/user.db"


def tables(file: Path) -> list[str]:
    with sqlite3.connect(file) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE name = 'people'")]


def test_drop_without_consent_does_nothing(shell: Shell, file: Path) -> None:
    done = shell.run("drop", "user")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "dbkit: error: to drop the database of user (.dbkit/user.db) on SQLite needs consent\n"
        "hint: add --yes if that is what you mean\n"
    )
    assert tables(file) == ["people"]


def test_drop_with_yes_drops(shell: Shell, file: Path) -> None:
    assert shell.run("drop", "user", "--yes").code == 0
    assert not file.exists()


def test_a_dry_run_needs_no_consent_and_drops_nothing(shell: Shell, file: Path) -> None:
    done = shell.run("drop", "user", "--dry-run")
    assert done.code == 0
    assert "would be dropped" in done.out
    assert tables(file) == ["people"]


@pytest.mark.parametrize(("typed", "left", "code"), [("y\n", False, 0), ("n\n", True, 2), ("\n", True, 2)])
def test_a_terminal_is_asked(shell: Shell, file: Path, typed: str, left: bool, code: int) -> None:
    done = shell.on_terminal("drop", "user", typed=typed)
    assert "drop the database of user (.dbkit/user.db) on SQLite? [y/N]" in done.out
    assert (done.code, file.exists()) == (code, left)


def test_production_is_not_content_with_yes(shell: Shell, file: Path) -> None:
    done = shell.run("drop", "user", "--yes", **PRODUCTION)
    assert done.code == 2
    assert "hint: add --confirm .dbkit/user.db" in done.err
    assert tables(file) == ["people"]


def test_production_takes_the_name_of_the_database(shell: Shell, file: Path) -> None:
    assert shell.run("drop", "user", "--confirm", "another", **PRODUCTION).code == 2
    assert shell.run("drop", "user", "--confirm", str(file), **PRODUCTION).code == 0
    assert not file.exists()


def test_production_takes_the_typed_name(shell: Shell, file: Path) -> None:
    assert shell.on_terminal("drop", "user", typed="user\n", **PRODUCTION).code == 2
    assert shell.on_terminal("drop", "user", typed=f"{file}\n", **PRODUCTION).code == 0
    assert not file.exists()


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("-1", "undo the last revision of"),
        ("-2", "undo the last 2 revisions of"),
        ("base", "undo every revision of"),
        ("0001", "undo what came after revision 0001 of"),
    ],
)
def test_consent_to_a_rollback_says_how_far_it_goes(shell: Shell, file: Path, to: str, words: str) -> None:
    done = shell.run("rollback", "user", "--to", to)
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"dbkit: error: to {words} user (.dbkit/user.db) on SQLite needs consent\n"
        "hint: add --yes if that is what you mean\n"
    )
    assert tables(file) == ["people"]


def test_rollback_needs_consent_too(shell: Shell, file: Path) -> None:
    assert shell.run("rollback", "user").code == 2
    assert tables(file) == ["people"]
    done = shell.run("rollback", "user", "--yes")
    assert done.code == 0
    assert "0001 -> -" in done.out
    assert tables(file) == []


@pytest.mark.parametrize("command", [("create", "user"), ("drop", "user", "--yes")])
def test_a_dry_run_refuses_a_servers_own_database_before_it_asks_the_server(
    inside: Inside, command: tuple[str, ...]
) -> None:
    place = {
        "DATABASE_TYPE": "mariadb",
        "DATABASE_HOST": "localhost",
        "DATABASE_PORT": "1",
        "USER_DATABASE_NAME": "mysql",
    }
    done = inside.run(*command, "--dry-run", **place)
    assert done.code == 2
    assert "database name 'mysql' is not allowed: it is the server's own" in done.err
