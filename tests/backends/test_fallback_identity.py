from __future__ import annotations

import os
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dbkit.config import DatabaseConfig
from dbkit.config.connect import connect
from dbkit.errors import (
    FallbackDamagedError,
    FallbackForeignError,
    FallbackFullError,
    FallbackLockedError,
    FallbackMissingError,
    FallbackReadOnlyError,
)
from dbkit.failover.attach import attached
from dbkit.failover.identity import claim, read_identity, refuse_foreign
from tests.stand_ins import locked, made, small_disk, stand_in, unwritable


def test_a_file_is_made_with_its_identity(tmp_path: Path) -> None:
    config = stand_in(tmp_path)
    assert claim(config) is True
    with connect(config) as connection:
        found = read_identity(connection)
    assert found is not None
    assert (found.mode, found.service) == ("dev", "user")
    assert found.stands_in_for == "TiDB at localhost:4000, database 'user_db'"
    assert abs((datetime.now(UTC) - found.created_at).total_seconds()) < 60


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    config = stand_in(tmp_path)
    path = made(config, "0001")
    assert claim(config) is False
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM people").fetchall() == [("Ada",)]


def test_a_file_without_an_identity_has_none(tmp_path: Path) -> None:
    with connect(DatabaseConfig(backend="sqlite", sqlite_path=str(tmp_path / "plain.db"))) as connection:
        assert read_identity(connection) is None


@pytest.mark.parametrize("content", [b"", None])
def test_an_empty_file_is_taken(tmp_path: Path, content: bytes | None) -> None:
    config = stand_in(tmp_path)
    path = Path(str(config.database))
    if content is None:
        sqlite3.connect(path, isolation_level=None).execute("PRAGMA user_version = 7").close()
    else:
        path.write_bytes(content)
    assert claim(config) is True
    assert refuse_foreign(config) is not None


def test_of_many_that_claim_at_once_one_makes_the_file(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        for number in range(12):  # of the moments at which they may meet one alone was wrong
            config = stand_in(tmp_path, name=f"{number}.fallback.db")
            assert sorted(pool.map(lambda _, config=config: claim(config), range(8))) == [False] * 7 + [True]


def test_two_services_cannot_have_one_file(tmp_path: Path) -> None:
    claim(stand_in(tmp_path, "project", name="one.fallback.db"))
    with pytest.raises(
        FallbackForeignError, match="stands in for the server of service 'project', not of 'user'"
    ) as told:
        claim(stand_in(tmp_path, "user", name="one.fallback.db"))
    assert "{service}" in str(told.value.hint)
    assert told.value.exit_code == 2


@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_somebody_elses_file_keeps_every_byte(tmp_path: Path, journal: str) -> None:
    config = stand_in(tmp_path)
    path = Path(str(config.database))
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA journal_mode={journal}")
        connection.execute("CREATE TABLE diary (day TEXT)")
        connection.execute("INSERT INTO diary VALUES ('today')")
    connection.close()
    before = path.read_bytes()
    for _ in range(2):
        with pytest.raises(FallbackForeignError, match=r"holds tables \(diary\) and does not say"):
            claim(config)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["user.fallback.db"]


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    config = stand_in(tmp_path)
    Path(str(config.database)).mkdir()
    with pytest.raises(FallbackForeignError, match="is no file"):
        claim(config)


def test_a_file_of_another_mode_is_refused(tmp_path: Path) -> None:
    config = stand_in(tmp_path)
    with sqlite3.connect(made(config)) as connection:
        connection.execute("UPDATE dbkit_identity SET mode = 'journal'")
    connection.close()
    with pytest.raises(FallbackForeignError, match="was made for mode 'journal', not 'dev'"):
        claim(config)


@pytest.mark.parametrize("content", [b"\0" * 4096, b"garbage" * 1000, b"SQLite format 3\0" + b"\xff" * 4080])
def test_a_file_that_is_no_database_is_damaged_and_kept(tmp_path: Path, content: bytes) -> None:
    config = stand_in(tmp_path)
    path = Path(str(config.database))
    path.write_bytes(content)
    with pytest.raises(FallbackDamagedError) as told:
        claim(config)
    assert "dbkit migrate --fallback dev user" in str(told.value.hint)
    assert path.read_bytes() == content


def test_a_truncated_file_is_damaged(tmp_path: Path) -> None:
    config = stand_in(tmp_path)
    path = made(config, "0001")
    with path.open("r+b") as file:
        file.truncate(5000)
    with pytest.raises(FallbackDamagedError):
        claim(config)


def test_what_a_writer_that_died_has_left_is_taken_back(tmp_path: Path) -> None:
    config = stand_in(tmp_path)
    path = made(config, "0001")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    child = os.fork()
    if not child:
        try:
            dying = sqlite3.connect(path, isolation_level=None)
            dying.execute("PRAGMA cache_size=1")  # so that pages are written before the end
            dying.execute("BEGIN")
            dying.execute("DELETE FROM people")
            for _ in range(50):
                dying.execute("INSERT INTO people (name) VALUES (hex(randomblob(5000)))")
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    os.waitpid(child, 0)
    assert Path(f"{path}-journal").stat().st_size > 0
    assert refuse_foreign(config) is not None
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM people").fetchall() == [("Ada",)]
    connection.close()


def test_a_file_that_somebody_holds_is_locked(tmp_path: Path) -> None:
    config = stand_in(tmp_path)
    with locked(made(config, "0001")), pytest.raises(FallbackLockedError) as told:
        claim(config)
    assert told.value.exit_code == 5


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FallbackMissingError, match="there is no folder"):
        claim(stand_in(tmp_path / "nowhere"))


def test_in_a_folder_that_cannot_be_written_no_file_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "fixed"
    folder.mkdir()
    with unwritable(folder), pytest.raises(FallbackReadOnlyError):
        claim(stand_in(folder))


@pytest.mark.parametrize("left", [0, 8192, 40960])
def test_on_a_full_disk_no_file_is_made_and_with_room_it_is(tmp_path: Path, left: int) -> None:
    with small_disk(tmp_path / "small") as folder:
        config, filling, room = stand_in(folder), folder / "filling", os.statvfs(folder)
        filling.write_bytes(b"x" * (room.f_bavail * room.f_frsize - left))
        with pytest.raises(FallbackFullError, match="there is no room for"):
            claim(config)
        filling.unlink()
        assert refuse_foreign(config) is None
        assert claim(config) is True


def test_the_folder_of_the_default_path_is_made(tmp_path: Path) -> None:
    config = stand_in(tmp_path / ".dbkit")
    assert claim(config) is True
    assert Path(str(config.database)).is_file()


def test_a_path_may_hold_what_means_something_in_a_uri(tmp_path: Path) -> None:
    folder = tmp_path / "a b%20?#&c"
    folder.mkdir()
    config = stand_in(folder)
    made(config, "0001")
    assert claim(config) is False
    with attached(config).create_engine().connect() as connection:
        found = read_identity(connection)
    assert found is not None
    assert [path.name for path in folder.iterdir() if path.suffix == ".db"] == ["user.fallback.db"]
    assert list(tmp_path.iterdir()) == [folder]
