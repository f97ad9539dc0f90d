"""`dbkit grants` on real servers: what it prints is enough, and each statement taken away makes one named operation fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from dbkit import migrations
from dbkit.backends.protocol import Role
from dbkit.config.connect import connect
from dbkit.errors import DbkitError, UnreachableError
from dbkit.migrations import SchemaState
from tests.backends import granted
from tests.backends.granted import FRESH, SERVICE, VERSIONS, RefusedError, World, done
from tests.servers import find_server, how_to_start, need_server

BACKENDS = ("postgresql", "mariadb", "mysql", "tidb")
FAILURES = (RefusedError, DbkitError, sa.exc.DBAPIError)
# The servers' words for a right that is missing; without USAGE, PostgreSQL does not see what is in the schema.
WORDS = r"denied|privilege check for|refuses the log-in|no schema has been selected|relation \"parents\" does not exist"
Act = Callable[[World], object]


def nothing(world: World) -> None:
    """Do nothing."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What fails without a statement of the script."""

    name: str
    act: Act
    before: Act = nothing
    after: Act = nothing
    forbidden: bool = False
    """The statement takes something away: without it, this succeeds and must not."""
    blind: bool = False
    """Without it there is no connection on which to ask what is missing."""


def migration(*statements: str) -> Act:
    return lambda world: world.migration(*statements)


def service(*statements: str) -> Act:
    return lambda world: world.service(*statements)


def migrate(world: World) -> None:
    done(migrations.migrate(world.project, [SERVICE], create=False))


def rollback(world: World) -> None:
    done(migrations.rollback(world.project, SERVICE))


def stamp(world: World) -> None:
    done(migrations.stamp(world.project, SERVICE, "head"))


def status(world: World) -> None:
    done(migrations.status(world.project, [SERVICE]))


def create(world: World) -> None:
    done(migrations.create(world.project, [FRESH]))


def drop(world: World) -> None:
    done(migrations.drop(world.project, [FRESH]))


def health(world: World) -> None:
    try:
        found = migrations.health(world.project, SERVICE, deadline_s=10)
    finally:
        world.project.engine(SERVICE).dispose()
    if found.state is not SchemaState.AT_HEAD:
        raise RefusedError(found.error)


def log_in(role: Role) -> Act:
    def act(world: World) -> None:
        config = world.config if role is Role.SERVICE else world.config.for_migrations()
        connect(config, database=False).close()

    return act


def stranger(world: World) -> None:
    connect(replace(world.config, user=world.stranger)).close()


def forget_revision(world: World) -> None:
    world.administer(f"DELETE FROM {VERSIONS}")


def made_later(statement: str) -> Act:
    """Use, as the service, a table that the migration account has made just now."""

    def act(world: World) -> None:
        world.migration("CREATE TABLE made (id SERIAL PRIMARY KEY, n INT)")
        try:
            world.service(statement)
        finally:
            world.migration("DROP TABLE made")

    return act


def trigger(world: World) -> None:
    """Create a trigger; with binary logging, who is no SUPER may do so only under a setting of the server, put back at once."""
    trusted = world.ask("SELECT @@GLOBAL.log_bin_trust_function_creators")
    world.server.execute("SET GLOBAL log_bin_trust_function_creators = 1")
    try:
        world.migration("CREATE TRIGGER trg BEFORE INSERT ON parents FOR EACH ROW SET NEW.n = 1", "DROP TRIGGER trg")
    finally:
        world.server.execute(f"SET GLOBAL log_bin_trust_function_creators = {trusted}")


TABLES = ("parents", "children", "later")
SELECT = service(*(f"SELECT * FROM {table}" for table in TABLES))
INSERT = service(*(f"INSERT INTO {table} (id) VALUES (1)" for table in TABLES))
NUMBERED = service(
    *(
        f"INSERT INTO {table} ({column}) VALUES (NULL)"
        for table, column in zip(TABLES, ("n", "parent", "n"), strict=True)
    )
)
UPDATE = service(*(f"UPDATE {table} SET id = 2 WHERE id = 1" for table in TABLES))
DELETE = service(*(f"DELETE FROM {table} WHERE id = 1" for table in TABLES))

