"""The SQLAlchemy dialect of TiDB for asynchronous engines."""

from __future__ import annotations

from sqlalchemy.dialects.mysql.asyncmy import MySQLDialect_asyncmy

# Its types must be known before anything is reflected.
from dbkit.backends.tidb.dialect import TidbDialect


class TidbDialectAsyncmy(MySQLDialect_asyncmy):
    """`tidb+asyncmy://`: as `tidb+pymysql://`, with asyncmy."""

    dbkit_backend = TidbDialect.dbkit_backend
    supports_statement_cache = True
