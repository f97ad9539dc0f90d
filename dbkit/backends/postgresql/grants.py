"""Which rights accounts need on PostgreSQL, and what is taken from everybody; one statement per right, so that each says what it is for.

https://www.postgresql.org/docs/current/ddl-priv.html and https://www.postgresql.org/docs/current/sql-alterdefaultprivileges.html
The advisory lock needs none, and what the migration account makes is its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dbkit.backends.names import quote
from dbkit.backends.postgresql import rights_seen as seen
from dbkit.backends.postgresql.grants_version import in_schema
from dbkit.backends.protocol import Grant, GrantPlace, Grants, Role
from dbkit.backends.rights import OWN_TABLES, PASSWORD, one_account

if TYPE_CHECKING:
    import sqlalchemy as sa

PUBLIC: Final = "public"
ROWS: Final = {
    "SELECT": "SELECT from its tables, and reading the version table for health and status",
    "INSERT": "INSERT into its tables",
    "UPDATE": "UPDATE of rows in its tables",
    "DELETE": "DELETE of rows from its tables",
}
NUMBERS: Final = {"USAGE": "INSERT into tables whose rows are numbered by a sequence"}
READ_ONLY: Final = """DO {tag} DECLARE found name; BEGIN
  FOR found IN SELECT tablename FROM pg_tables WHERE schemaname = {schema} AND (starts_with(tablename, {own}) OR tablename = {version})
  LOOP EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON %I.%I FROM %I', {schema}, found, {account}); END LOOP;
END {tag}"""


@dataclass(frozen=True, kw_only=True)
class _Right:
    """A statement, and the query that tells the connected account whether it has what that gives."""

    grant: Grant
    seen: seen.Query | None = None
    """None for what is no right of the account: that it exists, and what is taken away."""


class PostgresqlGrants:
    """Words the rights in a database and in its schema."""

    def script(self, place: GrantPlace, role: Role) -> tuple[Grant, ...]:
        """Word the account, what is taken from everybody, and the rights."""
        return tuple(right.grant for right in _rights(place, role))

    def missing(self, connection: sa.Connection, place: GrantPlace, role: Role) -> tuple[Grant, ...]:
        """Ask for each right; of tables that are not there yet, nothing is missing."""
        return tuple(right.grant for right in _rights(place, role) if right.seen and not right.seen.holds(connection))


def _rights(place: GrantPlace, role: Role) -> Iterator[_Right]:
    account = _name(place.account(role))
    made = Grant(sql=f"CREATE ROLE {account} LOGIN PASSWORD {PASSWORD}", purpose="logging in")
    yield _Right(grant=made)
    if role is Role.MIGRATION:
        purpose = "creating the database; not needed where an administrator creates it"
        created = Grant(sql=f"ALTER ROLE {account} CREATEDB", purpose=purpose, only_for="create")
        yield _Right(grant=created, seen=seen.createdb())
    yield from _taken(place)
    yield from _in_database(place, role)
    for sql, purpose, found in in_schema(place, role, beside=_schema(place)):
        yield _right(place, sql, purpose, found=found)
    if role is Role.SERVICE:
        yield from _on_tables(place)
    if role is Role.SERVICE and not one_account(place):
        yield from _on_future_tables(place)
        yield _right(
            place,
            _read_only(place),
            "keeping it from writing what dbkit writes; run it again after the first dbkit migrate",
        )


def _taken(place: GrantPlace) -> Iterator[_Right]:
    statement = f"REVOKE ALL ON DATABASE {_name(place.database)} FROM PUBLIC"
    yield _right(
        place, statement, "keeping other accounts out: by default everybody may connect, and make temporary tables"
    )
    # Extensions that others use lie in `public`: where that is not its schema, they stay in reach.
    what = "ALL" if _schema(place) == PUBLIC else "CREATE"
    purpose = "keeping other accounts from making tables there, as everybody may before PostgreSQL 15"
    yield _right(place, f"REVOKE {what} ON SCHEMA {_name(PUBLIC)} FROM PUBLIC", purpose)


def _in_database(place: GrantPlace, role: Role) -> Iterator[_Right]:
    account, database, schema = _name(place.account(role)), _name(place.database), _name(_schema(place))
    on_database, on_schema = {"CONNECT": "connecting to the database"}, {"USAGE": "reaching anything in the schema"}
    if role is Role.MIGRATION:
        on_database["TEMPORARY"] = "temporary tables in revisions"
        on_schema["CREATE"] = "CREATE TABLE and the like in revisions"
    for right, purpose in on_database.items():
        statement = f"GRANT {right} ON DATABASE {database} TO {account}"
        yield _right(place, statement, purpose, found=seen.on_database(right))
    if _schema(place) != PUBLIC:
        yield _right(place, f"CREATE SCHEMA IF NOT EXISTS {schema}", "the schema of its tables")
    for right, purpose in on_schema.items():
        statement = f"GRANT {right} ON SCHEMA {schema} TO {account}"
        yield _right(place, statement, purpose, found=seen.on_schema(right, _schema(place)))


def _on_tables(place: GrantPlace) -> Iterator[_Right]:
    end = f"IN SCHEMA {_name(_schema(place))} TO {_name(place.service_account)}"
    for right, purpose in ROWS.items():
        found = seen.on_tables(right, _schema(place), place.version_table)
        yield _right(place, f"GRANT {right} ON ALL TABLES {end}", f"{purpose}, those that are there now", found=found)
    for right, purpose in NUMBERS.items():
        found = seen.on_sequences(_schema(place))
        yield _right(
            place, f"GRANT {right} ON ALL SEQUENCES {end}", f"{purpose}, those that are there now", found=found
        )


def _on_future_tables(place: GrantPlace) -> Iterator[_Right]:
    maker, account = _name(place.migration_account), _name(place.service_account)
    begin = f"ALTER DEFAULT PRIVILEGES FOR ROLE {maker} IN SCHEMA {_name(_schema(place))}"
    for right, purpose in {**ROWS, **NUMBERS}.items():
        statement = f"{begin} GRANT {right} ON {'SEQUENCES' if right in NUMBERS else 'TABLES'} TO {account}"
        found = seen.by_default(right, _schema(place), place.migration_account)
        yield _right(place, statement, f"{purpose}, those that migrations make later", found=found)


def _read_only(place: GrantPlace) -> str:
    """Word what takes writing from the version table and dbkit's own, which are not there before the first migration."""
    words = {"schema": _schema(place), "version": place.version_table or "", "account": place.service_account}
    values = {key: quote(word, "'", "'") for key, word in {**words, "own": OWN_TABLES}.items()}
    tag = "$dbkit$"
    while any(tag in word for word in words.values()):
        tag = f"{tag[:-1]}_$"
    return READ_ONLY.format(tag=tag, **values)


def _right(place: GrantPlace, sql: str, purpose: str, *, found: seen.Query | None = None) -> _Right:
    return _Right(grant=Grant(sql=sql, purpose=purpose, database=place.database), seen=found)


def _schema(place: GrantPlace) -> str:
    return place.schema or PUBLIC


def _name(name: str) -> str:
    return quote(name, '"', '"')


GRANTS: Grants = PostgresqlGrants()
