"""Databases on TiDB, and how it words what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from dbkit.backends.mysql.ddl import MysqlDdl
from dbkit.backends.protocol import Ddl, ServerFacts
from dbkit.backends.tidb.canonical import canonical_default, canonical_type

if TYPE_CHECKING:
    import sqlalchemy as sa


class TidbDdl(MysqlDdl):
    """The wording of TiDB."""

    # https://docs.pingcap.com/tidb/stable/metrics-schema
    reserved: ClassVar[frozenset[str]] = MysqlDdl.reserved | {"metrics_schema"}

    # rows of AUTO_RANDOM tables keep their keys: https://docs.pingcap.com/tidb/stable/auto-random
    settings: ClassVar[Mapping[str, str]] = {**MysqlDdl.settings, "allow_auto_random_explicit_insert": "1"}

    def canonical_type(self, text: str) -> str:
        """Reduce a column type's wording to one spelling."""
        return canonical_type(text)

    def canonical_default(self, text: str | None) -> str | None:
        """Reduce a default's wording to one spelling."""
        return canonical_default(text)

    def offline_dialect(self, facts: ServerFacts | None) -> sa.Dialect:
        """Make a dialect that compiles without a server, for TiDB 8.5 unless another version is given."""
        from dbkit.backends.tidb.dialect import TidbDialect

        dialect = TidbDialect(paramstyle="named")  # else every % is doubled
        # The version of MySQL that TiDB claims, with its own behind it, as SQLAlchemy parses `8.0.11-TiDB-v8.5.3`.
        dialect.server_version_info = (8, 0, 11, *(facts.version[1:] if facts else (5, 3)))
        return dialect


DDL: Ddl = TidbDdl()
