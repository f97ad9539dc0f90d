"""What a failure means is told alike on every backend, by every driver: real failures of real servers and files."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.util.concurrency import await_only, greenlet_spawn

from dbkit.backends import get_backend
from dbkit.backends.protocol import Fault
from dbkit.config import DatabaseConfig
from dbkit.config.secrets import Secret
from tests.backends.accounts import throw_away_account
from tests.backends.by_driver import environ, server_of
from tests.driving import on_every_driver
from tests.servers import WAYS, Database, Way

pytestmark = pytest.mark.driven

METADATA = sa.MetaData()
PARENTS = sa.Table(
    "fault_parents",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(20), unique=True),
    sa.Column("note", sa.String(20)),
)
CHILDREN = sa.Table(
    "fault_children",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("parent_id", sa.ForeignKey("fault_parents.id"), nullable=False),
)


def fault_of(backend: str, work: Callable[[], object]) -> Fault:
    with pytest.raises(sa.exc.DBAPIError) as caught:
        work()
    return get_backend(backend).errors.fault(caught.value)


@pytest.fixture
def rows(database: Database) -> Iterator[Database]:
    """Give a database with two parents, of whom the first has a child."""
    METADATA.drop_all(database.engine)
    METADATA.create_all(database.engine)
    with database.engine.begin() as connection:
        connection.execute(PARENTS.insert(), [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}])
        connection.execute(CHILDREN.insert(), [{"id": 1, "parent_id": 1}])
    yield database
    METADATA.drop_all(database.engine)


BROKEN = [
    pytest.param(PARENTS.insert().values(id=1, name="Cid"), Fault.DUPLICATE, id="a key twice"),
    pytest.param(PARENTS.insert().values(id=3, name="Ann"), Fault.DUPLICATE, id="a unique value twice"),
    pytest.param(PARENTS.update().where(PARENTS.c.id == 2).values(name="Ann"), Fault.DUPLICATE, id="by an update"),
    pytest.param(CHILDREN.insert().values(id=2, parent_id=9), Fault.REFERENCE, id="no parent"),
    pytest.param(PARENTS.delete().where(PARENTS.c.id == 1), Fault.REFERENCE, id="a parent with a child"),
]


@on_every_driver
@pytest.mark.parametrize(("statement", "fault"), BROKEN)
def test_a_broken_rule_is_told_by_its_kind(rows: Database, statement: sa.Executable, fault: Fault) -> None:
    with rows.engine.connect() as connection:
        assert fault_of(rows.backend, lambda: connection.execute(statement)) is fault


def lock(connection: sa.Connection, row: int) -> None:
    connection.execute(PARENTS.update().where(PARENTS.c.id == row).values(note="held"))


@on_every_driver
def test_a_row_that_another_one_holds_is_a_lock_time_out(rows: Database) -> None:
    if rows.backend == "sqlite":
        with rows.engine.connect() as holder, rows.engine.connect() as other:
            other.exec_driver_sql("PRAGMA busy_timeout=0")
            other.rollback()
            lock(holder, 1)
            assert fault_of("sqlite", lambda: lock(other, 1)) is Fault.LOCK_TIMEOUT
        return
    held = sa.select(PARENTS.c.id).where(PARENTS.c.id == 1).with_for_update(nowait=True)
    with rows.engine.connect() as holder, rows.engine.connect() as other:
        lock(holder, 1)
        if rows.backend == "mssql":
            other.exec_driver_sql("SET LOCK_TIMEOUT 0")
            assert fault_of("mssql", lambda: lock(other, 1)) is Fault.LOCK_TIMEOUT
            return
        assert fault_of(rows.backend, lambda: other.execute(held)) is Fault.LOCK_TIMEOUT


def both(database: Database, *works: Callable[[], object]) -> list[BaseException | None]:
    """Do things at the same time; give the error of each."""
    if database.asynchronous:
        tasks = (greenlet_spawn(work) for work in works)
        done = await_only(asyncio.gather(*tasks, return_exceptions=True))
        return [one if isinstance(one, BaseException) else None for one in done]
    with ThreadPoolExecutor(len(works)) as pool:
        return [future.exception() for future in [pool.submit(work) for work in works]]


@on_every_driver
def test_a_deadlock_is_a_conflict_of_one_of_the_two(rows: Database) -> None:
    if rows.backend == "sqlite":
        pytest.skip("there is one writer at a time")
    with rows.engine.connect() as first, rows.engine.connect() as second:
        if rows.backend == "postgresql":
            for connection in (first, second):
                connection.exec_driver_sql("SET deadlock_timeout = '50ms'")
        lock(first, 1)
        lock(second, 2)
        errors = both(rows, lambda: lock(first, 2), lambda: lock(second, 1))
        found = [get_backend(rows.backend).errors.fault(error) for error in errors if error is not None]
        assert found == [Fault.CONFLICT]


@on_every_driver
def test_a_row_that_was_changed_since_it_was_read_is_a_conflict(rows: Database) -> None:
    begin = {
        "sqlite": "SELECT 1",
        "postgresql": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "mariadb": "SET innodb_snapshot_isolation = ON",
        "tidb": "BEGIN OPTIMISTIC",
    }
    if rows.backend not in begin:
        pytest.skip("it updates the newest version of the row")

    def write_and_commit() -> None:
        lock(slow, 1)
        slow.commit()

    with rows.engine.connect() as slow, rows.engine.connect() as other:
        slow.exec_driver_sql(begin[rows.backend])
        slow.execute(sa.select(PARENTS)).all()
        other.execute(PARENTS.update().values(note="changed"))
        other.commit()
        assert fault_of(rows.backend, write_and_commit) is Fault.CONFLICT


@on_every_driver
def test_a_write_where_only_reading_is_allowed_is_told(rows: Database) -> None:
    begin = {
        "sqlite": "PRAGMA query_only=ON",
        "postgresql": "SET TRANSACTION READ ONLY",
        "mysql": "START TRANSACTION READ ONLY",
        "mariadb": "START TRANSACTION READ ONLY",
    }
    if rows.backend not in begin:
        pytest.skip("it has no transactions that only read")
    with rows.engine.connect() as connection:
        connection.exec_driver_sql(begin[rows.backend])
        assert fault_of(rows.backend, lambda: lock(connection, 1)) is Fault.READ_ONLY
        connection.rollback()
        if rows.backend == "sqlite":
            connection.exec_driver_sql("PRAGMA query_only=OFF")


LIMITS = {
    "postgresql": 'ALTER ROLE "{user}" CONNECTION LIMIT 1',
    "mysql": "ALTER USER '{user}'@'%' WITH MAX_USER_CONNECTIONS 1",
    "mariadb": "ALTER USER '{user}'@'%' WITH MAX_USER_CONNECTIONS 1",
}


@pytest.mark.parametrize(
    "way",
    [pytest.param(way, id=str(way), marks=getattr(pytest.mark, way.backend)) for way in WAYS if way.backend in LIMITS],
)
def test_one_connection_more_than_an_account_may_have_is_turned_away(way: Way, tmp_path: Path) -> None:
    password = secrets.token_hex(8)
    with throw_away_account(server_of(way), password) as account, ExitStack() as open_ones:
        account.run({"other": "", **LIMITS})
        config = DatabaseConfig.from_env(environ=environ(way, tmp_path))
        engine = way.engine(replace(config, user=account.user, password=Secret(password)))
        open_ones.callback(engine.dispose)
        open_ones.enter_context(engine.connect())
        assert fault_of(way.backend, engine.connect) is Fault.TURNED_AWAY


SQLITE = pytest.mark.parametrize(
    "way", [pytest.param(way, id=str(way), marks=pytest.mark.sqlite) for way in WAYS if way.backend == "sqlite"]
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a file with a table of some pages, that nobody has open."""
    path = tmp_path / "user.db"
    engine = DatabaseConfig.from_env(
        environ={"DATABASE_TYPE": "sqlite", "DATABASE_SQLITE_PATH": str(path)}
    ).create_engine()
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE pages (id INTEGER PRIMARY KEY, text TEXT)")
        connection.exec_driver_sql("INSERT INTO pages (text) VALUES (?)", [("x" * 3000,) for _ in range(30)])
    engine.dispose()
    return path


