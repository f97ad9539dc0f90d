"""Which rights accounts need on SQLite: none, for it has no accounts; the permissions of the file decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbkit.backends.protocol import Grant, GrantPlace, Grants, Role

if TYPE_CHECKING:
    import sqlalchemy as sa


class SqliteGrants:
    """Has nothing to give."""

    def script(self, place: GrantPlace, role: Role) -> tuple[Grant, ...]:
        """Word nothing."""
        del place, role
        return ()

    def missing(self, connection: sa.Connection, place: GrantPlace, role: Role) -> tuple[Grant, ...]:
        """Miss nothing."""
        del connection, place, role
        return ()


GRANTS: Grants = SqliteGrants()
