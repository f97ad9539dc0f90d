"""The rights that the accounts of services need: worked out from the configuration alone, no server is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from dbkit.backends import get_backend
from dbkit.backends.protocol import Grant, GrantPlace, Role
from dbkit.config import DatabaseConfig
from dbkit.errors import ConfigurationError, DbkitError, ExitCode, gravest
from dbkit.migrations.databases import database_name
from dbkit.migrations.precheck import describe
from dbkit.migrations.results import SCHEMA_VERSION, ServiceResult, plain
from dbkit.project import Project
from dbkit.revisions.layout import Layout

# The migration account first: what it is going to make is granted to the service in its name.
ROLES: Final = (Role.MIGRATION, Role.SERVICE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Accounts that are not to be taken from the configuration."""

    service: str | None = None
    migration: str | None = None
    client_host: str = "%"
    """From where the MySQL family's accounts log in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement of a script, for an administrator to run."""

    role: Role
    account: str
    sql: str
    """Without a semicolon; `<PASSWORD>` in it is to be replaced by a quoted password."""
    purpose: str
    """What does not work without it."""
    database: str | None = None
    """The database to be connected to when it is run; None where any will do."""
    only_for: str | None = None
    """The one command that needs it, where the others do without."""

    @classmethod
    def of(cls, grant: Grant, *, role: Role, account: str) -> Statement:
        """Say whose a grant is."""
        return cls(
            role=role,
            account=account,
            sql=grant.sql,
            purpose=grant.purpose,
            database=grant.database,
            only_for=grant.only_for,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceGrants:
    """The script of one service."""

    service: str
    backend: str | None = None
    host: str | None = None
    database: str | None = None
    service_account: str | None = None
    migration_account: str | None = None
    """The same as the service's where one account does both."""
    create_database: str | None = None
    """The statement by which an administrator makes the database in place of `dbkit create`; None where it is a file."""
    statements: tuple[Statement, ...] = ()
    """In the order in which they are run; none where the backend has no accounts."""
    exit_code: ExitCode = ExitCode.OK
    error: str | None = None
    hint: str | None = None

    @property
    def one_account(self) -> bool:
        """Whether one account reads and writes rows and changes the schema as well."""
        return self.service_account is not None and self.service_account == self.migration_account


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantsResult:
    """The scripts of several services."""

    services: tuple[ServiceGrants, ...]

    @property
    def exit_code(self) -> ExitCode:
        """The gravest of the services' codes."""
        return gravest(service.exit_code for service in self.services)

    def __getitem__(self, service: str) -> ServiceGrants:
        """Give the script of one service. Raises KeyError where it was not asked for."""
        return {entry.service: entry for entry in self.services}[service]

    def to_json(self) -> dict[str, Any]:
        """Make the document of `--format json`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "command": "grants",
            "exit_code": int(self.exit_code),
            "services": [plain(service) for service in self.services],
        }


def grants(
    project: Project, services: Sequence[str] = (), *, roles: Sequence[Role] = ROLES, accounts: Accounts | None = None
) -> GrantsResult:
    """Word the rights that the accounts of services need, by least privilege.

    Args:
        project: whose services.
        services: their names; none means all.
        roles: for which accounts; where one account has both roles and both are asked for, what changes the schema covers the rest.
        accounts: what is not to be taken from the configuration.

    Raises:
        UnknownServiceError: a name is no service's.
    """
    names = project.select(services)
    given = accounts or Accounts()
    return GrantsResult(services=tuple(_of_service(project, name, roles=roles, accounts=given) for name in names))


def grant_place(
    config: DatabaseConfig,
    *,
    version_table: str | None,
    version_schema: str | None = None,
    accounts: Accounts | None = None,
) -> GrantPlace:
    """Say where a service's rights are needed, and by whom.

    Raises:
        ConfigurationError: there is no account, or the database's name cannot be one.
    """
    given = accounts or Accounts()
    service = given.service or config.user
    migration = given.migration or config.migration_user or service
    if service is None or migration is None:
        raise ConfigurationError(
            "there is no account to give rights to",
            hint="set DATABASE_USER and DATABASE_MIGRATION_USER, or name them by --service-account and --migration-account",
        )
    name = database_name(config)
    if reason := get_backend(config.backend).ddl.refuse_name(name):
        raise ConfigurationError(f"database name {name!r} is not allowed: {reason}", hint="set DATABASE_NAME")
    return GrantPlace(
        database=name,
        schema=config.schema,
        service_account=service,
        migration_account=migration,
        client_host=given.client_host,
        tls=_verifies_tls(config),
        version_table=version_table,
        version_schema=version_schema,
    )


def _verifies_tls(config: DatabaseConfig) -> bool:
    """Tell whether the connections of this configuration prove whom they talk to; reads no file of certificates."""
    if config.host is None or config.ssl_verify_cert is False:
        return False
    asked = (config.ssl_ca, config.ssl_verify_cert, config.ssl_verify_identity)
    return config.tls == "verify" or any(item is not None for item in asked)


def _of_service(project: Project, name: str, *, roles: Sequence[Role], accounts: Accounts) -> ServiceGrants:
    found = ServiceGrants(service=name)
    try:
        config = project.config(name)
        place = describe(ServiceResult(service=name), config)
        found = replace(found, backend=place.backend, host=place.host, database=place.database)
        if get_backend(config.backend).traits.file_based:
            return found
        return _worded(found, config, project.layout(name), roles=roles, accounts=accounts)
    except DbkitError as error:
        return replace(found, exit_code=error.exit_code, error=error.message, hint=error.hint)


def _worded(
    found: ServiceGrants, config: DatabaseConfig, layout: Layout, *, roles: Sequence[Role], accounts: Accounts
) -> ServiceGrants:
    backend = get_backend(config.backend)
    if Role.SERVICE not in roles and accounts.service is None and config.user is None:
        accounts = replace(accounts, service=accounts.migration or config.migration_user)
    place = grant_place(
        config, version_table=layout.version_table, version_schema=layout.version_schema, accounts=accounts
    )
    both = place.service_account == place.migration_account and len(roles) > 1
    statements: dict[str, Statement] = {}
    for role in (Role.MIGRATION,) if both else roles:
        for grant in backend.grants.script(place, role):
            # What is taken from everybody is in the scripts of both roles, and said once.
            statements.setdefault(grant.sql, Statement.of(grant, role=role, account=place.account(role)))
    return replace(
        found,
        service_account=place.service_account,
        migration_account=place.migration_account,
        create_database=backend.ddl.create_database(place.database, config.collation),
        # First what can be run before the database is there.
        statements=tuple(sorted(statements.values(), key=lambda statement: statement.database == place.database)),
    )
