"""`dbkit migrate` where the server is away: the file that stands in for it, what is said of it, and what can be wrong with it."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest

from dbkit.config import DatabaseConfig
from dbkit.migrations import migrate
from dbkit.project import Project
from tests.cli.runs import Inside
from tests.projects import Home
from tests.stand_ins import locked, made, small_disk, stand_in, unwritable

SEED = """
class Row(sa.orm.DeclarativeBase):
    metadata = metadata


class Person(Row):
    __table__ = metadata.tables["people"]


def rows():
    return [Person(id=1, n=7), Person(id=2, n=8)]


service = Service(name="user", metadata=metadata, seed=rows)
"""
FILL = 'op.execute("INSERT INTO people (n) WITH RECURSIVE c(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM c WHERE x < 8000) SELECT x FROM c")'

# Enough for SQLite to open the file, and for no more than some of the rows.
ROOM = 100_000


@pytest.fixture
def seeded(home: Home) -> Home:
    """Give the user service two sample rows."""
    with (home.root / "user_models.py").open("a") as file:
        file.write(SEED.replace("sa.orm", "__import__('sqlalchemy.orm').orm"))
    return home


def file_of(home: Home, service: str = "user") -> Path:
    return home.root / ".dbkit" / f"{service}.fallback.db"


def asked(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def config_of(home: Home, service: str = "user", **paths: str) -> DatabaseConfig:
    return stand_in(home.root / ".dbkit", service, **paths)


def test_the_first_and_the_last_line_say_what_stands_in_and_why(away: Inside, port: int) -> None:
    done = away.run("migrate", "user")
    assert done.code == 8
    first, *_, last = done.out.splitlines()
    reason = rf"TiDB at 127\.0\.0\.1:{port} cannot be reached: Connection refused \(3 attempts in 0\.\d\d s\)"
    where = rf"user \(\.dbkit/user\.fallback\.db\) on SQLite, the fallback: {reason}"
    assert re.fullmatch(f"migrating {where}", first)
    assert re.fullmatch(rf"migrate: done in \d+\.\d\d s: {where}", last)
    assert "created and applied, on the fallback" in done.out
    assert done.err == ""


def test_services_on_one_server_are_named_together(away: Inside, port: int) -> None:
    first = away.run("migrate", "--dry-run").out.splitlines()[0]
    assert first == (
        "migrating project (.dbkit/project.fallback.db), user (.dbkit/user.fallback.db) on SQLite, the fallback: "
        f"TiDB at 127.0.0.1:{port} cannot be reached: Connection refused"
    )


def test_the_json_says_it_of_each_service(away: Inside, seeded: Home) -> None:
    done = away.run("migrate", "--format", "json")
    assert (done.code, done.document["exit_code"]) == (8, 8)
    project, user = done.document["services"]
    for entry in (project, user):
        assert (entry["fallback"], entry["exit_code"], entry["created"]) == (True, 8, True)
        assert "cannot be reached: Connection refused (3 attempts in" in entry["fallback_reason"]
        assert (entry["revision"], entry["backend"], entry["host"]) == ("0001", "sqlite", None)
    assert (project["seeded"], user["seeded"]) == (None, 2)
    assert user["database"] == str(file_of(seeded))


def test_the_lines_of_json_end_with_the_code(away: Inside) -> None:
    records = away.run("migrate", "user", "--format", "jsonl").records
    assert records[-1] == {"schema_version": 1, "event": "end", "exit_code": 8}
    assert records[-2]["event"] == "done"
    assert records[-2]["result"]["fallback"] is True


def test_the_file_has_the_revisions_the_sample_rows_and_its_identity(away: Inside, seeded: Home) -> None:
    assert "created, applied and seeded, on the fallback" in away.run("migrate", "user").out
    path = file_of(seeded)
    assert asked(path, "SELECT id, n FROM people") == [(1, 7), (2, 8)]
    assert asked(path, "SELECT version_num FROM alembic_version_user") == [("0001",)]
    assert asked(path, "SELECT mode, service FROM dbkit_identity") == [("dev", "user")]


def test_what_was_written_there_is_kept_by_the_next_run(away: Inside, seeded: Home) -> None:
    assert away.run("migrate", "user").code == 8
    path = file_of(seeded)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("UPDATE people SET n = 70 WHERE id = 1")
    connection.execute("INSERT INTO people VALUES (3, 9)")
    connection.close()
    done = away.run("migrate", "user")
    assert done.code == 8
    assert "nothing to do, on the fallback" in done.out
    assert asked(path, "SELECT id, n FROM people") == [(1, 70), (2, 8), (3, 9)]


def test_a_new_revision_is_applied_there(away: Inside, home: Home) -> None:
    assert away.run("migrate", "user").code == 8
    home.table("user", "0002", "pets")
    assert "0001 -> 0002" in away.run("migrate", "user").out


def test_accepted_it_ends_with_0_and_says_it_all_the_same(away: Inside) -> None:
    done = away.run("migrate", "user", "--accept-fallback")
    assert done.code == 0
    assert "created and applied, on the fallback" in done.out
    assert ", the fallback: TiDB at" in done.out.splitlines()[-1]


def test_a_dry_run_makes_no_file(away: Inside, home: Home) -> None:
    done = away.run("migrate", "user", "--dry-run")
    assert done.code == 8
    assert "would be created and applied, on the fallback" in done.out
    assert not (home.root / ".dbkit").exists()


def test_no_create_makes_no_file(away: Inside, home: Home) -> None:
    done = away.run("migrate", "user", "--no-create")
    assert done.code == 3
    assert "does not exist" in done.err
    assert not file_of(home).exists()


def test_the_option_beats_the_variable(away: Inside, home: Home) -> None:
    assert away.run("migrate", "user", "--fallback", "off").code == 3
    assert not file_of(home).exists()
    assert away.run("migrate", "user", "--fallback", "dev", DATABASE_FALLBACK="off").code == 8


def test_a_command_that_does_not_fall_back_names_the_one_that_tells_of_the_fallback(away: Inside) -> None:
    hint = "hint: check DATABASE_HOST, DATABASE_PORT and DATABASE_TYPE, and that it runs"
    told = "; dbkit failover status tells what the service is on meanwhile"
    done = away.run("status", "user")
    assert (done.code, done.err.splitlines()[1:]) == (3, [hint + told])
    assert away.run("status", "user", DATABASE_FALLBACK="off").err.splitlines()[1:] == [hint]


def test_without_the_fallback_a_server_that_is_away_is_an_error(away: Inside, home: Home) -> None:
    done = away.run("migrate", "user", DATABASE_FALLBACK="off")
    assert done.code == 3
    assert "dbkit: error: user: cannot reach TiDB at 127.0.0.1:" in done.err
    assert not file_of(home).exists()


@pytest.mark.parametrize("given", ["argument", "variable"])
def test_in_production_nothing_falls_back(away: Inside, home: Home, given: str) -> None:
    options = ("--fallback", "dev") if given == "argument" else ()
    mode = {"DATABASE_FALLBACK": "off" if given == "argument" else "dev"}
    done = away.run("migrate", "user", *options, DBKIT_ENV="production", **mode)
    assert done.code == 2
    assert "user: DATABASE_FALLBACK is 'dev', and DBKIT_ENV is 'production'" in done.err
    assert not file_of(home).exists()


@pytest.mark.parametrize("option", [("--fallback", "dev"), ("--accept-fallback",)])
def test_sql_is_written_without_it(away: Inside, option: tuple[str, ...]) -> None:
    done = away.run("migrate", "user", "--sql", *option)
    assert done.code == 2
    assert f"--sql cannot be used with {option[0]}" in done.err


def test_another_word_is_refused(away: Inside) -> None:
    done = away.run("migrate", "--fallback", "perhaps")
    assert done.code == 2
    assert "--fallback takes dev or off, not 'perhaps'" in done.err


def test_one_service_falls_back_and_the_other_goes_on(away: Inside, home: Home) -> None:
    done = away.run("migrate", "--format", "json", PROJECT_DATABASE_TYPE="sqlite")
    assert done.code == 8
    project, user = done.document["services"]
    assert (project["exit_code"], project["fallback"]) == (0, False)
    assert (user["exit_code"], user["fallback"]) == (8, True)
    assert not file_of(home, "project").exists()


def test_what_fails_in_one_is_graver_than_the_fallback_of_the_other(away: Inside, home: Home) -> None:
    home.revision("project", "0002", 'op.execute("SELEKT")')
    done = away.run("migrate")
    assert done.code == 1
    assert re.match(r"migrate: 1 of 2 failed in ", done.out.splitlines()[-1])


def test_the_function_says_and_accepts_it_too(away: Inside, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in away.environ.items():
        monkeypatch.setenv(name, text)
    result = migrate(Project.find(home.root), ["user"])
    assert (result.exit_code, result["user"].fallback, result.ok) == (8, True, False)
    assert result["user"].fallback_reason is not None
    monkeypatch.setenv("DATABASE_FALLBACK", "off")
    accepted = migrate(Project.find(home.root, fallback="dev"), ["user"], accept_fallback=True)
    assert (accepted.exit_code, accepted["user"].fallback) == (0, True)


def refused(away: Inside, code: int, said: str, **environ: str) -> None:
    """Migrate, and expect the service to fail so."""
    done = away.run("migrate", "user", **environ)
    assert said in done.err
    assert done.code == code


@pytest.fixture
def folder(home: Home) -> Path:
    found = home.root / ".dbkit"
    found.mkdir()
    return found


@pytest.mark.usefixtures("folder")
def test_a_file_that_is_no_database_is_kept(away: Inside, home: Home) -> None:
    file_of(home).write_bytes(b"diary\n" * 1000)
    refused(away, 1, "is damaged, or no database")
    assert file_of(home).read_bytes() == b"diary\n" * 1000


def test_somebody_elses_database_is_kept(away: Inside, home: Home, folder: Path) -> None:
    connection = sqlite3.connect(file_of(home), isolation_level=None)
    connection.execute("CREATE TABLE diary (day TEXT)")
    connection.close()
    before = file_of(home).read_bytes()
    refused(away, 2, "holds tables (diary) and does not say that it is a fallback's: it is left as it is")
    assert file_of(home).read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["user.fallback.db"]


def test_two_services_with_one_path_are_told_so(away: Inside, home: Home) -> None:
    done = away.run("migrate", DATABASE_SQLITE_PATH="one.db")
    assert done.code == 2
    assert re.search(r"one\.fallback\.db' stands in for the server of service '(user|project)', not of", done.err)
    assert "put {service} into DATABASE_SQLITE_PATH" in done.err
    assert len(asked(home.root / "one.fallback.db", "SELECT service FROM dbkit_identity")) == 1


@pytest.mark.usefixtures("folder")
def test_a_folder_in_its_place_is_refused(away: Inside, home: Home) -> None:
    file_of(home).mkdir()
    refused(away, 2, "is no file: it is left as it is")


@pytest.mark.usefixtures("folder")
def test_a_file_of_a_newer_revision_is_ahead(away: Inside, home: Home) -> None:
    made(config_of(home), "0009")
    refused(away, 7, "user.fallback.db' is at revision 0009, which these files do not have")
    hint = "hint: bring the newer revision files back, or move it away and run dbkit migrate --fallback dev user"
    assert hint in away.run("migrate", "user").err.splitlines()


@pytest.mark.usefixtures("folder")
def test_a_file_that_somebody_holds_is_locked(away: Inside, home: Home) -> None:
    with locked(made(config_of(home), "0001")):
        refused(away, 5, "is locked by another process", DATABASE_CONNECT_TIMEOUT="1")


@pytest.mark.usefixtures("folder")
def test_a_read_only_file_is_told(away: Inside, home: Home) -> None:
    home.table("user", "0002", "pets")
    path = made(config_of(home), "0001")
    with unwritable(path):
        refused(away, 1, "revision '0002' failed: attempt to write a readonly database; nothing of it stays")
    assert asked(path, "SELECT name FROM people") == [("Ada",)]


def test_a_read_only_folder_is_told(away: Inside, folder: Path) -> None:
    with unwritable(folder):
        refused(away, 1, "user.fallback.db' cannot be written")
    assert list(folder.iterdir()) == []


def test_a_path_without_its_folder_is_told(away: Inside) -> None:
    refused(away, 3, "cannot be made: there is no folder", DATABASE_SQLITE_PATH="nowhere/{service}.db")


@pytest.mark.parametrize("where", ["migration", "seed"])
def test_a_full_disk_is_told_and_loses_nothing(away: Inside, home: Home, tmp_path: Path, where: str) -> None:
    home.table("user", "0002", "pets")
    if where == "migration":
        home.revision("user", "0003", FILL)
    else:
        text = SEED.replace("sa.orm", "__import__('sqlalchemy.orm').orm")
        text = text.replace("[Person(id=1, n=7), Person(id=2, n=8)]", "[Person(id=n, n=n) for n in range(1, 8001)]")
        with (home.root / "user_models.py").open("a") as file:
            file.write(text)
    with small_disk(tmp_path / "small") as disk:
        path = disk / "user.fallback.db"
        found: Mapping[str, str] = {"DATABASE_SQLITE_PATH": str(disk / "{service}.db")}
        done = away.run("migrate", "user", "--to", "0002", **found)
        assert done.code == 8, done.err
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("INSERT INTO people (id, n) VALUES (100000, 1)")
        connection.close()
        left = os.statvfs(disk)
        (disk / "filling").write_bytes(b"x" * (left.f_bavail * left.f_frsize - ROOM))
        done = away.run("migrate", "user", **found)
        assert done.code == 1
        assert "database or disk is full" in done.err
        assert "free some space" in done.err
        assert asked(path, "SELECT id FROM people") == [(100000,)]
        assert asked(path, "SELECT version_num FROM alembic_version_user") == [("0002",)]
        assert asked(path, "PRAGMA integrity_check") == [("ok",)]
