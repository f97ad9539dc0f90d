"""`dbkit grants` on real servers: what it prints is enough, and each statement taken away makes one named operation fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from dbkit import migrations
from dbkit.backends.protocol import Role
from dbkit.config.connect import connect
from dbkit.errors import DbkitError, UnreachableError
from tests.backends import granted
from tests.backends.grant_operations import (
    APP,
    CI,
    DELETE,
    INSERT,
    NUMBERED,
    OPERATIONS,
    SELECT,
    TABLES,
    UPDATE,
    Operation,
    health,
)
from tests.backends.granted import SERVICE, VERSIONS, RefusedError, World, done
from tests.servers import find_server, how_to_start, need_server

BACKENDS = ("postgresql", "mariadb", "mysql", "tidb")
FAILURES = (RefusedError, DbkitError, sa.exc.DBAPIError)
# The servers' words for a right that is missing; without USAGE, PostgreSQL does not see what is in the schema.
WORDS = r"denied|privilege check for|refuses the log-in|no schema has been selected|relation \"parents\" does not exist"


def marked(backend: str, *values: object, name: str) -> object:
    return pytest.param(backend, *values, id=name, marks=getattr(pytest.mark, backend))


CASES = [
    marked(backend, *key, name=f"{backend}-{key[0]}-{key[1]}")
    for backend in BACKENDS
    for key in granted.printed(backend)
]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, World]]:
    """Hold one world per backend for the whole module."""
    with ExitStack() as stack:

        class Made(dict[str, World]):
            def __missing__(self, backend: str) -> World:
                folder = tmp_path_factory.mktemp(f"grants_{backend}")
                made = self[backend] = stack.enter_context(granted.world(need_server(backend), folder))
                return made

        yield Made()


@pytest.fixture
def world(request: pytest.FixtureRequest, worlds: dict[str, World]) -> Iterator[World]:
    """Give the accounts and the migrated database of one server."""
    if find_server(request.param) is None:
        pytest.skip(how_to_start(request.param))
    found = worlds[request.param]
    with found.environment():
        yield found


on_servers = pytest.mark.parametrize("world", [marked(one, name=one) for one in BACKENDS], indirect=True)


@pytest.mark.parametrize(("world", "role", "of"), CASES, indirect=["world"])
def test_each_statement_that_is_printed_is_needed(world: World, role: Role, of: str) -> None:
    statement = world.statement(role, of)
    operation = OPERATIONS[world.server.backend][role, of]
    operation.before(world)
    if operation.forbidden:
        fails(operation, world)
        world.take(statement)
        operation.act(world)
        world.give(statement)
        fails(operation, world)
        return
    world.take(statement)
    try:
        fails(operation, world)
        missing = () if operation.blind else tuple(grant.sql for grant in world.missing(role))
    finally:
        world.give(statement)
    operation.act(world)
    operation.after(world)
    assert missing == (() if operation.blind else (statement.sql,))
    assert world.missing(role) == ()


def fails(operation: Operation, world: World) -> None:
    with pytest.raises(FAILURES, match=WORDS):
        operation.act(world)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_table_of_operations_has_what_is_printed_and_nothing_else(backend: str) -> None:
    absent = {
        "mariadb": {(CI, "GRANT REFERENCES ON ….* TO …")},
        "tidb": {(CI, "GRANT TRIGGER ON ….* TO …"), (CI, "GRANT CREATE ROUTINE ON ….* TO …")},
    }
    assert set(granted.printed(backend)) == set(OPERATIONS[backend]) - absent.get(backend, set())


@on_servers
def test_what_is_printed_is_what_the_operation_words(world: World) -> None:
    anywhere, inside = granted.sections(granted.script(), {})
    assert [*anywhere, *inside] == [statement.sql for statement in world.statements]


@on_servers
def test_the_script_cannot_be_run_before_passwords_are_written_into_it(world: World) -> None:
    unfilled = [statement.sql for statement in world.statements if "<PASSWORD>" in statement.sql]
    assert len(unfilled) == 2
    for statement in unfilled:
        with pytest.raises(sa.exc.DBAPIError, match="syntax"):
            world.administer(statement)


@on_servers
def test_the_migration_account_can_do_all_that_dbkit_does(world: World) -> None:
    done(migrations.status(world.project, [SERVICE]))
    done(migrations.check(world.project, [SERVICE]))
    done(migrations.rollback(world.project, SERVICE, to="base"))
    done(migrations.migrate(world.project, [SERVICE]))
    assert migrations.status(world.project, [SERVICE])[SERVICE].revision == "0002"


@on_servers
def test_the_service_works_with_the_rows_of_every_table(world: World) -> None:
    for act in (SELECT, INSERT, NUMBERED, UPDATE, DELETE, health):
        act(world)


@on_servers
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE sneaked (id INT)",
        "CREATE TEMPORARY TABLE sneaked (id INT)",
        "ALTER TABLE later ADD COLUMN sneaked INT",
        "DROP TABLE later",
        "TRUNCATE TABLE later",
        "CREATE INDEX sneaked ON later (n)",
        "CREATE VIEW sneaked AS SELECT 1 AS n",
        "CREATE DATABASE gr_sneaked",
    ],
)
def test_the_service_cannot_change_the_schema(world: World, statement: str) -> None:
    with connect(world.config) as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        with pytest.raises(sa.exc.DBAPIError, match=r"denied|must be owner"):
            alone.exec_driver_sql(statement)


@pytest.mark.parametrize("world", [marked(one, name=one) for one in BACKENDS[1:]], indirect=True)
def test_an_underscore_in_the_name_of_the_database_is_no_wildcard(world: World) -> None:
    near = world.database.replace("_", "x", 1)
    with pytest.raises(sa.exc.DBAPIError, match="denied"):
        world.migration(f"CREATE DATABASE {near}")


@pytest.mark.parametrize("world", [marked(one, name=one) for one in BACKENDS[1:]], indirect=True)
@pytest.mark.parametrize("role", Role)
def test_the_accounts_cannot_log_in_in_clear(world: World, role: Role) -> None:
    config = world.config if role is Role.SERVICE else world.config.for_migrations()
    clear = replace(config, tls="insecure-loopback", ssl_ca=None, ssl_verify_cert=None, ssl_verify_identity=None)
    with pytest.raises(UnreachableError, match="refuses the log-in"):
        connect(clear).close()


@pytest.mark.parametrize("world", [marked("tidb", name="tidb")], indirect=True)
def test_the_sessions_and_jobs_by_which_a_lease_is_judged_are_seen_without_a_right(world: World) -> None:
    config = world.config.for_migrations()
    with connect(config) as one, connect(config) as other:
        number = one.exec_driver_sql("SELECT connection_id()").scalar()
        seen = other.exec_driver_sql("SELECT id FROM information_schema.processlist").scalars().all()
        jobs = other.execute(
            sa.text("SELECT count(*) FROM information_schema.ddl_jobs WHERE db_name = :name"), {"name": world.database}
        )
        assert (number in seen, jobs.scalar_one() > 0) == (True, True)


@pytest.mark.postgresql
def test_a_schema_of_its_own_is_made_and_used(tmp_path: Path) -> None:
    server = find_server("postgresql")
    if server is None:
        pytest.skip(how_to_start("postgresql"))
    with granted.world(server, tmp_path, DATABASE_SCHEMA="app") as world, world.environment():
        for act in (SELECT, INSERT, NUMBERED, UPDATE, DELETE, health):
            act(world)
        found = world.config.schema, world.missing(CI), world.missing(APP)
        with connect(world.config) as connection:
            tables = set(sa.inspect(connection).get_table_names(schema="app"))
    assert (found, tables) == (("app", (), ()), {*TABLES, VERSIONS})


@pytest.mark.postgresql
def test_a_version_table_in_a_schema_of_its_own_is_read_by_the_service_and_not_written(tmp_path: Path) -> None:
    server = find_server("postgresql")
    if server is None:
        pytest.skip(how_to_start("postgresql"))
    settings = f'\n[tool.dbkit.services.{SERVICE}.alembic]\nversion_table_schema = "audit"\n'
    with granted.world(server, tmp_path, settings=settings) as world, world.environment():
        health(world)
        assert (world.missing(CI), world.missing(APP)) == ((), ())
        with connect(world.config) as connection:
            assert connection.scalars(sa.text(f"SELECT version_num FROM audit.{VERSIONS}")).all() == ["0002"]
            with pytest.raises(sa.exc.ProgrammingError, match="permission denied for table"):
                connection.execute(sa.text(f"DELETE FROM audit.{VERSIONS}"))
        account = world.place().service_account.replace('"', '""')
        world.administer(f'REVOKE USAGE ON SCHEMA audit FROM "{account}"')
        assert [grant.purpose for grant in world.missing(APP)] == ["reaching the version table"]
        with pytest.raises(FAILURES, match=WORDS):
            health(world)
