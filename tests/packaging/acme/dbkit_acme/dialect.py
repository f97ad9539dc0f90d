"""How SQLAlchemy and Alembic call it: a dialect under a name of its own."""

from __future__ import annotations

from alembic.ddl.sqlite import SQLiteImpl
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite


class AcmeDialect(SQLiteDialect_pysqlite):
    """Speaks SQLite's SQL."""

    name = "acme"
    driver = "acmelite"
    dbkit_backend = "acme"
    supports_statement_cache = True


class AcmeImpl(SQLiteImpl):
    """Alembic finds it by this name."""

    __dialect__ = "acme"
