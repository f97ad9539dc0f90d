from __future__ import annotations

import asyncio
import pickle
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from dbkit.config import DatabaseConfig
from dbkit.errors import (
    DbkitError,
    FallbackAheadError,
    FallbackBehindError,
    FallbackDamagedError,
    FallbackForeignError,
    FallbackFullError,
    FallbackLockedError,
    FallbackMissingError,
    FallbackReadOnlyError,
)
from dbkit.failover.attach import attached, prove_usable, typed_errors
from dbkit.service import Registration
from tests.projects import Home
from tests.stand_ins import locked, made, small_disk, stand_in, unwritable

ADD = "INSERT INTO people (name) VALUES ('Grace')"


@pytest.fixture
def registration(tmp_path: Path) -> Registration:
    home = tmp_path / "home"
    home.mkdir()
    written = Home(home).write("user")
    written.table("user", "0001", "people")
    written.table("user", "0002", "pets")
    return written.project().registration("user")


def names(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        found = [row[0] for row in connection.execute("SELECT name FROM people ORDER BY id")]
    connection.close()
    return found


def test_a_file_at_head_is_usable_and_not_written_to(tmp_path: Path, registration: Registration) -> None:
    config = stand_in(tmp_path)
    path = made(config, "0002")
    before = path.read_bytes()
    prove_usable(config, registration)
    assert path.read_bytes() == before
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["home", "user.fallback.db"]


@pytest.mark.parametrize("empty", [False, True])
def test_no_file_or_an_empty_one_is_missing_and_not_made(
    tmp_path: Path, registration: Registration, empty: bool
) -> None:
    config = stand_in(tmp_path)
    path = Path(str(config.database))
    if empty:
        path.touch()
    with pytest.raises(FallbackMissingError) as told:
        prove_usable(config, registration)
    assert told.value.hint == "run dbkit migrate --fallback dev user"
    assert told.value.exit_code == 3
    assert (path.stat().st_size == 0) if empty else not path.exists()


@pytest.mark.parametrize(
    ("revisions", "said"),
    [((), "is not migrated, and 2 revisions are"), (("0001",), "is at revision 0001, and 1 revision is")],
)
def test_a_file_that_lacks_revisions_is_behind(
    tmp_path: Path, registration: Registration, revisions: tuple[str, ...], said: str
) -> None:
    config = stand_in(tmp_path)
    made(config, *revisions)
    with pytest.raises(FallbackBehindError, match=said) as told:
        prove_usable(config, registration)
    assert told.value.hint == "run dbkit migrate --fallback dev user"
    assert told.value.exit_code == 4


def test_a_file_of_a_newer_revision_is_ahead(tmp_path: Path, registration: Registration) -> None:
    config = stand_in(tmp_path)
    made(config, "0003")
    with pytest.raises(FallbackAheadError, match="at revision 0003, which these files do not have") as told:
        prove_usable(config, registration)
    assert told.value.exit_code == 7


def test_another_services_file_is_not_used(tmp_path: Path, registration: Registration) -> None:
    made(stand_in(tmp_path, "project", name="one.db"), "0002")
    with pytest.raises(FallbackForeignError, match="service 'project', not of 'user'"):
        prove_usable(stand_in(tmp_path, name="one.db"), registration)


def test_a_read_only_file_is_not_used(tmp_path: Path, registration: Registration) -> None:
    config = stand_in(tmp_path)
    with unwritable(made(config, "0002")), pytest.raises(FallbackReadOnlyError, match=r"fallback\.db' is read-only"):
        prove_usable(config, registration)


def test_what_sqlite_cannot_write_is_not_used_whatever_the_system_says(
    tmp_path: Path, registration: Registration, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = stand_in(tmp_path)
    path = made(config, "0002")
    monkeypatch.setattr("os.access", lambda *_: True)
    with unwritable(path), pytest.raises(FallbackReadOnlyError, match="attempt to write a readonly database"):
        prove_usable(config, registration)


def test_a_file_in_a_read_only_folder_is_not_used(tmp_path: Path, registration: Registration) -> None:
    folder = tmp_path / "fixed"
    folder.mkdir()
    config = stand_in(folder)
    made(config, "0002")
    with unwritable(folder), pytest.raises(FallbackReadOnlyError, match="fixed' is read-only"):
        prove_usable(config, registration)


def test_a_file_that_somebody_has_for_himself_is_not_used(tmp_path: Path, registration: Registration) -> None:
    config = stand_in(tmp_path)
    with locked(made(config, "0002")), pytest.raises(FallbackLockedError):
        prove_usable(config, registration)


def test_a_file_that_somebody_writes_to_is_usable(tmp_path: Path, registration: Registration) -> None:
    config = stand_in(tmp_path)
    writer = sqlite3.connect(made(config, "0002"), isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute(ADD)
    prove_usable(config, registration)
    writer.close()


def test_an_engine_on_the_file_makes_none(tmp_path: Path) -> None:
    config = stand_in(tmp_path)
    with pytest.raises(FallbackMissingError):
        on_file(config, "sync", ADD)
    assert list(tmp_path.iterdir()) == []


def on_file(config: DatabaseConfig, kind: str, *statements: str, between: Callable[[], object] = lambda: None) -> None:
    """Run statements in one transaction on an engine as services get it; `between` a first query and them, something happens."""
    if kind == "async":
        pytest.importorskip("aiosqlite")
    engine = attached(config).create_engine() if kind == "sync" else attached(config).create_async_engine()
    if isinstance(engine, AsyncEngine):
        typed_errors(engine.sync_engine, config)
        asyncio.run(_on_file_async(engine, statements, between))
        return
    typed_errors(engine, config)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM people")
        between()
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
    finally:
        engine.dispose()


async def _on_file_async(engine: AsyncEngine, statements: tuple[str, ...], between: Callable[[], object]) -> None:
    async def ask(connection: AsyncConnection, *texts: str) -> None:
        for text in texts:
            await connection.exec_driver_sql(text)

    threads = set(threading.enumerate())
    try:
        async with engine.connect() as connection:
            await ask(connection, "SELECT count(*) FROM people")
        between()
        async with engine.begin() as connection:
            await ask(connection, *statements)
    finally:
        await engine.dispose()
        # the driver's thread of a connection that was given up has a last word for the loop, which must be there to hear it
        for thread in set(threading.enumerate()) - threads:
            if not thread.name.startswith("asyncio_"):
                await asyncio.to_thread(thread.join, 5)


both = pytest.mark.parametrize("kind", ["sync", "async"])


@both
def test_what_is_written_is_there(tmp_path: Path, kind: str) -> None:
    config = stand_in(tmp_path)
    path = made(config)
    on_file(config, kind, ADD)
    assert names(path) == ["Ada", "Grace"]


FILL = "INSERT INTO people (name) SELECT hex(randomblob(5000))"


@both
def test_a_full_file_is_told_and_nothing_half_done_stays(tmp_path: Path, kind: str) -> None:
    config = stand_in(tmp_path)
    path = made(config)
    with pytest.raises(FallbackFullError, match="there is no room for") as told:
        on_file(config, kind, "PRAGMA max_page_count = 6", ADD, *[FILL] * 3)
    assert isinstance(told.value, sa.exc.OperationalError)
    assert isinstance(told.value, DbkitError)
    assert told.value.statement == FILL
    assert told.value.hint == "free some space and try again; nothing of it was kept"
    assert names(path) == ["Ada"]


def test_a_full_disk_is_told_nothing_is_lost_and_with_room_it_goes_on(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small") as folder:
        config = stand_in(folder)
        path = made(config)
        engine = attached(config).create_engine()
        typed_errors(engine, config)
        filling, written = folder / "filling", 0
        filling.write_bytes(b"x" * 600_000)
        with pytest.raises(FallbackFullError):  # noqa: PT012 - which of the writes it is depends on the file system
            for _ in range(100):
                with engine.begin() as connection:
                    connection.exec_driver_sql(FILL)
                written += 1
        assert 0 < written < 100
        assert len(names(path)) == 1 + written
        filling.unlink()
        with engine.begin() as connection:
            connection.exec_driver_sql(ADD)
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        assert len(names(path)) == 2 + written
        engine.dispose()


@both
def test_a_write_to_what_is_read_only_is_told(tmp_path: Path, kind: str) -> None:
    config = stand_in(tmp_path)
    path = made(config)
    with pytest.raises(FallbackReadOnlyError, match="cannot be written: attempt to write a readonly database"):
        on_file(config, kind, "PRAGMA query_only = 1", ADD)
    assert names(path) == ["Ada"]


@both
def test_a_writer_that_does_not_let_go_is_told(tmp_path: Path, kind: str) -> None:
    config = stand_in(tmp_path)
    path = made(config)
    writer = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(FallbackLockedError, match="is locked by another process: database is locked"):
        on_file(config, kind, ADD, between=lambda: writer.execute("BEGIN IMMEDIATE"))
    writer.close()


@both
def test_damage_is_told(tmp_path: Path, kind: str) -> None:
    config = stand_in(tmp_path)
    path = made(config)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE pets (name TEXT)")
        at = 4096 * (connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'pets'").fetchone()[0] - 1)
    connection.close()

    def overwrite() -> None:
        with path.open("r+b") as file:
            file.seek(at)
            file.write(b"\xff" * 4096)

    with pytest.raises(FallbackDamagedError, match="is damaged, or no database") as told:
        on_file(config, kind, ADD, "SELECT * FROM pets", between=overwrite)
    assert names(path) == ["Ada"]
    assert "dbkit migrate --fallback dev user" in str(told.value.hint)


@both
def test_a_file_that_was_deleted_is_told_and_not_made_anew(tmp_path: Path, kind: str) -> None:
    config = stand_in(tmp_path)
    path = made(config)
    with pytest.raises(FallbackMissingError) as told:
        on_file(config, kind, ADD, between=path.unlink)
    assert isinstance(told.value, sa.exc.OperationalError)
    assert not path.exists()


@both
def test_a_file_that_was_replaced_by_the_services_own_is_taken(tmp_path: Path, kind: str) -> None:
    config = stand_in(tmp_path)
    path = made(config)

    def replace() -> None:
        path.rename(tmp_path / "old")
        made(config)

    on_file(config, kind, ADD, between=replace)
    assert names(path) == ["Ada", "Grace"]
    assert names(tmp_path / "old") == ["Ada"]


@both
def test_a_file_that_was_replaced_by_somebody_elses_is_refused(tmp_path: Path, kind: str) -> None:
    config = stand_in(tmp_path)
    path = made(config)
    other = made(stand_in(tmp_path, "project"))
    with pytest.raises(
        FallbackForeignError, match="is the fallback of service 'project' now, not that of service 'user'"
    ):
        on_file(config, kind, ADD, between=lambda: other.replace(path))
    assert names(path) == ["Ada"]


@both
def test_an_error_of_the_statement_stays_sqlalchemys(tmp_path: Path, kind: str) -> None:
    config = stand_in(tmp_path)
    made(config)
    with pytest.raises(sa.exc.IntegrityError) as told:
        on_file(config, kind, "INSERT INTO people (id) VALUES (1)")
    assert not isinstance(told.value, DbkitError)


def test_an_error_of_the_file_crosses_a_process_border(tmp_path: Path) -> None:
    with pytest.raises(FallbackMissingError) as told:
        on_file(stand_in(tmp_path), "sync", ADD)
    found = pickle.loads(pickle.dumps(told.value))
    assert (type(found), str(found), found.hint) == (type(told.value), str(told.value), told.value.hint)