Key = tuple[Role, str]
CI, APP = Role.MIGRATION, Role.SERVICE
FAMILY: dict[Key, Operation] = {
    (CI, "CREATE USER …"): Operation(name="log in", act=log_in(CI), blind=True),
    (CI, "GRANT SELECT ON ….* TO …"): Operation(name="dbkit status", act=status),
    (CI, "GRANT INSERT ON ….* TO …"): Operation(name="dbkit stamp", before=forget_revision, act=stamp),
    (CI, "GRANT UPDATE ON ….* TO …"): Operation(
        name="update rows in a revision, and its own",
        act=migration("UPDATE parents SET n = 1", f"UPDATE {VERSIONS} SET version_num = '0002'"),
    ),
    (CI, "GRANT DELETE ON ….* TO …"): Operation(name="delete rows in a revision", act=migration("DELETE FROM parents")),
    (CI, "GRANT CREATE ON ….* TO …"): Operation(name="dbkit migrate", before=rollback, act=migrate),
    (CI, "GRANT DROP ON ….* TO …"): Operation(name="dbkit rollback", act=rollback, after=migrate),
    (CI, "GRANT ALTER ON ….* TO …"): Operation(
        name="add and drop a column",
        act=migration("ALTER TABLE later ADD COLUMN more INT", "ALTER TABLE later DROP COLUMN more"),
    ),
    (CI, "GRANT INDEX ON ….* TO …"): Operation(
        name="create and drop an index", act=migration("CREATE INDEX ix_n ON later (n)", "DROP INDEX ix_n ON later")
    ),
    (CI, "GRANT REFERENCES ON ….* TO …"): Operation(
        name="create a foreign key",
        act=migration("CREATE TABLE extra (id INT, FOREIGN KEY (id) REFERENCES parents (id))", "DROP TABLE extra"),
    ),
    (CI, "GRANT CREATE TEMPORARY TABLES ON ….* TO …"): Operation(
        name="create a temporary table", act=migration("CREATE TEMPORARY TABLE aside (id INT)")
    ),
    (CI, "GRANT CREATE VIEW ON ….* TO …"): Operation(
        name="create a view", act=migration("CREATE VIEW looks AS SELECT id FROM parents", "DROP VIEW looks")
    ),
    (CI, "GRANT SHOW VIEW ON ….* TO …"): Operation(
        name="read how a view is defined",
        before=migration("CREATE VIEW looks AS SELECT id FROM parents"),
        act=migration("SHOW CREATE VIEW looks"),
        after=migration("DROP VIEW looks"),
    ),
    (CI, "GRANT TRIGGER ON ….* TO …"): Operation(name="create a trigger", act=trigger),
    (CI, "GRANT CREATE ROUTINE ON ….* TO …"): Operation(
        name="create a procedure", act=migration("CREATE PROCEDURE doing() SELECT 1", "DROP PROCEDURE doing")
    ),
    (APP, "CREATE USER …"): Operation(name="log in", act=log_in(APP), blind=True),
    (APP, "GRANT SELECT ON ….* TO …"): Operation(name="read rows, and health", act=lambda w: (SELECT(w), health(w))),
    (APP, "GRANT INSERT ON ….* TO …"): Operation(name="insert rows", act=INSERT),
    (APP, "GRANT UPDATE ON ….* TO …"): Operation(name="update rows", act=UPDATE),
    (APP, "GRANT DELETE ON ….* TO …"): Operation(name="delete rows", act=DELETE),
}
DEFAULT = "ALTER DEFAULT PRIVILEGES FOR ROLE … IN SCHEMA … GRANT"
POSTGRESQL: dict[Key, Operation] = {
    (CI, "CREATE ROLE …"): Operation(name="log in", act=log_in(CI), blind=True),
    (CI, "ALTER ROLE … CREATEDB"): Operation(name="dbkit create", act=create, after=drop),
    (CI, "REVOKE ALL ON DATABASE … FROM PUBLIC"): Operation(
        name="another account connects", act=stranger, forbidden=True
    ),
    (CI, "REVOKE ALL ON SCHEMA … FROM PUBLIC"): Operation(
        name="the service makes a table", act=service("CREATE TABLE sneaked (id INT)"), forbidden=True
    ),
    (CI, "GRANT CONNECT ON DATABASE … TO …"): Operation(name="dbkit status", act=status, blind=True),
    (CI, "GRANT TEMPORARY ON DATABASE … TO …"): Operation(
        name="create a temporary table", act=migration("CREATE TEMPORARY TABLE aside (id INT)")
    ),
    (CI, "GRANT USAGE ON SCHEMA … TO …"): Operation(
        name="alter a table", act=migration("ALTER TABLE parents ADD x INT", "ALTER TABLE parents DROP x")
    ),
    (CI, "GRANT CREATE ON SCHEMA … TO …"): Operation(name="dbkit migrate", before=rollback, act=migrate),
    (APP, "CREATE ROLE …"): Operation(name="log in", act=log_in(APP), blind=True),
    (APP, "GRANT CONNECT ON DATABASE … TO …"): Operation(name="health", act=health, blind=True),
    (APP, "GRANT USAGE ON SCHEMA … TO …"): Operation(name="read rows", act=SELECT),
    (APP, "GRANT SELECT ON ALL TABLES IN SCHEMA … TO …"): Operation(
        name="read rows, and health", act=lambda w: (SELECT(w), health(w))
    ),
    (APP, "GRANT INSERT ON ALL TABLES IN SCHEMA … TO …"): Operation(name="insert rows", act=INSERT),
    (APP, "GRANT UPDATE ON ALL TABLES IN SCHEMA … TO …"): Operation(name="update rows", act=UPDATE),
    (APP, "GRANT DELETE ON ALL TABLES IN SCHEMA … TO …"): Operation(name="delete rows", act=DELETE),
    (APP, "GRANT USAGE ON ALL SEQUENCES IN SCHEMA … TO …"): Operation(name="insert numbered rows", act=NUMBERED),
    (APP, f"{DEFAULT} SELECT ON TABLES TO …"): Operation(
        name="read rows of a new table", act=made_later("SELECT n FROM made")
    ),
    (APP, f"{DEFAULT} INSERT ON TABLES TO …"): Operation(
        name="insert rows into a new table", act=made_later("INSERT INTO made (id) VALUES (1)")
    ),
    (APP, f"{DEFAULT} UPDATE ON TABLES TO …"): Operation(
        name="update rows of a new table", act=made_later("UPDATE made SET n = 1")
    ),
    (APP, f"{DEFAULT} DELETE ON TABLES TO …"): Operation(
        name="delete rows of a new table", act=made_later("DELETE FROM made")
    ),
    (APP, f"{DEFAULT} USAGE ON SEQUENCES TO …"): Operation(
        name="insert numbered rows into a new table", act=made_later("INSERT INTO made (n) VALUES (1)")
    ),
    (APP, "DO"): Operation(
        name="the service writes the version table",
        act=service(f"UPDATE {VERSIONS} SET version_num = '0001'"),
        forbidden=True,
    ),
}
OPERATIONS = {"postgresql": POSTGRESQL, "mariadb": FAMILY, "mysql": FAMILY, "tidb": FAMILY}


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
