"""What the doctor sees at an SQLite file, and that looking leaves everything as it was."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dbkit.backends.sqlite.examine import observe_whole
from dbkit.checks.doctor import doctor
from dbkit.config import DatabaseConfig
from dbkit.config.connect import connect
from dbkit.errors import ExitCode
from dbkit.migrations.databases import create_missing
from tests.backends.doctor.examined import ADVICE, OK, PROBLEM, Look, of
from tests.projects import Home

pytestmark = pytest.mark.sqlite


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name the file that the service's database is to be; it is not there."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("DATABASE_TYPE", "sqlite")
    monkeypatch.setenv("DATABASE_SQLITE_PATH", str(folder / "a b#1?.db"))
    return folder / "a b#1?.db"


@pytest.fixture
def made(file: Path) -> Path:
    """Make the file as the product does."""
    create_missing(DatabaseConfig(backend="sqlite", sqlite_path=str(file)))
    return file


@pytest.fixture
def look(tmp_path: Path, file: Path) -> Look:
    del file
    project = Home(tmp_path).write("user").project()
    return lambda: doctor(project).services[0]


def state(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_healthy_file_has_nothing_to_improve(made: Path, look: Look) -> None:
    found = look()
    assert [one for one in found.findings if one.verdict is not OK] == []
    assert (found.exit_code, found.version, found.host) == (ExitCode.OK, sqlite3.sqlite_version, None)
    assert found.database == str(made)


def test_looking_at_a_healthy_file_changes_no_byte_and_leaves_nothing_beside_it(
    tmp_path: Path, made: Path, look: Look
) -> None:
    run(made, "CREATE TABLE things (id INTEGER PRIMARY KEY)")
    before = state(tmp_path)
    assert look().exit_code is ExitCode.OK
    assert state(tmp_path) == before


def test_a_missing_file_is_3_and_is_not_made(tmp_path: Path, file: Path, look: Look) -> None:
    before = state(tmp_path)
    found = look()
    assert found.exit_code is ExitCode.UNREACHABLE
    assert of(found, "database.exists").hint == "dbkit migrate makes it"
    assert (state(tmp_path), file.exists()) == (before, False)


def test_the_default_folder_is_not_made(tmp_path: Path, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_SQLITE_PATH")
    assert look().exit_code is ExitCode.UNREACHABLE
    assert not (tmp_path / ".dbkit").exists()


def test_a_missing_folder_is_3(look: Look, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_SQLITE_PATH", str(file.parent / "absent" / "x.db"))
    found = look()
    assert found.exit_code is ExitCode.UNREACHABLE
    assert "there is no folder" in str(found.error)


def test_a_file_that_is_no_database_is_3(file: Path, look: Look) -> None:
    file.write_text("no database at all, " * 100)
    found = look()
    assert found.exit_code is ExitCode.UNREACHABLE
    assert "file is not a database" in str(found.error)


def test_a_journal_that_is_not_written_ahead_is_advised_against_and_left_so(
    tmp_path: Path, file: Path, look: Look
) -> None:
    run(file, "CREATE TABLE things (id INTEGER PRIMARY KEY)")
    before = state(tmp_path)
    found = look()
    assert of(found, "file.journal").verdict is ADVICE
    assert found.exit_code is ExitCode.OK
    assert state(tmp_path) == before


def test_a_file_in_use_is_looked_at_with_what_is_not_yet_written_into_it(made: Path, look: Look) -> None:
    run(made, "CREATE TABLE parents (id INTEGER PRIMARY KEY)")
    with closing(sqlite3.connect(made, isolation_level=None)) as other:
        other.execute("PRAGMA foreign_keys = OFF")
        other.execute("CREATE TABLE children (id INTEGER REFERENCES parents (id))")
        other.execute("INSERT INTO children VALUES (7)")
        found = of(look(), "file.references")
        said = "1 rows of 'children' refer to rows of 'parents' that are not there"
        assert (found.verdict, found.message) == (PROBLEM, said)
        other.execute("INSERT INTO children VALUES (8)")  # it goes on writing


def test_what_a_dead_writer_left_is_told_and_left(tmp_path: Path, file: Path, look: Look) -> None:
    other = file.with_name("other.db")
    with closing(sqlite3.connect(other, isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, text TEXT)")
        rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT i, hex(zeroblob(200)) FROM n"
        writer.execute(f"INSERT INTO things {rows}")
        writer.execute("BEGIN")
        writer.execute("UPDATE things SET text = 'other'")
        for suffix in ("", "-journal"):
            shutil.copy(f"{other}{suffix}", f"{file}{suffix}")
        writer.execute("ROLLBACK")
    before = state(tmp_path)
    found = look()
    assert found.exit_code is ExitCode.UNREACHABLE
    assert "a writer died in the middle of a transaction" in str(found.error)
    assert state(tmp_path) == before


def test_keys_that_refer_to_what_is_not_unique_are_a_problem(made: Path, look: Look) -> None:
    run(made, "CREATE TABLE parents (id INTEGER)", "CREATE TABLE children (id INTEGER REFERENCES parents (id))")
    found = of(look(), "file.references")
    assert found.verdict is PROBLEM
    assert "foreign key mismatch" in found.message


def test_a_damaged_file_is_a_problem(made: Path, look: Look) -> None:
    run(
        made,
        "CREATE TABLE things (id INTEGER PRIMARY KEY, text TEXT)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
        "INSERT INTO things SELECT i, hex(randomblob(50)) FROM n",
        "PRAGMA wal_checkpoint(TRUNCATE)",
    )
    data = bytearray(made.read_bytes())
    data[3 * 4096 : 4 * 4096] = b"\xff" * 4096
    made.write_bytes(data)
    found = look()
    assert of(found, "file.integrity").verdict is PROBLEM
    assert found.exit_code is ExitCode.DIFFERENT


def test_a_file_that_takes_too_long_to_read_is_left_and_that_is_said(made: Path) -> None:
    run(
        made,
        "CREATE TABLE things (id INTEGER PRIMARY KEY, text TEXT)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
        "INSERT INTO things SELECT i, 'x' FROM n",
    )
    ticks = iter(range(1, 1000))
    with connect(DatabaseConfig(backend="sqlite", sqlite_path=str(made))) as connection:
        seen = [*observe_whole(connection, made, patience_s=0, timer=lambda: next(ticks))]
        # the connection is as good as before
        assert connection.exec_driver_sql("SELECT count(*) FROM things").scalar_one() == 20000
    assert [(one.check, one.verdict) for one in seen] == [("file.integrity", ADVICE)]


def test_a_database_in_memory_is_refused(look: Look, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del file
    monkeypatch.setenv("DATABASE_SQLITE_PATH", ":memory:")
    assert look().exit_code is ExitCode.USAGE
