"""Databases on PostgreSQL, and how it words what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbkit.backends.names import quote, refuse_name
from dbkit.backends.optional import Copying, Expendable
from dbkit.backends.postgresql.canonical import canonical_default, canonical_type
from dbkit.backends.postgresql.copies import PostgresqlCopies
from dbkit.backends.protocol import Ddl, ServerFacts

if TYPE_CHECKING:
    import sqlalchemy as sa

NAME_LIMIT = 63
# Not `postgres`: hosted offers hand it out as the database to use.
_RESERVED = frozenset({"template0", "template1"})


def _quoted(name: str) -> str:
    return quote(name, '"', '"')


class PostgresqlDdl(PostgresqlCopies):
    """The wording of PostgreSQL."""

    def create_database(self, name: str, collation: str | None) -> str:
        """Word CREATE DATABASE: UTF-8, ordered by code point as on every other backend.

        Case folding (LC_CTYPE) stays the template's: https://www.postgresql.org/docs/current/sql-createdatabase.html
        """
        order = (collation or "C").replace("'", "''")
        return f"CREATE DATABASE {_quoted(name)} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE '{order}'"

    def drop_database(self, name: str) -> str:
        """Word DROP DATABASE."""
        return f"DROP DATABASE {_quoted(name)}"

    def create_schema(self, name: str) -> str:
        """Word CREATE SCHEMA."""
        return f"CREATE SCHEMA {_quoted(name)}"

    def drop_schema(self, name: str) -> str:
        """Word DROP SCHEMA."""
        return f"DROP SCHEMA {_quoted(name)} CASCADE"

    def maintenance_database(self) -> str | None:
        """Every cluster has `postgres`, made for this."""
        return "postgres"

    def refuse_name(self, name: str) -> str | None:
        """Say why this cannot be a database's name."""
        return refuse_name(name, NAME_LIMIT, reserved=_RESERVED)

    def canonical_type(self, text: str) -> str:
        """Reduce a column type's wording to one spelling."""
        return canonical_type(text)

    def canonical_default(self, text: str | None) -> str | None:
        """Reduce a default's wording to one spelling."""
        return canonical_default(text)

    def offline_dialect(self, facts: ServerFacts | None) -> sa.Dialect:
        """Make a dialect that compiles without a server."""
        from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

        dialect = PGDialect_psycopg2(paramstyle="named")  # type: ignore[no-untyped-call] # else every % is doubled
        dialect.server_version_info = facts.version if facts else (15, 0)
        # standard_conforming_strings is on since 9.1; only a connected dialect asks, and an offline one would double backslashes.
        dialect._backslash_escapes = False  # noqa: SLF001 - SQLAlchemy has no public switch
        return dialect


_COPYING: Copying = PostgresqlDdl()
_EXPENDABLE: Expendable = PostgresqlDdl()
DDL: Ddl = PostgresqlDdl()
