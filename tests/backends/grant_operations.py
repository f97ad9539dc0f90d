"""What each statement of `dbkit grants` is for: an operation that fails without it, or must not succeed without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from dbkit import migrations
from dbkit.backends.protocol import Role
from dbkit.config.connect import connect
from dbkit.migrations import SchemaState
from tests.backends.granted import FRESH, SERVICE, VERSIONS, RefusedError, World, done

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
