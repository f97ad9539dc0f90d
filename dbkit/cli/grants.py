"""`dbkit grants`: the SQL that gives the accounts of services what they need, and nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbkit.cli import _diagnostics, _output, _project, _report
from dbkit.cli._options import Debug, Services, command, option, read_option

if TYPE_CHECKING:
    from dbkit.checks.grants import ServiceGrants, Statement

HEAD = """\
-- For an administrator to run. In place of each <PASSWORD>, which no server takes, write that account's password as a quoted
-- string, or leave the statement out where the account is there already."""


class Roles(StrEnum):
    """Whose rights are worded."""

    SERVICE = "service"
    MIGRATION = "migration"
    ALL = "all"


class Script(StrEnum):
    """How they are written."""

    SQL = "sql"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "grants", example="dbkit grants user --from 10.0.% > grants.sql")(grants)


def _choice(flag: str, kinds: type[StrEnum], text: str) -> Any:  # noqa: ANN401 - Typer's type
    words = list(kinds)
    takes = f"{', '.join(words[:-1])} or {words[-1]}"
    return read_option("grants", flag, read=kinds, takes=takes, metavar="|".join(kinds), help=text)


def grants(
    services: Services = None,
    role: Annotated[
        Roles, _choice("--role", Roles, "Whose: the account of the service, the one that migrates, or both.")
    ] = Roles.ALL,
    service_account: Annotated[
        str | None,
        option("grants", "--service-account", metavar="NAME", help="The service's account, else DATABASE_USER."),
    ] = None,
    migration_account: Annotated[
        str | None,
        option("grants", "--migration-account", metavar="NAME", help="The other one, else DATABASE_MIGRATION_USER."),
    ] = None,
    client_host: Annotated[
        str, option("grants", "--from", metavar="HOST", help="Where accounts of the MySQL family log in from.")
    ] = "%",
    format: Annotated[  # noqa: A002 - the flag's name
        Script, _choice("--format", Script, "SQL for an administrator, JSON for programs.")
    ] = Script.SQL,
    debug: Debug = False,
) -> None:
    """Write the SQL that gives accounts their rights."""
    from dbkit.checks.grants import ROLES, Accounts
    from dbkit.checks.grants import grants as word

    accounts = Accounts(service=service_account, migration=migration_account, client_host=client_host)
    roles = [one for one in ROLES if role.value in (Roles.ALL.value, one.value)]
    result = word(_project.find(services), services or (), roles=roles, accounts=accounts)
    _report.errors(result)
    for entry in result.services:
        _advise(entry)
    if format is Script.JSON:
        _output.document(result.to_json())
    else:
        _output.write("".join(f"{line}\n" for line in _script(result.services)))
    raise typer.Exit(result.exit_code)


def _advise(entry: ServiceGrants) -> None:
    if entry.one_account:
        _diagnostics.say(
            f"note: service {entry.service!r} has one account, {entry.service_account!r}, which may change the schema as well; "
            "with DATABASE_MIGRATION_USER set, the service can do without that right"
        )


def _script(entries: tuple[ServiceGrants, ...]) -> Iterator[str]:
    """Word one script for all services; a statement that two of them on one server have in common stands there once."""
    known: set[tuple[object, ...]] = set()
    for number, entry in enumerate(found for found in entries if found.error is None):
        statements = []
        for statement in entry.statements:
            key = (entry.backend, entry.host, statement.database, statement.sql)
            if key not in known:
                statements.append(statement)
            known.add(key)
        yield from ([""] if number else [])
        yield from _of_service(entry, statements)


def _of_service(entry: ServiceGrants, statements: list[Statement]) -> Iterator[str]:
    from dbkit.backends import get_backend

    title = get_backend(str(entry.backend)).traits.title
    if entry.create_database is None:
        yield _comment(f"service {entry.service}: {title} has no accounts; who may read and write {entry.database!r}")
        yield _comment("is decided by the permissions of the file and of its folder")
        return
    yield _comment(f"service {entry.service}: {title} at {entry.host}, database {entry.database!r}")
    yield HEAD
    if entry.one_account:
        yield _comment(f"One account, {entry.service_account!r}, does everything: it may change the schema as well.")
    database = None
    for statement in statements:
        if statement.database not in (None, database):
            database = statement.database
            yield from ("", *_connect(entry, str(database)))
        yield from ("", _comment(_purpose(statement)), f"{statement.sql};")


def _connect(entry: ServiceGrants, database: str) -> Iterator[str]:
    yield _comment(f"From here on connected to database {database!r}.")
    if database == entry.database:
        yield _comment("Where it is not there: dbkit create makes it now, or an administrator with")
        yield _comment(f"{entry.create_database};")


def _purpose(statement: Statement) -> str:
    alone = f" (for dbkit {statement.only_for} alone)" if statement.only_for else ""
    return f"{statement.purpose}{alone}"


def _comment(text: str) -> str:
    """Make a line that is nothing but a comment, whatever the names in it hold."""
    return "-- " + "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
