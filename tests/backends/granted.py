"""A migrated database with the two accounts of `dbkit grants`, and rights that can be taken from them and given back."""

from __future__ import annotations

import io
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy.pool import NullPool

from dbkit import migrations
from dbkit.backends import get_backend
from dbkit.backends.names import quote
from dbkit.backends.protocol import Grant, GrantPlace, Role
from dbkit.backends.rights import PASSWORD
from dbkit.checks.grants import Statement, grant_place, grants
from dbkit.cli.main import run
from dbkit.config import DatabaseConfig
from dbkit.config.connect import connect
from dbkit.errors import ExitCode
from dbkit.migrations import Result
from dbkit.project import Project
from tests.backends.accounts import throw_away_account
from tests.projects import Home
from tests.servers import PREFIX, Server

SERVICE = "shop"
FRESH = "fresh"
READ_ONLY = "DO"
VERSIONS = "alembic_version_shop"
TABLES = """
parents = sa.Table("parents", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))
children = sa.Table(
    "children", metadata, sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("parent", sa.ForeignKey("parents.id", name="fk_parent")), sa.Index("ix_parent", "parent"),
)
sa.Table("later", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))
"""
SECOND = 'op.create_table("later", sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))'
FIRST = """
op.create_table("parents", sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))
op.create_table("children", sa.Column("id", sa.Integer, primary_key=True), sa.Column("parent", sa.Integer))
op.create_index("ix_parent", "children", ["parent"])
op.create_foreign_key("fk_parent", "children", "parents", ["parent"], ["id"])
"""
LAST = """
op.drop_table("children")
op.drop_table("parents")
"""


def label(sql: str) -> str:
    """Word a statement without the names in it."""
    if sql.startswith("DO "):
        return READ_ONLY
    # a password and what comes behind it belong to no name
    sql = re.split(" LOGIN | IDENTIFIED ", sql)[0]
    return re.sub(r"(`(?:[^`]|``)*`@`%`|`(?:[^`]|``)*`|\"(?:[^\"]|\"\")*\")", "…", sql)


def printed(backend: str) -> list[tuple[Role, str]]:
    """List what a script holds by role and label, in its order; each once."""
    place = GrantPlace(database="shop", service_account="app", migration_account="ci", version_table=VERSIONS)
    found: dict[str, tuple[Role, str]] = {}
    for role in (Role.MIGRATION, Role.SERVICE):
        for grant in get_backend(backend).grants.script(place, role):
            found.setdefault(grant.sql, (role, label(grant.sql)))
    return list(found.values())


@dataclass(frozen=True, kw_only=True)
class World:
    """What the cases of one server share."""

    server: Server
    project: Project
    variables: Mapping[str, str]
    stranger: str
    """An account that was given nothing, and has the service's password."""

    @contextmanager
    def environment(self) -> Iterator[None]:
        """Set the variables by which the service and its migrations reach the database."""
        with pytest.MonkeyPatch.context() as patch:
            for key, value in self.variables.items():
                patch.setenv(key, value)
            yield

    @property
    def statements(self) -> tuple[Statement, ...]:
        return grants(self.project, [SERVICE])[SERVICE].statements

    @property
    def config(self) -> DatabaseConfig:
        return self.project.config(SERVICE)

    @property
    def database(self) -> str:
        return str(self.config.database)

    def statement(self, role: Role, of: str) -> Statement:
        """Find the statement that the script really printed."""
        return next(found for found in self.statements if found.role is role and label(found.sql) == of)

    def place(self) -> GrantPlace:
        layout = self.project.layout(SERVICE)
        return grant_place(self.config, version_table=VERSIONS, version_schema=layout.version_schema)

    def administer(self, *statements: str) -> None:
        """Run statements in the service's database as the administrator."""
        administer(self.server, self.database, statements)

    def ask(self, statement: str) -> object:
        """Ask the server for one value as the administrator."""
        with self.server.engine(poolclass=NullPool).connect() as connection:
            return connection.exec_driver_sql(statement).scalar()

    def take(self, statement: Statement) -> None:
        """Undo what a statement of the script did."""
        if label(statement.sql) == READ_ONLY:
            account = quote(self.place().service_account, '"', '"')
            self.administer(f"GRANT INSERT, UPDATE, DELETE ON {VERSIONS} TO {account}")
        else:
            self.administer(taken(statement.sql))

    def give(self, statement: Statement) -> None:
        """Run it again, and after it what takes from the version table what it may have given."""
        last = (found.sql for found in self.statements if label(found.sql) == READ_ONLY)
        self.administer(given(statement.sql), *last)

    def missing(self, role: Role) -> tuple[Grant, ...]:
        config = self.config if role is Role.SERVICE else self.config.for_migrations()
        with connect(config) as connection:
            return get_backend(config.backend).grants.missing(connection, self.place(), role)

    def service(self, *statements: str) -> None:
        """Run statements as the service's account, and undo them as far as the backend can."""
        execute(self.config, statements)

    def migration(self, *statements: str) -> None:
        """Run statements as a revision does."""
        execute(self.config.for_migrations(), statements, migrating=True)


