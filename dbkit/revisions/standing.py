"""Which revisions a database has, and whether these files know them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbkit.errors import DatabaseAheadError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from dbkit.revisions.history import History

__all__ = ["read_heads", "refuse_ahead"]


def read_heads(connection: sa.Connection, version_table: str) -> tuple[str, ...]:
    """Read the revisions that the database is at; none where it has no version table. Leaves no open transaction."""
    import sqlalchemy as sa

    found: tuple[str, ...] = ()
    if sa.inspect(connection).has_table(version_table):
        versions = sa.select(sa.column("version_num", sa.String)).select_from(sa.table(version_table))
        found = tuple(sorted(connection.scalars(versions)))
    connection.rollback()
    return found


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
