"""Opening SQLite: pragmas, our own BEGIN, clear refusals."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.util import await_only

from dbkit.backends import get_backend
from dbkit.backends.protocol import Fault
from dbkit.config import DatabaseConfig, Settings, resolve
from dbkit.config.connect import connect, explain
from dbkit.errors import UnreachableError
from tests.backends.accounts import one
from tests.servers import WAYS, Way

pytestmark = [pytest.mark.sqlite, pytest.mark.driven]
by_way = pytest.mark.parametrize("way", [way for way in WAYS if way.backend == "sqlite"], ids=str)


def configured(path: Path | str, **overrides: Any) -> DatabaseConfig:
    return resolve(Settings(), "user", environ={}, overrides={"backend": "sqlite", "sqlite_path": path, **overrides})


PRAGMAS = {"foreign_keys": 1, "journal_mode": "wal", "synchronous": 1, "busy_timeout": 10000}


@by_way
def test_the_session_is_what_was_promised(way: Way, tmp_path: Path) -> None:
    engine = way.engine(configured(tmp_path / "x.db"))
    with engine.connect() as connection:
        assert {name: one(connection, f"PRAGMA {name}") for name in PRAGMAS} == PRAGMAS
    engine.dispose()


@by_way
def test_a_writer_waits_for_another_no_longer_than_its_deadline(way: Way, tmp_path: Path) -> None:
    config = configured(tmp_path / "x.db", deadline_s=0.2)
    engine = way.engine(config)
    with engine.connect() as connection, closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as other:
        assert one(connection, "PRAGMA busy_timeout") == 200
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sa.exc.OperationalError, match="database is locked") as caught:
            connection.exec_driver_sql("CREATE TABLE a (x INTEGER)")
        assert get_backend("sqlite").errors.fault(caught.value) is Fault.LOCK_TIMEOUT
        other.execute("ROLLBACK")
    engine.dispose()


@by_way
def test_like_minds_case_as_on_the_other_backends(way: Way, tmp_path: Path) -> None:
    engine = way.engine(configured(tmp_path / "x.db"))
    with engine.connect() as connection:
        assert one(connection, "SELECT 'Abc' LIKE 'a%'") == 0
        assert one(connection, "SELECT 'abc' LIKE 'a%'") == 1
        assert connection.scalar(sa.select(sa.literal("Abc").ilike("a%"))) == 1
    engine.dispose()


def test_a_migrating_connection_has_foreign_keys_off_and_the_write_lock_from_the_start(tmp_path: Path) -> None:
    config = configured(tmp_path / "x.db", connect_timeout_s=0.1)
    with connect(config, migrating=True) as connection:
        assert one(connection, "PRAGMA foreign_keys") == 0
        with pytest.raises(sa.exc.OperationalError, match="locked"), connect(config, migrating=True) as other:
            one(other, "SELECT 1")


@by_way
def test_ddl_of_a_transaction_that_is_rolled_back_leaves_nothing(way: Way, tmp_path: Path) -> None:
    engine = way.engine(configured(tmp_path / "x.db"))
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE a (x INTEGER)")
        connection.rollback()
        assert sa.inspect(connection).get_table_names() == []
    engine.dispose()


@by_way
def test_autocommit_and_transactions_may_follow_each_other(way: Way, tmp_path: Path) -> None:
    engine = way.engine(configured(tmp_path / "x.db"), pool_size=1, max_overflow=0)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("CREATE TABLE a (x INTEGER)")
        connection.exec_driver_sql("VACUUM")
    with engine.connect() as connection:
        connection.exec_driver_sql("INSERT INTO a VALUES (1)")
        with connection.begin_nested() as savepoint:
            connection.exec_driver_sql("INSERT INTO a VALUES (2)")
            savepoint.rollback()
        connection.commit()
        assert one(connection, "SELECT count(*) FROM a") == 1
    engine.dispose()


def test_threads_share_an_engine(tmp_path: Path) -> None:
    engine = configured(tmp_path / "x.db").create_engine()
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE a (x INTEGER)")

    def write() -> None:
        for number in range(20):
            with engine.begin() as connection:
                connection.exec_driver_sql("INSERT INTO a VALUES (?)", (number,))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert one(connection, "SELECT count(*) FROM a") == 80


def test_the_folder_of_the_default_path_is_made_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "dbkit.toml").write_text("")
    config = DatabaseConfig.from_env("user", environ={"DBKIT_PROJECT": str(tmp_path)})
    with connect(config):
        pass
    assert (tmp_path / ".dbkit" / "user.db").is_file()
    with pytest.raises(UnreachableError, match=r"cannot open .*missing/x\.db': unable to open database file"):
        connect(configured(tmp_path / "missing" / "x.db"))
    assert not (tmp_path / "missing").exists()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_text("this is a text file, and long enough to be looked at as a database" * 20)
    with pytest.raises(UnreachableError, match="file is not a database") as caught:
        connect(configured(path))
    assert "DATABASE_SQLITE_PATH" in str(caught.value.hint)


@by_way
@pytest.mark.parametrize("trouble", ["text", "folder"])
def test_what_cannot_be_opened_is_told_alike_by_each_driver(way: Way, tmp_path: Path, trouble: str) -> None:
    path = tmp_path if trouble == "folder" else tmp_path / "x.db"
    if trouble == "text":
        path.write_text("this is a text file, and long enough to be looked at as a database" * 20)
    config = configured(path)
    with pytest.raises(sa.exc.DBAPIError) as caught:
        way.engine(config).connect()
    said = {"text": "file is not a database", "folder": "unable to open database file"}[trouble]
    assert str(explain(config, caught.value)) == f"cannot open '{path}': {said}"


def test_a_connection_of_aiosqlite_that_was_closed_counts_as_lost(tmp_path: Path) -> None:
    engine = Way(backend="sqlite", driver="aiosqlite", asynchronous=True).engine(configured(tmp_path / "x.db"))
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        await_only(driver.close())
        with pytest.raises(sa.exc.OperationalError) as caught:
            connection.exec_driver_sql("SELECT 1")
        assert get_backend("sqlite").errors.fault(caught.value) is Fault.CONNECTION_LOST
        connection.rollback()
        assert one(connection, "SELECT 1") == 1
    engine.dispose()


@by_way
def test_a_database_in_memory_is_one_for_the_whole_engine(way: Way) -> None:
    engine = way.engine(configured(":memory:"))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE a (x INTEGER)")
    with engine.connect() as connection:
        assert sa.inspect(connection).get_table_names() == ["a"]
    engine.dispose()


def test_a_folder_in_the_place_of_the_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="unable to open database file"):
        connect(configured(tmp_path))


def test_a_bare_url_opens_the_same_file(tmp_path: Path) -> None:
    config = configured(tmp_path / "with space.db")
    with config.create_engine().begin() as connection:
        connection.exec_driver_sql("CREATE TABLE a (x INTEGER)")
    assert sa.inspect(sa.create_engine(config.get_connection_url())).get_table_names() == ["a"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_of_a_fork_opens_the_file_itself(tmp_path: Path) -> None:
    engine = configured(tmp_path / "x.db").create_engine()
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE a (x INTEGER)")
    child = os.fork()
    if child == 0:
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql("INSERT INTO a VALUES (1)")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    with engine.connect() as connection:
        assert one(connection, "SELECT count(*) FROM a") == 1
