"""Databases on MariaDB, and how it words what it holds."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import sqlalchemy as sa

from dbkit.backends.mariadb.canonical import canonical_default, canonical_type
from dbkit.backends.mysql.ddl import MysqlDdl
from dbkit.backends.protocol import Ddl, ServerFacts


class MariadbDdl(MysqlDdl):
    """The wording of MariaDB."""

    # MariaDB has no 0900 collations; nopad_bin compares bytes without padding (seen on 10.11).
    collation: ClassVar[str] = "utf8mb4_nopad_bin"
    version: ClassVar[tuple[int, ...]] = (10, 11, 0)

    def canonical_type(self, text: str) -> str:
        """Reduce a column type's wording to one spelling."""
        return canonical_type(text)

    def canonical_default(self, text: str | None) -> str | None:
        """Reduce a default's wording to one spelling."""
        return canonical_default(text)

    def offline_dialect(self, facts: ServerFacts | None) -> sa.Dialect:
        """Make a dialect that compiles without a server; to revisions it bears the name `mysql`, as it does online."""
        # SQLAlchemy puts this class together when its URL is asked for. The paramstyle: else every % is doubled.
        dialect: Any = cast("type[Any]", sa.URL.create("mariadb+pymysql").get_dialect())(paramstyle="named")
        dialect.server_version_info = facts.version if facts else self.version
        dialect.name = "mysql"
        found: sa.Dialect = dialect
        return found


DDL: Ddl = MariadbDdl()
