"""Databases on SQL Server that are made for a while."""

from __future__ import annotations

from dbkit.backends.names import quote


class MssqlExpendable:
    """How a database that is in use is dropped.

    None is copied: BACKUP and RESTORE go through files of the server's, and DBCC CLONEDATABASE leaves the rows out.
    """

    def database_names(self) -> str:
        """Read them from the catalogue."""
        return "SELECT name FROM sys.databases"

    def drop_used_database(self, name: str) -> tuple[str, ...]:
        """Send everybody away first: https://learn.microsoft.com/sql/t-sql/statements/alter-database-transact-sql-set-options."""
        text, quoted = name.replace("'", "''"), quote(name, "[", "]")
        there = f"IF DB_ID(N'{text}') IS NOT NULL"
        return (
            f"{there} ALTER DATABASE {quoted} SET SINGLE_USER WITH ROLLBACK IMMEDIATE",
            f"DROP DATABASE IF EXISTS {quoted}",
        )