@pytest.fixture
def engine_on(tmp_path: Path) -> Iterator[Callable[..., sa.Engine]]:
    """Give what makes the product's engine on the file."""
    made: list[sa.Engine] = []

    def make(way: Way, **changes: Any) -> sa.Engine:
        config = DatabaseConfig.from_env(environ=environ(way, tmp_path))
        made.append(way.engine(replace(config, **changes)))
        return made[-1]

    yield make
    for engine in made:
        engine.dispose()


def write(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO pages (text) VALUES (?)", ("x" * 30000,))


@SQLITE
@pytest.mark.usefixtures("file")
def test_a_file_that_is_full_is_told_and_what_was_there_stays(way: Way, engine_on: Any) -> None:
    engine = engine_on(way)
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
        connection.rollback()
        insert = "INSERT INTO pages (text) VALUES (?)"
        assert fault_of("sqlite", lambda: connection.exec_driver_sql(insert, ("x" * 30000,))) is Fault.STORAGE_FULL
        connection.rollback()
        assert connection.exec_driver_sql("SELECT count(*) FROM pages").scalar() == 30


@SQLITE
@pytest.mark.usefixtures("file")
def test_a_file_that_may_only_be_read_is_told(way: Way, engine_on: Any) -> None:
    assert fault_of("sqlite", lambda: write(engine_on(way, query={"mode": "ro"}))) is Fault.READ_ONLY


@SQLITE
def test_a_file_that_is_no_database_is_damaged(way: Way, file: Path, engine_on: Any) -> None:
    file.write_bytes(b"no database" * 1000)
    assert fault_of("sqlite", lambda: write(engine_on(way))) is Fault.DAMAGED


@SQLITE
def test_a_file_whose_pages_are_overwritten_is_damaged(way: Way, file: Path, engine_on: Any) -> None:
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)
    assert fault_of("sqlite", lambda: write(engine_on(way))) is Fault.DAMAGED
