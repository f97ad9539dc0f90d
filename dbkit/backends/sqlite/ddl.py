"""SQLite's files, and how it words what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbkit.backends.optional import Copying, Filed
from dbkit.backends.protocol import Ddl, ServerFacts
from dbkit.backends.sqlite.canonical import canonical_default, canonical_type
from dbkit.backends.sqlite.copies import SqliteCopies

if TYPE_CHECKING:
    import sqlalchemy as sa


class SqliteDdl(SqliteCopies):
    """The wording of SQLite. A database is a file: connecting creates it, deleting it drops it."""

    # https://www.sqlite.org/tempfiles.html
    beside = ("-wal", "-shm", "-journal")

    def write_file(self) -> str:
        """Write what changes nothing."""
        return "PRAGMA user_version = 0"

    def read_file(self) -> str:
        """Ask for what stands in the head of each file."""
        return "PRAGMA schema_version"

    def create_database(self, name: str, collation: str | None) -> str:
        """Word nothing: the file comes with the first connection."""
        del collation
        return f"-- {name}: SQLite creates the file when it is first opened"

    def drop_database(self, name: str) -> str:
        """Word nothing: the file is deleted."""
        return f"-- {name}: delete the file"

    def maintenance_database(self) -> str | None:
        """There is none."""
        return None

    def refuse_name(self, name: str) -> str | None:
        """Say why this cannot be a file's path."""
        return "it holds a null character" if "\0" in name else None

    def canonical_type(self, text: str) -> str:
        """Reduce a column type's wording to one spelling."""
        return canonical_type(text)

    def canonical_default(self, text: str | None) -> str | None:
        """Reduce a default's wording to one spelling."""
        return canonical_default(text)

    def offline_dialect(self, facts: ServerFacts | None) -> sa.Dialect:
        """Make a dialect that compiles without a file."""
        from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

        del facts
        return SQLiteDialect_pysqlite(paramstyle="named")


_FILED: Filed = SqliteDdl()
_COPYING: Copying = SqliteDdl()
DDL: Ddl = SqliteDdl()
