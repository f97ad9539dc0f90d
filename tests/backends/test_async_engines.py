"""Asynchronous engines in use: event loops, cancellation, forks, passwords, and what is told of a failure, with each driver."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

import dbkit
from dbkit.backends import get_backend
from dbkit.config import DatabaseConfig, Settings, resolve
from dbkit.config.connect import explain
from dbkit.errors import ConfigurationError, DatabaseMissingError, MissingDriverError, TlsRefusedError, UnreachableError
from dbkit.project import Project
from tests.backends.accounts import Account, Stripped, configured, throw_away_account
from tests.backends.test_secrets_connections import everything_of, spellings
from tests.projects import Home
from tests.servers import WAYS, Server, Way, find_server, how_to_start

ASYNC = [way for way in WAYS if way.asynchronous]
PASSWORD = f"Pl@nted/{secrets.token_hex(8)}#%: ü"
SESSION = {"postgresql": "SELECT pg_backend_pid()"}
SLEEP = {"postgresql": "SELECT pg_sleep(30)"}


def ways(*, servers: bool = True, asynchronous: bool = True) -> list[Any]:
    """List ways as parameters: to servers or to SQLite as well, of asynchronous engines or of any that somebody must ask for."""
    chosen = ASYNC if asynchronous else [way for way in WAYS if way.driver]
    return [
        pytest.param(way, id=str(way), marks=getattr(pytest.mark, way.backend))
        for way in chosen
        if not servers or way.backend != "sqlite"
    ]


def server_of(way: Way) -> Server:
    found = find_server(way.backend)
    if found is None:
        pytest.skip(how_to_start(way.backend))
    return replace(found, way=way)


def environ(way: Way, folder: Path) -> dict[str, str]:
    """Give the variables of a database that is there."""
    if way.backend == "sqlite":
        return {"DATABASE_TYPE": "sqlite", "DATABASE_SQLITE_PATH": str(folder / "user.db"), **way.environ()}
    return server_of(way).environ("postgres" if way.backend == "postgresql" else "information_schema")


@pytest.fixture
def config(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseConfig:
    """Give the configuration of a way."""
    return resolve(Settings(), "user", environ=environ(request.param, tmp_path))


on_servers = pytest.mark.parametrize("config", ways(), indirect=True)
everywhere = pytest.mark.parametrize("config", ways(servers=False), indirect=True)


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


# --- failures -------------------------------------------------------------------------------------------------------------

WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"port": 1}, UnreachableError, "cannot reach .* at localhost:1: "),
    ({"host": "no-such-host.invalid"}, UnreachableError, "cannot reach .* at no-such-host.invalid:"),
    ({"password": "wrong-password"}, UnreachableError, "refuses the log-in of "),
    ({"database": "dbkt_config_missing"}, DatabaseMissingError, "has no database 'dbkt_config_missing'"),
]


@pytest.mark.driven
@pytest.mark.parametrize("way", ways(asynchronous=False))
@pytest.mark.parametrize(("changes", "kind", "message"), WRONG, ids=["port", "host", "password", "database"])
def test_what_is_wrong_is_one_class_of_error_and_told_alike(
    way: Way, changes: dict[str, Any], kind: type[Exception], message: str
) -> None:
    config = configured(server_of(way), "postgres" if way.backend == "postgresql" else None, **changes)
    with pytest.raises(sa.exc.OperationalError) as caught:
        way.engine(config).connect()
    told = explain(config, caught.value)
    assert type(told) is kind
    with pytest.raises(kind, match=message):
        raise told
    assert "\n" not in str(told)


@pytest.mark.driven
@pytest.mark.parametrize("way", ways(asynchronous=False))
def test_refused_tls_is_told_as_that(way: Way) -> None:
    server = server_of(way)
    if server.ca is None:
        pytest.skip("DBKIT_TEST_CA is not set")
    config = configured(server, port=Stripped(server.backend).port)
    with pytest.raises(sa.exc.OperationalError) as caught:
        way.engine(config).connect()
    assert isinstance(explain(config, caught.value), TlsRefusedError)


@pytest.mark.driven
@pytest.mark.parametrize("way", ways(asynchronous=False))
def test_a_server_that_says_nothing_is_given_up_in_time(way: Way) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = configured(server_of(way), port=silent.getsockname()[1], connect_timeout_s=1)
        with pytest.raises(sa.exc.OperationalError) as caught:
            way.engine(config).connect()
    assert isinstance(explain(config, caught.value), UnreachableError)


TROUBLES: dict[str, dict[str, Any]] = {
    "password": {"user": "dbkit"},
    "port": {"port": 1},
    "host": {"host": "no-such-host.invalid"},
    "database": {"database": "dbkt_config_missing"},
    "option": {"query": {"no_such_option": "1"}},
    "statement": {},
}


@pytest.fixture(scope="module")
def accounts() -> Iterator[dict[str, Account]]:
    """Give an account with a password that is looked for, on each backend that is asked for one."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        class Made(dict[str, Account]):
            def __missing__(self, backend: str) -> Account:
                server = server_of(Way(backend=backend))
                made = self[backend] = stack.enter_context(throw_away_account(server, PASSWORD))
                return made

        yield Made()


