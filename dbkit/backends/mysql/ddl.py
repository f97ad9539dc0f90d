"""Databases on MySQL 8, and how it words what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dbkit.backends.mysql.canonical import canonical_default, canonical_type
from dbkit.backends.mysql.copies import MysqlCopies
from dbkit.backends.names import quote, refuse_name
from dbkit.backends.optional import Copying, Expendable
from dbkit.backends.protocol import Ddl, ServerFacts

if TYPE_CHECKING:
    import sqlalchemy as sa


class MysqlDdl(MysqlCopies):
    """The wording of MySQL 8, and the base of its family."""

    # Case- and accent-exact and without padding: 'a' and 'a ' are two values, as on PostgreSQL.
    # https://dev.mysql.com/doc/refman/8.0/en/charset-unicode-sets.html
    collation: ClassVar[str] = "utf8mb4_0900_bin"
    version: ClassVar[tuple[int, ...]] = (8, 0, 36)
    # https://dev.mysql.com/doc/refman/8.0/en/identifier-length.html
    name_limit: ClassVar[int] = 64
    # https://dev.mysql.com/doc/refman/8.0/en/system-schema.html; MariaDB lets an administrator drop `mysql`, accounts and all.
    reserved: ClassVar[frozenset[str]] = frozenset({"mysql", "sys", "information_schema", "performance_schema"})

    def create_database(self, name: str, collation: str | None) -> str:
        """Word CREATE DATABASE."""
        return f"CREATE DATABASE {quote(name, '`', '`')} CHARACTER SET utf8mb4 COLLATE {collation or self.collation}"

    def drop_database(self, name: str) -> str:
        """Word DROP DATABASE."""
        return f"DROP DATABASE {quote(name, '`', '`')}"

    def maintenance_database(self) -> str | None:
        """Databases are created from a connection to none."""
        return None

    def refuse_name(self, name: str) -> str | None:
        """Say why this cannot be a database's name."""
        return refuse_name(name, self.name_limit, reserved=self.reserved)

    def canonical_type(self, text: str) -> str:
        """Reduce a column type's wording to one spelling."""
        return canonical_type(text)

    def canonical_default(self, text: str | None) -> str | None:
        """Reduce a default's wording to one spelling."""
        return canonical_default(text)

    def offline_dialect(self, facts: ServerFacts | None) -> sa.Dialect:
        """Make a dialect that compiles without a server."""
        from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql

        dialect = MySQLDialect_pymysql(paramstyle="named")  # else every % is doubled
        dialect.server_version_info = facts.version if facts else self.version
        return dialect


_COPYING: Copying = MysqlDdl()
_EXPENDABLE: Expendable = MysqlDdl()
DDL: Ddl = MysqlDdl()
