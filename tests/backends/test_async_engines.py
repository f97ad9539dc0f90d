"""Asynchronous engines in use: in projects and event loops, cancelled and forked, with each driver."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

import dbkit
from dbkit.backends import get_backend
from dbkit.config import DatabaseConfig, Settings, resolve
from dbkit.errors import ConfigurationError, MissingDriverError
from dbkit.project import Project
from tests.backends.by_driver import environ, ways
from tests.projects import Home
from tests.servers import Way

SESSION = {"postgresql": "SELECT pg_backend_pid()"}
SLEEP = {"postgresql": "SELECT pg_sleep(30)"}


@pytest.fixture
def config(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseConfig:
    """Give the configuration of a way."""
    return resolve(Settings(), "user", environ=environ(request.param, tmp_path))


on_servers = pytest.mark.parametrize("config", ways(), indirect=True)


def session(config: DatabaseConfig) -> sa.TextClause:
    return sa.text(SESSION.get(config.backend, "SELECT CONNECTION_ID()"))


async def ask(engine: AsyncEngine, statement: sa.TextClause) -> Any:
    async with engine.connect() as connection:
        return (await connection.execute(statement)).scalar()


def run(work: Callable[[AsyncEngine], Coroutine[Any, Any, Any]], config: DatabaseConfig, **options: Any) -> Any:
    """Do something with an engine of one connection, in an event loop of its own."""

    async def main() -> Any:
        engine = config.create_async_engine(**{"pool_size": 1, "max_overflow": 0, **options})
        try:
            return await work(engine)
        finally:
            await engine.dispose()

    return asyncio.run(main())


# --- in a project ---------------------------------------------------------------------------------------------------------


@pytest.fixture(params=ways(servers=False))
def project(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Give a project whose service reaches its database in a way."""
    for variable, value in environ(request.param, tmp_path).items():
        monkeypatch.setenv(variable, value)
    return Home(tmp_path).write("user").project()


def test_a_loop_has_one_engine_of_a_service_and_another_loop_another(project: Project) -> None:
    async def main() -> AsyncEngine:
        engine = dbkit.async_engine("user", project=project)
        assert engine is dbkit.async_engine("user", project=project)
        assert await ask(engine, sa.text("SELECT 1")) == 1
        async with AsyncSession(engine) as session:
            assert await session.scalar(sa.select(sa.literal("é😀"))) == "é😀"
        await engine.dispose()
        return engine

    first = asyncio.run(main())  # held, so that the second cannot stand in its place
    assert asyncio.run(main()) is not first


# As a script or a task queue does that calls asyncio.run for each job, and never disposes of an engine.
JOBS = """
import asyncio, gc, os, sys
import sqlalchemy as sa
import dbkit

async def job():
    async with dbkit.async_engine("user").connect() as connection:
        await connection.execute(sa.text("SELECT 1"))

def sockets():
    links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    return sum(os.path.islink(link) and os.readlink(link).startswith("socket:") for link in links)

for _ in range(6):
    asyncio.run(job())
    gc.collect()
    print(sockets())
"""


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open sockets are counted by what /proc says")
def test_loops_that_end_without_a_word_leave_no_connections_behind_and_the_process_ends(project: Project) -> None:
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", JOBS],
        cwd=project.root,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    # the engine of a loop that is closed goes when another loop asks for one
    assert max(map(int, done.stdout.split())) <= 2


@pytest.mark.parametrize("project", ways(servers=False)[:1], indirect=True)
def test_the_documents_first_example_works(project: Project) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "use-async-engines.md"
    code = page.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    variables = {**os.environ, "DBKIT_PROJECT": str(project.root)}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "it works\n", "")


# --- cancellation, forks --------------------------------------------------------------------------------------------------


@on_servers
def test_a_statement_that_is_cancelled_leaves_the_pool_whole(config: DatabaseConfig) -> None:
    sleep = sa.text(SLEEP.get(config.backend, "SELECT SLEEP(30)"))

    async def main(engine: AsyncEngine) -> list[Any]:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await ask(engine, sleep)
        assert engine.sync_engine.pool.status().count("Current Checked out connections: 0") == 1
        return [await ask(engine, sa.text(f"SELECT {number}")) for number in range(3)]

    assert run(main, config) == [0, 1, 2]


TRANSACTIONAL_DDL = [item for item in ways() if item.values[0].backend == "postgresql"]


@pytest.mark.parametrize("config", TRANSACTIONAL_DDL, indirect=True)
def test_a_transaction_that_is_cancelled_is_rolled_back(config: DatabaseConfig) -> None:
    async def main(engine: AsyncEngine) -> bool:
        async def transaction() -> None:
            async with engine.begin() as connection:
                await connection.execute(sa.text("CREATE TEMP TABLE cancelled (n int)"))
                await connection.execute(sa.text(SLEEP[config.backend]))

        task = asyncio.create_task(transaction())
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with engine.connect() as connection:
            names = await connection.run_sync(lambda there: sa.inspect(there).get_temp_table_names())
            return "cancelled" in names

    assert run(main, config) is False


@on_servers
def test_a_connection_attempt_that_is_cancelled_takes_no_place_in_the_pool(config: DatabaseConfig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        deaf = replace(config, port=silent.getsockname()[1])

        async def main(engine: AsyncEngine) -> None:
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await ask(engine, sa.text("SELECT 1"))

        run(main, deaf, pool_timeout=0.5)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@on_servers
def test_a_child_of_a_fork_makes_its_own_connections_and_leaves_the_parents_alone(config: DatabaseConfig) -> None:
    with asyncio.Runner() as runner:

        async def make() -> AsyncEngine:
            return config.create_async_engine(pool_size=1, max_overflow=0)

        engine = runner.run(make())
        before = runner.run(ask(engine, session(config)))
        readable, writable = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                # by its own loop: the parent's came along with the memory, and is the parent's
                os.write(writable, str(asyncio.run(ask(engine, session(config)))).encode())
                gc.collect()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        os.close(writable)
        with os.fdopen(readable) as pipe:
            of_the_child = pipe.read()
        assert runner.run(ask(engine, session(config))) == before
        runner.run(engine.dispose())
    assert of_the_child.isdecimal()
    assert of_the_child != str(before)


# --- drivers that are not there ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ways(servers=False))
def test_a_driver_that_is_not_installed_is_told_with_its_extra(
    way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = resolve(Settings(), "user", environ=environ(way, tmp_path))
    monkeypatch.setitem(sys.modules, way.driver, None)
    with pytest.raises(MissingDriverError) as caught:
        config.create_async_engine()
    extra = {"asyncpg": "asyncpg"}.get(way.driver, "async")
    assert caught.value.hint == f"pip install 'dbkit[{extra}]'"
    assert way.driver in str(caught.value)


@pytest.mark.mssql
def test_a_backend_without_an_asynchronous_driver_says_so() -> None:
    config = DatabaseConfig(backend="mssql", host="localhost", user="me", database="mine")
    assert get_backend("mssql").traits.driver_of("async") is None
    with pytest.raises(ConfigurationError, match="SQL Server has no asynchronous driver here") as caught:
        config.create_async_engine()
    assert "create_engine()" in str(caught.value.hint)
