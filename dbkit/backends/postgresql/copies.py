"""Copies of databases on PostgreSQL, and databases that are made for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbkit.backends.names import quote

if TYPE_CHECKING:
    import sqlalchemy as sa


def _quoted(name: str) -> str:
    return quote(name, '"', '"')


class PostgresqlCopies:
    """How a database is copied, and dropped again."""

    def copy_database(self, connection: sa.Connection | None, source: str, target: str) -> bool:
        """Have the server copy it: schemas, extensions, rows and all.

        https://www.postgresql.org/docs/current/manage-ag-templatedbs.html
        """
        if connection is None:
            return False
        connection.exec_driver_sql(f"CREATE DATABASE {_quoted(target)} TEMPLATE {_quoted(source)}")
        return True

    def database_names(self) -> str:
        """Read them from the catalogue."""
        return "SELECT datname FROM pg_database"

    def drop_used_database(self, name: str) -> tuple[str, ...]:
        """Send everybody away first: https://www.postgresql.org/docs/current/sql-dropdatabase.html, since 13."""
        return (f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)",)
