"""Which revisions a database has, and whether these files know them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbkit.errors import DatabaseAheadError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from dbkit.revisions.history import History
    from dbkit.revisions.layout import Layout

__all__ = ["read_heads", "refuse_ahead", "versions_in"]


def read_heads(connection: sa.Connection, layout: Layout) -> tuple[str, ...]:
    """Read the revisions that the database is at; none where it has no version table. Leaves no open transaction."""
    import sqlalchemy as sa

    found: tuple[str, ...] = ()
    if sa.inspect(connection).has_table(layout.version_table, schema=layout.version_schema):
        found = tuple(sorted(connection.scalars(versions_in(layout))))
    connection.rollback()
    return found


def versions_in(layout: Layout) -> sa.Select[str]:
    """Word the query that reads the version table."""
    import sqlalchemy as sa

    table = sa.table(layout.version_table, schema=layout.version_schema)
    return sa.select(sa.column("version_num", sa.String)).select_from(table)


def refuse_ahead(history: History, current: Sequence[str]) -> None:
    """Refuse a database that holds revisions which these files do not have.

    Raises:
        DatabaseAheadError: it does.
    """
    unknown = [revision for revision in current if revision not in history.scripts]
    if unknown:
        raise DatabaseAheadError(
            f"the database of service {history.service!r} is at revision {', '.join(unknown)}, which these files do not have",
            hint="a newer release has migrated it: deploy that release, or bring the missing revision files back",
        )
