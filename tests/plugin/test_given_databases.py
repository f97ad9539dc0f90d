"""`dbkit_database`: fresh, migrated, where the code under test is led, on every backend, and nothing of it is left."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.backends.inquiries import until
from tests.backends.relay import relayed
from tests.servers import find_server, how_to_start

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

GIVEN = """
    import dbkit
    import pytest
    import sqlalchemy as sa
    from dbkit.config import DatabaseConfig

    PEOPLE = sa.table("people", sa.column("id"), sa.column("n"))
    GOODS = sa.table("goods", sa.column("id"), sa.column("n"))

    def count(engine, table):
        with engine.connect() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(table))

    @pytest.mark.dbkit(service="user")
    @pytest.mark.parametrize("turn", [1, 2, 3])
    def test_fresh(dbkit_database, turn):
        assert count(dbkit.engine("user"), PEOPLE) == 1
        with dbkit_database.session() as session:
            session.execute(PEOPLE.insert().values(id=7, n=turn))
            session.commit()
        with dbkit.session("user")() as session:
            assert session.scalar(sa.select(PEOPLE.c.n).where(PEOPLE.c.id == 7)) == turn
        assert {DatabaseConfig.from_env(name).database for name in ("user", None)} == {dbkit_database.config.database}
        assert (dbkit_database.service, dbkit_database.config.environment) == ("user", "test")
        assert (dbkit_database.backend, dbkit_database.engine) == (dbkit_database.config.backend, dbkit.engine("user"))
        engine = sa.create_engine(dbkit_database.url, poolclass=sa.pool.NullPool)
        assert count(engine, PEOPLE) == 2

    @pytest.mark.dbkit(service="user")
    def test_rules(dbkit_database):
        for values in ("99, 'no such owner'", "1, ''"):
            with dbkit_database.session() as session, pytest.raises(sa.exc.DBAPIError):
                session.execute(sa.text(f"INSERT INTO animals (owner, name) VALUES ({values})"))

    def test_every_service(dbkit_database):
        table = {"user": PEOPLE, "shop": GOODS}[dbkit_database.service]
        assert count(dbkit_database.engine, table) == {"user": 1, "shop": 0}[dbkit_database.service]

    @pytest.mark.dbkit(service="shop")
    def test_beside(dbkit_database):
        with pytest.raises(sa.exc.OperationalError):
            dbkit.engine("user").connect()
        beside = dbkit_database.of("user")
        assert (beside.service, count(dbkit.engine("user"), PEOPLE), count(dbkit.engine("shop"), GOODS)) == ("user", 1, 0)

    @pytest.mark.dbkit(service="user")
    class TestShared:
        pytestmark = pytest.mark.dbkit(scope="worker")

        @pytest.mark.parametrize("turn", [1, 2])
        def test_shared(self, dbkit_database, turn):
            with dbkit_database.session() as session:
                session.execute(PEOPLE.insert().values(id=10 + turn, n=turn))
                session.commit()
            assert count(dbkit_database.engine, PEOPLE) == 1 + turn
"""
# TiDB keeps a CHECK as a comment unless an administrator has switched them on.
LOOSE = {"tidb"}
AWAIT = """
    import dbkit
    import pytest
    import pytest_asyncio
    import sqlalchemy as sa

    pytestmark = [pytest.mark.asyncio, pytest.mark.dbkit(service="user")]
    PEOPLE = sa.table("people", sa.column("id"), sa.column("n"))

    @pytest_asyncio.fixture
    async def session(dbkit_database):
        async with dbkit_database.async_session() as found:
            yield found

    @pytest.mark.parametrize("turn", [1, 2])
    async def test_await(dbkit_database, session, turn):
        await session.execute(PEOPLE.insert().values(id=7, n=turn))
        await session.commit()
        async with dbkit_database.async_engine.connect() as connection:
            assert await connection.scalar(sa.select(sa.func.count()).select_from(PEOPLE)) == 2

    @pytest.mark.parametrize("turn", [1, 2])
    async def test_the_code_awaits(dbkit_database, turn):
        async with dbkit.async_engine("user").begin() as connection:
            await connection.execute(PEOPLE.insert().values(id=7, n=turn))
            assert await connection.scalar(sa.select(sa.func.count()).select_from(PEOPLE)) == 2
        assert dbkit.async_engine("user").pool.checkedin() == 1

    class TestIn:
        async def test_a_class(self, dbkit_database):
            async with dbkit.async_engine("user").connect() as connection:
                assert await connection.scalar(sa.select(sa.func.count()).select_from(PEOPLE)) == 1
