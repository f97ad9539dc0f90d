"""Two accounts on the real servers: one changes the schema, the other is the service's."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

import dbkit
from dbkit.backends import get_backend
from dbkit.backends.protocol import Fault
from dbkit.config import DatabaseConfig, Settings, resolve
from dbkit.migrations.results import ServiceResult
from tests.backends.accounts import Account, throw_away_account
from tests.backends.asking import KINDS, Kind, asking
from tests.cli.runs import Shell
from tests.projects import Home
from tests.servers import Server

# The account that runs it, as the server names it.
UPGRADE = """
op.create_table("migrated", sa.Column("account", sa.String(200)))
op.execute("INSERT INTO migrated (account) SELECT CURRENT_USER")
"""
DOWNGRADE = """
op.execute("INSERT INTO migrated (account) SELECT CURRENT_USER")
op.rename_table("migrated", "rolled_back")
"""
PROVIDER = """
import json
from pathlib import Path


def password(login):
    return json.loads(Path(__file__).with_name("passwords.json").read_text())[login.user]
"""


@dataclass(frozen=True, kw_only=True)
class World:
    """A project of one service, with a database and two accounts of its own."""

    server: Server
    home: Home
    database: str
    owner: Account
    service: Account
    words: dict[str, str]
    """The password of each, by name."""

    def environ(self, **said: str) -> dict[str, str]:
        """Give the variables of both accounts; `said` are those about their passwords."""
        found = self.server.environ(self.database)
        del found["DATABASE_PASSWORD"]
        return {
            **found,
            "DATABASE_USER": self.service.user,
            "DATABASE_MIGRATION_USER": self.owner.user,
            **said,
        }

    def passwords(self) -> dict[str, str]:
        """Say both passwords in variables."""
        return {
            "DATABASE_PASSWORD": self.words[self.service.user],
            "DATABASE_MIGRATION_PASSWORD": self.words[self.owner.user],
        }

    def config(self) -> DatabaseConfig:
        return resolve(Settings(), "user", environ=self.environ(**self.passwords()))

    def let_read(self) -> None:
        """Let the service read what is there now."""
        if self.server.backend == "postgresql":
            engine = self.server.engine(self.database, isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                connection.exec_driver_sql(f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{self.service.user}"')
            engine.dispose()
        else:
            self.server.execute(f"GRANT SELECT ON `{self.database}`.* TO '{self.service.user}'@'%%'")


@pytest.fixture
def world(server: Server, tmp_path: Path) -> Iterator[World]:
    home = Home(tmp_path).write("user")
    home.revision("user", "0001", UPGRADE, DOWNGRADE)
    words = [f"{secrets.token_hex(8)}-Aa1" for _ in range(2)]
    with (
        throw_away_account(server, words[0]) as owner,
        throw_away_account(server, words[1]) as service,
        server.database() as name,
    ):
        owner.grant(name)
        if server.backend == "postgresql":
            server.execute(f'ALTER DATABASE "{name}" OWNER TO "{owner.user}"')
        yield World(
            server=server,
            home=home,
            database=name,
            owner=owner,
            service=service,
            words=dict(zip((owner.user, service.user), words, strict=True)),
        )


def accounts(world: World, table: str) -> set[str]:
    """Read which accounts have left their names, without their hosts."""
    engine = world.server.engine(world.database)
    with engine.connect() as connection:
        found = connection.exec_driver_sql(f"SELECT account FROM {table}").scalars().all()
    engine.dispose()
    return {name.partition("@")[0] for name in found}


def test_the_command_migrates_as_the_migration_account(world: World) -> None:
    done = Shell(folder=world.home.root).run("migrate", **world.environ(**world.passwords()))
    assert (done.code, done.err) == (0, "")
    assert accounts(world, "migrated") == {world.owner.user}


def migrate(world: World, monkeypatch: pytest.MonkeyPatch, **said: str) -> ServiceResult:
    """Migrate with these variables about the passwords."""
    for name, value in world.environ(**said).items():
        monkeypatch.setenv(name, value)
    return dbkit.migrate("user", project=world.home.root)["user"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_engine_is_the_services_and_cannot_change_the_schema(
    world: World, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    if get_backend(world.server.backend).traits.driver_of(kind) is None:
        pytest.skip(f"{world.server.backend} has no {kind} driver")
    assert migrate(world, monkeypatch, **world.passwords()).error is None
    world.let_read()
    config = world.config()
    with asking(config, kind) as asker:
        held = asker.hold()
        assert held.ask("SELECT CURRENT_USER").partition("@")[0] == world.service.user
        assert held.ask("SELECT account FROM migrated").partition("@")[0] == world.owner.user
        with pytest.raises(sa.exc.DBAPIError) as caught:
            held.ask("CREATE TABLE mine (id INT)")
        held.close()
    assert get_backend(world.server.backend).errors.fault(caught.value) is Fault.NOT_ALLOWED
    with asking(config.for_migrations(), kind) as asker:
        assert asker.ask("SELECT CURRENT_USER").partition("@")[0] == world.owner.user


def test_a_rollback_is_the_migration_accounts_too_and_so_is_what_looks_at_the_schema(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert migrate(world, monkeypatch, **world.passwords()).error is None
    # the service's account has no right to anything here
    assert dbkit.status("user", project=world.home.root)["user"].revision == "0001"
    assert dbkit.check("user", project=world.home.root)["user"].error is None
    assert dbkit.rollback("user", to="base", project=world.home.root)["user"].error is None
    assert accounts(world, "rolled_back") == {world.owner.user}


def test_the_migration_account_has_a_password_file_of_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "owner"
    file.write_text(f"{world.words[world.owner.user]}\n")
    said = {"DATABASE_PASSWORD": world.words[world.service.user], "DATABASE_MIGRATION_PASSWORD_FILE": str(file)}
    assert migrate(world, monkeypatch, **said).error is None
    assert accounts(world, "migrated") == {world.owner.user}


def test_without_a_password_of_its_own_the_migration_account_is_given_the_services(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"DATABASE_PASSWORD": world.words[world.service.user]}
    refused = migrate(world, monkeypatch, **said)
    assert f"refuses the log-in of '{world.owner.user}'" in str(refused.error)
    assert refused.hint == "check DATABASE_MIGRATION_USER (environment) and DATABASE_PASSWORD (environment)"
    world.owner.set_password(world.words[world.service.user])
    assert migrate(world, monkeypatch, **said).error is None
    assert accounts(world, "migrated") == {world.owner.user}


def test_a_provider_is_asked_for_the_migration_account_by_name(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    module = f"provider_{secrets.token_hex(4)}"  # a module is imported once in a process
    (world.home.root / f"{module}.py").write_text(PROVIDER)
    (world.home.root / "passwords.json").write_text(json.dumps(world.words))
    assert migrate(world, monkeypatch, DATABASE_PASSWORD_PROVIDER=f"{module}:password").error is None
    assert accounts(world, "migrated") == {world.owner.user}
