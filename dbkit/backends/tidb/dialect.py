"""The SQLAlchemy dialect of TiDB: MySQL's, with TiDB's name tag and the types that MySQL's reflection does not know."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.mysql.base import ischema_names
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql


class VECTOR(sa.types.UserDefinedType[Any]):
    """TiDB's `VECTOR(n)`.

    Without it one such column makes SQLAlchemy's reflection fail for the whole database (seen on SQLAlchemy 2.1.9, TiDB 8.5.3).
    """

    cache_ok = True

    def __init__(self, dim: int | None = None) -> None:
        """Keep the number of dimensions; None where any number goes."""
        self.dim = dim

    def get_col_spec(self, **_kw: object) -> str:
        """Word the type as in CREATE TABLE."""
        return "VECTOR" if self.dim is None else f"VECTOR({self.dim})"


class TidbDialect(MySQLDialect_pymysql):
    """`tidb+pymysql://`: keeps the name `mysql`, so that Alembic's MySQL implementation serves it."""

    dbkit_backend = "tidb"
    supports_statement_cache = True


# The dict is shared by the mysql and mariadb dialects of all drivers, so this serves plain mysql:// URLs to TiDB too.
ischema_names.setdefault("vector", VECTOR)