"""


def test_a_test_has_a_fresh_database_and_its_code_is_led_there(suite: Suite, backend: str) -> None:
    suite.tests(GIVEN)
    found = suite.run(f"--dbkit-backends={backend}", "-n", "2", "--dist=loadscope")
    wanted = "9 passed" if backend not in LOOSE else "1 failed, 8 passed"
    assert (found.summary, suite.left(backend)) == (wanted, []), found.said


def test_asynchronous_tests_have_one_too(suite: Suite, backend: str) -> None:
    if backend == "mssql":
        pytest.skip("SQL Server has no asynchronous driver here")
    suite.tests(AWAIT)
    found = suite.run(f"--dbkit-backends={backend}", "-p", "no:xdist")
    assert (found.summary, suite.left(backend)) == ("5 passed", []), found.said


@pytest.mark.postgresql
def test_asyncpg_is_used_where_it_is_named(suite: Suite) -> None:
    from tests.servers import find_server, how_to_start

    server = find_server("postgresql")
    if server is None:
        pytest.skip(how_to_start("postgresql"))
    suite.tests(
        AWAIT.replace(
            'assert dbkit.async_engine("user").pool',
            'assert dbkit.async_engine("user").driver == "asyncpg"; assert dbkit.async_engine("user").pool',
        )
    )
    url = server.url.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
    found = suite.run("--dbkit-backends=postgresql", DBKIT_TEST_POSTGRESQL_URL=url)
    assert (found.summary, suite.left("postgresql")) == ("5 passed", []), found.said


def test_neither_xdist_nor_asyncio_is_needed(suite: Suite) -> None:
    suite.tests(GIVEN)
    found = suite.run("-p", "no:xdist", "-p", "no:asyncio", "-p", "no:anyio")
    assert (found.summary, suite.left("sqlite")) == ("9 passed", []), found.said


def test_nothing_is_left_when_a_run_is_interrupted(suite: Suite, backend: str) -> None:
    suite.tests("""
        import pytest

        @pytest.mark.dbkit(service="user", scope="worker")
        def test_begun(dbkit_database):
            raise KeyboardInterrupt
    """)
    found = suite.run(f"--dbkit-backends={backend}", "-p", "no:xdist")
    assert (found.exit_code, suite.left(backend)) == (2, []), found.said


def test_what_a_killed_run_has_left_is_dropped_by_the_next(suite: Suite, backend: str) -> None:
    suite.tests("""
        import os, signal
        import pytest

        @pytest.mark.dbkit(service="shop")
        def test_killed(dbkit_database):
            if "KILL" in os.environ:
                os.kill(os.getpid(), signal.SIGKILL)
    """)
    killed = suite.run(f"--dbkit-backends={backend}", "-p", "no:xdist", KILL="1")
    left = suite.left(backend)
    found = suite.run(f"--dbkit-backends={backend}", "-p", "no:xdist")
    assert (killed.exit_code, len(left)) == (-signal.SIGKILL, 1 if backend == "sqlite" else 3), killed.said
    assert (found.summary, suite.left(backend)) == ("1 passed", []), found.said


WAITING = """
    import pathlib, time

    def test_it(dbkit_database):
        pathlib.Path("ready").touch()
        while not pathlib.Path("go").exists():
            time.sleep(0.05)
"""


@pytest.mark.postgresql
def test_what_a_run_cannot_drop_is_named_at_its_end(suite: Suite) -> None:
    server = find_server("postgresql")
    if server is None:
        pytest.skip(how_to_start("postgresql"))
    suite.tests(WAITING)
    ready = suite.home.root / "ready"
    with relayed(server.url.port) as relay:
        url = server.url.set(port=relay.port).render_as_string(hide_password=False)
        arguments = ("--dbkit-backends=postgresql", "--dbkit-services=shop", "-p", "no:xdist")
        with suite.start(*arguments, DBKIT_TEST_POSTGRESQL_URL=url) as process:
            until(ready.exists, patience_s=60)
            left = suite.left("postgresql")
            relay.close()
            (ready.parent / "go").touch()
            said, _ = process.communicate(timeout=60)
    try:
        told = said[said.index("dbkit could not drop") :]
        names = [name for name in left if name.startswith(suite.prefix)]
        assert names
        assert [name for name in names if f"{name}: cannot reach PostgreSQL" not in told] == []
    finally:
        suite.run("--dbkit-backends=postgresql", "--dbkit-services=shop", "-p", "no:xdist")
    assert suite.left("postgresql") == []


def test_what_is_configured_is_never_gone_to(suite: Suite) -> None:
    (suite.home.root / ".env").write_text(
        "DATABASE_URL=postgresql://app:secret@db.example.com/live\nUSER_DATABASE_HOST=db.example.com\n"
        "SHOP_DATABASE_TYPE=tidb\nDATABASE_MIGRATION_USER=owner\nDBKIT_ENV=production\n"
    )
    with (suite.home.root / "pyproject.toml").open("a") as file:
        file.write('[tool.dbkit.hooks]\nbefore_migrate = "false"\nafter_migrate = "no_such_module:notify"\n')
    suite.tests("""
        import os
        import dbkit
        import pytest
        import sqlalchemy as sa

        def test_before():
            assert os.environ["USER_DATABASE_URL"] == "mysql://app:secret@db.example.com/live"

        @pytest.mark.dbkit(service="user")
        def test_during(dbkit_database, dbkit_project):
            found = [dbkit_project.config(name) for name in ("user", "shop")]
            assert [(config.backend, config.host, config.migration_user) for config in found] == [("sqlite", None, None)] * 2
            assert found[0].environment == "test"
            assert "USER_DATABASE_URL" not in os.environ

        def test_a_project_alone(dbkit_project):
            assert {dbkit_project.config(name).backend for name in ("user", "shop")} == {"sqlite"}
            with pytest.raises(sa.exc.OperationalError):
                dbkit_project.engine("user").connect()

        test_after = test_before
    """)
    found = suite.run(USER_DATABASE_URL="mysql://app:secret@db.example.com/live", DBKIT_ENV="production")
    assert found.summary == "4 passed", found.said


def test_a_run_without_databases_loads_nothing_heavy(suite: Suite) -> None:
    suite.tests("""
        import sys

        def test_light():
            assert {"sqlalchemy", "alembic", "dbkit.project", "dbkit.testing.state"} & set(sys.modules) == set()
    """)
    found = suite.run("-p", "no:asyncio", "-p", "no:anyio", "-p", "no:hypothesispytest")
    assert (found.summary, suite.left("sqlite")) == ("1 passed", []), found.said
