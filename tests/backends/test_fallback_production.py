"""A file that was made as a fallback is refused in production, whoever configures it as what."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from dbkit.config import DatabaseConfig
from dbkit.config.connect import connect
from dbkit.errors import FallbackForeignError
from dbkit.migrations import migrate, status
from dbkit.project import Project
from tests.projects import Home
from tests.stand_ins import made, stand_in

QUERY = sa.text("SELECT name FROM people")
SAID = "stands in for TiDB at localhost:4000, database 'user_db', for development, and DBKIT_ENV is 'production'"


@pytest.fixture
def plain(tmp_path: Path) -> DatabaseConfig:
    """Give the configuration of somebody who takes the file for a database like any other."""
    path = str(made(stand_in(tmp_path), "0001"))
    return DatabaseConfig(backend="sqlite", service="user", sqlite_path=path, database=path, environment="production")


def asked(config: DatabaseConfig, query: sa.TextClause = QUERY) -> object:
    """Ask by an asynchronous engine."""
    pytest.importorskip("aiosqlite")
    return asyncio.run(_asked(config, query))


async def _asked(config: DatabaseConfig, query: sa.TextClause) -> object:
    engine = config.create_async_engine()
    try:
        async with engine.connect() as connection:
            return await connection.scalar(query)
    finally:
        await engine.dispose()


def test_a_synchronous_engine_is_refused(plain: DatabaseConfig) -> None:
    engine = plain.create_engine()
    for _ in range(2):
        with pytest.raises(FallbackForeignError, match=SAID) as told:
            engine.connect()
    assert told.value.exit_code == 2
    assert told.value.hint == "configure the server itself, or a file that was never a fallback"


def test_an_asynchronous_engine_is_refused(plain: DatabaseConfig) -> None:
    with pytest.raises(FallbackForeignError, match=SAID):
        asked(plain)


def test_a_connection_for_migrations_is_refused(plain: DatabaseConfig) -> None:
    with pytest.raises(FallbackForeignError, match=SAID):
        connect(plain.for_migrations(), migrating=True)


def test_so_is_the_fallback_itself(tmp_path: Path) -> None:
    config = stand_in(tmp_path)
    made(config)
    with pytest.raises(FallbackForeignError, match=SAID):
        replace(config, environment="production").create_engine().connect()


@pytest.mark.parametrize("environment", ["development", "test"])
def test_elsewhere_it_can_be_looked_into(plain: DatabaseConfig, environment: str) -> None:
    config = replace(plain, environment=environment)
    with config.create_engine().connect() as connection:
        assert connection.scalar(QUERY) == "Ada"
    assert asked(config) == "Ada"


def test_any_other_file_is_welcome_in_production(plain: DatabaseConfig, tmp_path: Path) -> None:
    other = replace(plain, sqlite_path=str(tmp_path / "other.db"), database=str(tmp_path / "other.db"))
    with other.create_engine().connect() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1
    assert asked(other, sa.text("SELECT 1")) == 1


def test_a_migration_of_the_project_is_refused_and_writes_nothing(
    plain: DatabaseConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    Home(home).write("user").table("user", "0001", "people")
    Home(home).table("user", "0002", "pets")
    path = Path(str(plain.sqlite_path))
    before = path.read_bytes()
    for name, value in {
        "DATABASE_TYPE": "sqlite",
        "DATABASE_SQLITE_PATH": str(path),
        "DBKIT_ENV": "production",
    }.items():
        monkeypatch.setenv(name, value)
    project = Project.find(home)
    for result in (migrate(project), status(project)):
        assert result.exit_code == 2
        assert SAID in str(result["user"].error)
    assert path.read_bytes() == before
    monkeypatch.setenv("DBKIT_ENV", "development")
    assert status(project)["user"].pending == ("0002",)