@pytest.mark.driven
@pytest.mark.parametrize("way", ways(asynchronous=False))
@pytest.mark.parametrize("trouble", list(TROUBLES))
def test_a_failure_shows_the_password_nowhere(way: Way, accounts: dict[str, Account], trouble: str) -> None:
    account = accounts[way.backend]
    database = "postgres" if way.backend == "postgresql" else "information_schema"
    said = {"user": account.user, "password": PASSWORD, "database": database, **TROUBLES[trouble]}
    engine = way.engine(configured(server_of(way), **said))
    with pytest.raises((sa.exc.DBAPIError, ConfigurationError)) as caught, engine.connect() as connection:
        connection.exec_driver_sql("SELECT broken syntax FROM FROM")
    # what this test itself holds is no leak
    ours = caught.value.__traceback__
    shown = everything_of(caught.value.with_traceback(None if ours is None else ours.tb_next))
    engine.dispose()
    assert [form for form in spellings(PASSWORD) if form in shown] == []


@pytest.mark.driven
@pytest.mark.parametrize("way", [way for way in ASYNC if way.driver == "asyncpg"], ids=str)
@pytest.mark.postgresql
def test_a_connection_of_asyncpg_keeps_no_password(way: Way, accounts: dict[str, Account]) -> None:
    config = configured(server_of(way), "postgres", user=accounts["postgresql"].user, password=PASSWORD)
    engine = way.engine(config)
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        kept = [
            repr(getattr(driver, name, None))
            for kind in type(driver).__mro__
            for name in getattr(kind, "__slots__", ())
        ]
    engine.dispose()
    assert any("ConnectionParameters" in text for text in kept)
    assert [form for form in spellings(PASSWORD) for text in kept if form in text] == []


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


# --- passwords ------------------------------------------------------------------------------------------------------------


@pytest.mark.driven
@pytest.mark.parametrize("way", ways(asynchronous=False))
def test_a_password_that_was_changed_in_its_file_is_read_for_the_next_connection(
    way: Way, accounts: dict[str, Account], tmp_path: Path
) -> None:
    account, file = accounts[way.backend], tmp_path / "password"
    file.write_text(PASSWORD)
    server = server_of(way)
    variables = server.environ("postgres" if way.backend == "postgresql" else "information_schema")
    del variables["DATABASE_PASSWORD"]
    variables |= {"DATABASE_USER": account.user, "DATABASE_PASSWORD_FILE": str(file)}
    engine = way.engine(resolve(Settings(), "user", environ=variables))
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
        other = secrets.token_hex(8)
        account.set_password(other)
        file.write_text(other)
        try:
            with engine.connect() as second:
                assert second.exec_driver_sql("SELECT 2").scalar() == 2
        finally:
            account.set_password(PASSWORD)
    engine.dispose()