def administer(server: Server, database: str | None, statements: Sequence[str]) -> None:
    engine = server.engine(database, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%"))


def execute(config: DatabaseConfig, statements: Sequence[str], *, migrating: bool = False) -> None:
    with connect(config, migrating=migrating) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        if migrating:
            connection.commit()


def taken(sql: str) -> str:
    """Word the opposite of a statement."""
    rules = (
        (r"GRANT (.+) TO (.+)", r"REVOKE \1 FROM \2"),
        (r"(ALTER DEFAULT PRIVILEGES .+) GRANT (.+) TO (.+)", r"\1 REVOKE \2 FROM \3"),
        (r"REVOKE (.+) FROM PUBLIC", r"GRANT \1 TO PUBLIC"),
        (r"ALTER ROLE (.+) CREATEDB", r"ALTER ROLE \1 NOCREATEDB"),
        (r"CREATE ROLE (.+) LOGIN .*", r"ALTER ROLE \1 NOLOGIN"),
        (r"CREATE USER (.+) IDENTIFIED .*", r"ALTER USER \1 ACCOUNT LOCK"),
    )
    for pattern, opposite in rules:
        if found := re.fullmatch(pattern, sql, re.DOTALL):
            return found.expand(opposite)
    raise LookupError(f"nobody knows how to take back: {sql}")


def given(sql: str) -> str:
    """Word a statement so that it can be run again."""
    again = re.sub(r"CREATE ROLE (.+) LOGIN .*", r"ALTER ROLE \1 LOGIN", sql)
    # TiDB 8.5 forgets REQUIRE SSL in every ALTER USER that does not say it anew
    return re.sub(r"CREATE USER (.+) IDENTIFIED .*", r"ALTER USER \1 REQUIRE SSL ACCOUNT UNLOCK", again)


@contextmanager
def world(server: Server, folder: Path, *, settings: str = "", **more: str) -> Iterator[World]:
    """Run the printed script, create and migrate the database by it, and drop all of it at the end."""
    # What needs escaping in one wording or another; 32 characters are the most that MySQL takes.
    service, migration = (f"{PREFIX[:8]}_{secrets.token_hex(4)}_{end}\\'\"`%" for end in ("app", "ci"))
    passwords = {name: secrets.token_hex(8) for name in (service, migration)}
    home = _home(folder)
    file = home.root / "pyproject.toml"
    file.write_text(file.read_text() + settings)
    with ExitStack() as stack:
        stack.callback(_drop_accounts, server, passwords)
        template = stack.enter_context(server.names(SERVICE, FRESH))
        variables = {
            **server.environ(template),
            "DATABASE_USER": service,
            "DATABASE_PASSWORD": passwords[service],
            "DATABASE_MIGRATION_USER": migration,
            "DATABASE_MIGRATION_PASSWORD": passwords[migration],
            "DBKIT_PROJECT": str(home.root),
            **more,
        }
        stranger = stack.enter_context(throw_away_account(server, passwords[service]))
        made = World(server=server, project=home.project(), variables=variables, stranger=stranger.user)
        with made.environment():
            _install(made, passwords)
        yield made


def _home(folder: Path) -> Home:
    home = Home(folder).write(SERVICE, FRESH)
    home.models(SERVICE, TABLES)
    home.revision(SERVICE, "0001", FIRST, LAST)
    home.revision(SERVICE, "0002", SECOND, 'op.drop_table("later")')
    return home


def _install(made: World, passwords: Mapping[str, str]) -> None:
    """Do what docs/how-to/least-privilege.md tells the administrator and the migration account to do, in that order."""
    anywhere, inside = sections(script(), passwords)
    administer(made.server, None, anywhere)
    done(migrations.create(made.project, [SERVICE]))
    if inside:
        # Its owner would have rights in it that need no grant.
        made.server.execute(f'ALTER DATABASE "{made.database}" OWNER TO CURRENT_USER')
    made.administer(*inside)
    done(migrations.migrate(made.project, [SERVICE], create=False))
    made.administer(*(statement for statement in inside if label(statement) == READ_ONLY))


def script() -> str:
    """Run `dbkit grants` and take what it prints."""
    with redirect_stdout(io.StringIO()) as out:
        assert run(["grants", SERVICE]) == 0
    return out.getvalue()


def sections(text: str, passwords: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Split a printed script in what can be run anywhere and what must be run in the database; passwords are filled in."""
    anywhere, _, inside = text.partition("-- From here on connected to database")
    return filled(anywhere, passwords), filled(inside.partition("\n")[2], passwords)


def filled(text: str, passwords: Mapping[str, str]) -> list[str]:
    """Split a script in its statements, and write the passwords as the administrator does."""
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    statements = [part.removesuffix(";") for part in re.split(r"\n\n+", "\n".join(lines).strip()) if part]
    return [_with_password(statement, passwords) for statement in statements]


def _with_password(statement: str, passwords: Mapping[str, str]) -> str:
    for name, password in passwords.items():
        if quote(name, "`", "`") in statement or quote(name, '"', '"') in statement:
            return statement.replace(PASSWORD, f"'{password}'")
    return statement


def _drop_accounts(server: Server, names: Iterable[str]) -> None:
    for name in names:
        if server.backend == "postgresql":
            server.execute(("DROP ROLE IF EXISTS " + quote(name, '"', '"')).replace("%", "%%"))
        else:
            server.execute(f"DROP USER IF EXISTS {quote(name, '`', '`')}@'%'".replace("%", "%%"))


class RefusedError(Exception):
    """A command ended with another exit code than 0."""


def done(result: Result) -> None:
    """Raise the error of a command's result, where there is one."""
    for entry in result.services:
        if entry.exit_code is not ExitCode.OK:
            raise RefusedError(entry.error)
