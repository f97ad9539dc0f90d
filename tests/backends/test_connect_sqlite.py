"""Opening SQLite: pragmas, our own BEGIN, clear refusals."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from dbkit.config import DatabaseConfig, Settings, resolve
from dbkit.config.connect import connect
from dbkit.errors import UnreachableError
from tests.backends.accounts import one

pytestmark = pytest.mark.sqlite


def configured(path: Path | str, **overrides: Any) -> DatabaseConfig:
    return resolve(Settings(), "user", environ={}, overrides={"backend": "sqlite", "sqlite_path": path, **overrides})


PRAGMAS = {"foreign_keys": 1, "journal_mode": "wal", "synchronous": 1, "busy_timeout": 10000}


def test_the_session_is_what_was_promised(tmp_path: Path) -> None:
    with configured(tmp_path / "x.db").create_engine().connect() as connection:
        assert {name: one(connection, f"PRAGMA {name}") for name in PRAGMAS} == PRAGMAS


def test_like_minds_case_as_on_the_other_backends(tmp_path: Path) -> None:
    with configured(tmp_path / "x.db").create_engine().connect() as connection:
        assert one(connection, "SELECT 'Abc' LIKE 'a%'") == 0
        assert one(connection, "SELECT 'abc' LIKE 'a%'") == 1
        assert connection.scalar(sa.select(sa.literal("Abc").ilike("a%"))) == 1


def test_a_migrating_connection_has_foreign_keys_off_and_the_write_lock_from_the_start(tmp_path: Path) -> None:
    config = configured(tmp_path / "x.db", connect_timeout_s=0.1)
    with connect(config, migrating=True) as connection:
        assert one(connection, "PRAGMA foreign_keys") == 0
        with pytest.raises(sa.exc.OperationalError, match="locked"), connect(config, migrating=True) as other:
            one(other, "SELECT 1")


def test_ddl_of_a_transaction_that_is_rolled_back_leaves_nothing(tmp_path: Path) -> None:
    engine = configured(tmp_path / "x.db").create_engine()
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE a (x INTEGER)")
        connection.rollback()
        assert sa.inspect(connection).get_table_names() == []


def test_autocommit_and_transactions_may_follow_each_other(tmp_path: Path) -> None:
    engine = configured(tmp_path / "x.db").create_engine(pool_size=1, max_overflow=0)
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
