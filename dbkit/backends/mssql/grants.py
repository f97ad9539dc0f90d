"""Which rights accounts need on SQL Server; nothing here was run on one, only its wording is tested.

https://learn.microsoft.com/sql/relational-databases/security/permissions-database-engine. sp_getapplock needs none, and a member of
the role `public` may call it. The login that has made a database is `dbo` there and needs nothing more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from dbkit.backends.names import quote
from dbkit.backends.protocol import Grant, GrantPlace, Grants, Role
from dbkit.backends.rights import PASSWORD, one_account

SCHEMA: Final = "dbo"
ROWS: Final = {
    "SELECT": "SELECT from its tables, and reading the version table for health and status",
    "INSERT": "INSERT into its tables",
    "UPDATE": "UPDATE of rows in its tables",
    "DELETE": "DELETE of rows from its tables",
}
REVISIONS: Final = {
    "SELECT": "reading the version table, and rows in revisions",
    "INSERT": "noting a revision as applied, and INSERT in revisions",
    "UPDATE": "noting the next revision, and UPDATE in revisions",
    "DELETE": "noting a revision as undone, and DELETE in revisions",
    "ALTER": "making, altering and dropping tables, indexes and triggers in the schema",
    "REFERENCES": "foreign keys in revisions",
}
MAKING: Final = {
    "CREATE TABLE": "CREATE TABLE in revisions",
    "CREATE VIEW": "CREATE VIEW in revisions",
    "CREATE PROCEDURE": "CREATE PROCEDURE in revisions",
    "CREATE FUNCTION": "CREATE FUNCTION in revisions",
}
# Taken from a service on the version table: a DENY beats the right on the schema.
READ_ONLY: Final = "IF OBJECT_ID({table}) IS NOT NULL EXEC({deny})"
# https://learn.microsoft.com/sql/t-sql/functions/has-perms-by-name-transact-sql
_HAS: Final = sa.text("SELECT HAS_PERMS_BY_NAME(:thing, :kind, :right)")


@dataclass(frozen=True, kw_only=True)
class _Right:
    """A statement, and by what name HAS_PERMS_BY_NAME knows what it gives."""

    grant: Grant
    right: str | None = None
    """None for what is no right of the account: that it exists, and what is taken away."""
    kind: str | None = None
    """DATABASE or SCHEMA; None for the server."""
    thing: str | None = None

    def missing(self, connection: sa.Connection) -> bool:
        """Ask for it; what cannot be seen is NULL and counts as there."""
        if self.right is None:
            return False
        found = connection.scalar(_HAS, {"thing": self.thing, "kind": self.kind, "right": self.right})
        return bool(found == 0)


class MssqlGrants:
    """Words the log-in, the user in the database, and its rights there."""

    def script(self, place: GrantPlace, role: Role) -> tuple[Grant, ...]:
        """Word the account and its rights."""
        return tuple(right.grant for right in _rights(place, role))

    def missing(self, connection: sa.Connection, place: GrantPlace, role: Role) -> tuple[Grant, ...]:
        """Ask for each right."""
        return tuple(right.grant for right in _rights(place, role) if right.missing(connection))


def _rights(place: GrantPlace, role: Role) -> Iterator[_Right]:
    account = _name(place.account(role))
    login = f"CREATE LOGIN {account} WITH PASSWORD = {PASSWORD}"
    yield _Right(grant=Grant(sql=login, purpose="logging in", database="master"))
    if role is Role.MIGRATION:
        right, purpose = "CREATE ANY DATABASE", "creating the database; not needed where an administrator creates it"
        created = Grant(sql=f"GRANT {right} TO {account}", purpose=purpose, database="master", only_for="create")
        yield _Right(grant=created, right=right)
    purpose = "connecting to the database; not for the log-in that has created it, which is dbo there"
    user = f"CREATE USER {account} FOR LOGIN {account} WITH DEFAULT_SCHEMA = {SCHEMA}"
    yield _Right(grant=Grant(sql=user, purpose=purpose, database=place.database))
    for right, purpose in (MAKING if role is Role.MIGRATION else {}).items():
        grant = Grant(sql=f"GRANT {right} TO {account}", purpose=purpose, database=place.database)
        yield _Right(grant=grant, right=right, kind="DATABASE", thing=_name(place.database))
    wanted = {SCHEMA: REVISIONS if role is Role.MIGRATION else ROWS}
    if place.version_schema not in (None, SCHEMA):
        reading = {"SELECT": "reading the version table for health and status"}
        wanted.setdefault(_name(str(place.version_schema)), REVISIONS if role is Role.MIGRATION else reading)
    for schema, rights in wanted.items():
        for right, purpose in rights.items():
            sql = f"GRANT {right} ON SCHEMA::{schema} TO {account}"
            grant = Grant(sql=sql, purpose=purpose, database=place.database)
            yield _Right(grant=grant, right=right, kind="SCHEMA", thing=schema)
    if role is Role.SERVICE and place.version_table and not one_account(place):
        yield _Right(grant=_read_only(place, place.version_table))


def _read_only(place: GrantPlace, version_table: str) -> Grant:
    """Word what takes writing from the version table, which is not there before the first migration."""
    schema = SCHEMA if place.version_schema is None else _name(place.version_schema)
    table = f"{schema}.{_name(version_table)}"
    deny = f"DENY INSERT, UPDATE, DELETE ON OBJECT::{table} TO {_name(place.service_account)}"
    return Grant(
        sql=READ_ONLY.format(table=_text(table), deny=_text(deny)),
        purpose="keeping it from writing the version table; run this again after the first dbkit migrate",
        database=place.database,
    )


def _name(name: str) -> str:
    return quote(name, "[", "]")


def _text(text: str) -> str:
    return "N" + quote(text, "'", "'")


GRANTS: Grants = MssqlGrants()
