"""Databases on SQL Server, and how it words what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbkit.backends.mssql.canonical import canonical_default, canonical_type
from dbkit.backends.mssql.expendable import MssqlExpendable
from dbkit.backends.mssql.script import script
from dbkit.backends.names import quote, refuse_name
from dbkit.backends.optional import Expendable
from dbkit.backends.protocol import Ddl, ServerFacts

if TYPE_CHECKING:
    import sqlalchemy as sa

NAME_LIMIT = 128
# https://learn.microsoft.com/sql/relational-databases/databases/system-databases
_RESERVED = frozenset({"master", "model", "msdb", "tempdb"})
COLLATION = "Latin1_General_100_BIN2"


class MssqlDdl(MssqlExpendable):
    """The wording of SQL Server 2022."""

    def create_database(self, name: str, collation: str | None) -> str:
        """Word CREATE DATABASE."""
        return f"CREATE DATABASE {quote(name, '[', ']')} COLLATE {collation or COLLATION}"

    def drop_database(self, name: str) -> str:
        """Word DROP DATABASE."""
        return f"DROP DATABASE {quote(name, '[', ']')}"

    def maintenance_database(self) -> str | None:
        """Every server has `master`."""
        return "master"

    def refuse_name(self, name: str) -> str | None:
        """Say why this cannot be a database's name."""
        return refuse_name(name, NAME_LIMIT, reserved=_RESERVED)

    def canonical_type(self, text: str) -> str:
        """Reduce a column type's wording to one spelling."""
        return canonical_type(text)

    def canonical_default(self, text: str | None) -> str | None:
        """Reduce a default's wording to one spelling."""
        return canonical_default(text)

    def script(self, text: str) -> str:
        """Make a script that stops at the first error."""
        return script(text)

    def offline_dialect(self, facts: ServerFacts | None) -> sa.Dialect:
        """Make a dialect that compiles without a server, for SQL Server 2022 unless another version is given."""
        from sqlalchemy.dialects.mssql.pyodbc import MSDialect_pyodbc

        # Offline SQLAlchemy knows no version and words TEXT and IMAGE, which SQL Server has deprecated.
        dialect: sa.Dialect = MSDialect_pyodbc(deprecate_large_types=True, paramstyle="named")  # type: ignore[no-untyped-call] # untyped there
        dialect.server_version_info = facts.version if facts else (16, 0)
        return dialect


_EXPENDABLE: Expendable = MssqlDdl()
DDL: Ddl = MssqlDdl()
