"""The rights on the version table of a service where that is in a schema of its own: `version_table_schema`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dbkit.backends.names import quote
from dbkit.backends.postgresql import rights_seen as seen
from dbkit.backends.protocol import GrantPlace, Role
from dbkit.backends.rights import one_account

READING: Final = "reading the version table for health and status"
MAKING: Final = {"USAGE": "reaching the version table", "CREATE": "making the version table"}


def in_schema(place: GrantPlace, role: Role, *, beside: str) -> Iterator[tuple[str, str, seen.Query | None]]:
    """Word each right, what it is for, and how it is seen.

    Args:
        place: whose version table.
        role: of the account.
        beside: the schema of the service's own tables, in which it needs none of this.
    """
    if place.version_schema in (None, beside):
        return
    plain = str(place.version_schema)
    schema, account = quote(plain, '"', '"'), quote(place.account(role), '"', '"')
    yield f"CREATE SCHEMA IF NOT EXISTS {schema}", "the schema of the version table", None
    for right, purpose in MAKING.items():
        if right == "USAGE" or role is Role.MIGRATION:
            yield f"GRANT {right} ON SCHEMA {schema} TO {account}", purpose, seen.on_schema(right, plain)
    if role is Role.SERVICE:
        there = seen.on_tables("SELECT", plain, place.version_table)
        yield f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {account}", f"{READING}, if it is there now", there
    if role is Role.SERVICE and not one_account(place):
        maker = quote(place.migration_account, '"', '"')
        later = f"ALTER DEFAULT PRIVILEGES FOR ROLE {maker} IN SCHEMA {schema} GRANT SELECT ON TABLES TO {account}"
        yield (
            later,
            f"{READING}, if migrations make it later",
            seen.by_default("SELECT", plain, place.migration_account),
        )
