"""Alembic's commands run by other code, which hands over a connection: Alembic's cookbook, pytest-alembic, an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from dbkit.backends import backend_of
from dbkit.errors import DatabaseMissingError, UsageError
from tests.projects import Home
from tests.servers import Database

ENV = 'from dbkit.migrations import env\n\nenv.run("handed")\n'


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Give Alembic's configuration of a service without any of its own variables: only what is handed over is a database."""
    home = Home(tmp_path).write("handed")
    home.table("handed", "0001", "boxes")
    home.table("handed", "0002", "lids")
    (tmp_path / "envs/handed/env.py").write_text(ENV)
    (tmp_path / "envs/handed/alembic.ini").write_text("[alembic]\nscript_location = %(here)s\n")
    return Config(tmp_path / "envs/handed/alembic.ini")


@pytest.fixture
def engine(database: Database) -> Iterator[sa.Engine]:
    yield database.engine
    database.clean()


def run(config: Config, given: object, name: str, *arguments: str) -> None:
    config.attributes["connection"] = given
    getattr(command, name)(config, *arguments)


def tables(engine: sa.Engine) -> set[str]:
    """List the tables, but for the one in which the lock is held where the server has none."""
    return set(sa.inspect(engine).get_table_names()) - {"dbkit_lease"}


MADE = {"alembic_version_handed", "boxes", "lids"}


def test_an_engine_that_is_handed_over_is_used_and_left_as_it_was(config: Config, engine: sa.Engine) -> None:
    run(config, engine, "upgrade", "head")
    assert tables(engine) == MADE
    run(config, engine, "downgrade", "0001")
    assert tables(engine) == MADE - {"lids"}


def test_a_connection_stays_open_and_gives_the_lock_back(config: Config, engine: sa.Engine) -> None:
    with engine.connect() as connection:
        run(config, connection, "upgrade", "head")
        assert (connection.closed, connection.in_transaction()) == (False, False)
        assert tables(engine) == MADE
        with engine.connect() as other:
            locker = backend_of(other.dialect).locker
            with locker.lock(other, patience_s=0, on_wait=lambda: None):
                pass


def test_a_transaction_that_is_open_is_its_owners_to_end(config: Config, engine: sa.Engine) -> None:
    with engine.connect() as connection, connection.begin() as transaction:
        run(config, connection, "upgrade", "head")
        assert transaction.is_active
        transaction.rollback()
    if backend_of(engine.dialect).traits.transactional_ddl:
        assert tables(engine) == set()
        return
    with engine.connect() as connection:  # each DDL has committed what came before it, and nothing else has
        assert connection.scalars(sa.text("SELECT version_num FROM alembic_version_handed")).all() == ["0001"]


def test_a_schema_for_the_version_table_is_made_in_its_owners_transaction(config: Config, engine: sa.Engine) -> None:
    file = Path(str(config.config_file_name)).parents[2] / "pyproject.toml"
    file.write_text(file.read_text() + '\n[tool.dbkit.services.handed.alembic]\nversion_table_schema = "beside"\n')
    mysql = engine.dialect.name in ("mariadb", "mysql")
    with engine.connect() as connection, connection.begin() as transaction:
        connection.execute(sa.text("SELECT 1"))
        with pytest.raises(DatabaseMissingError) if mysql else nullcontext():  # there it is a database
            run(config, connection, "upgrade", "head")
        assert transaction.is_active
        assert sa.inspect(connection).has_schema("beside") is (engine.dialect.name == "postgresql")
        transaction.rollback()
    assert not sa.inspect(engine).has_schema("beside")


def test_what_a_revision_raises_reaches_who_has_handed_over(config: Config, engine: sa.Engine, tmp_path: Path) -> None:
    Home(tmp_path).revision("handed", "0003", "", 'raise NotImplementedError("never")')
    run(config, engine, "upgrade", "head")
    with pytest.raises(NotImplementedError, match="never"):
        run(config, engine, "downgrade", "-1")


@pytest.mark.sqlite
def test_an_asynchronous_engine_is_used_in_a_running_loop_and_without_one(config: Config, tmp_path: Path) -> None:
    url = sa.URL.create("sqlite+aiosqlite", database=str(tmp_path / "a.db"))

    async def upgraded() -> None:
        run(config, create_async_engine(url, poolclass=NullPool), "upgrade", "0001")

    asyncio.run(upgraded())
    run(config, create_async_engine(url), "upgrade", "head")
    engine = sa.create_engine(url.set(drivername="sqlite"))
    assert tables(engine) == MADE
    engine.dispose()


@pytest.mark.sqlite
def test_a_connection_of_an_awaited_engine_is_used_by_run_sync_alone(config: Config, tmp_path: Path) -> None:
    url = sa.URL.create("sqlite+aiosqlite", database=str(tmp_path / "a.db"))

    async def work() -> None:
        engine = create_async_engine(url)
        async with engine.begin() as connection:
            with pytest.raises(UsageError, match="is AsyncConnection, not a connection or an engine of SQLAlchemy"):
                run(config, connection, "upgrade", "head")
            await connection.run_sync(lambda inner: run(config, inner, "upgrade", "head"))
        async with engine.connect() as connection:
            assert await connection.run_sync(lambda inner: set(sa.inspect(inner).get_table_names())) == MADE
        await engine.dispose()

    asyncio.run(work())


@pytest.mark.sqlite
@pytest.mark.parametrize("given", ["sqlite://", SimpleNamespace(dialect="sqlite")], ids=["url", "stand-in"])
def test_what_is_no_connection_is_refused_by_its_kind(config: Config, given: Any) -> None:
    with pytest.raises(UsageError, match=rf"is {type(given).__name__}, not a connection") as caught:
        run(config, given, "upgrade", "head")
    assert "run_sync" in str(caught.value.hint)
