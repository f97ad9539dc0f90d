"""Acme's files, and how it words what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbkit.backends.protocol import Ddl, ServerFacts
from dbkit.backends.sqlite.ddl import SqliteDdl

if TYPE_CHECKING:
    import sqlalchemy as sa


class AcmeDdl(SqliteDdl):
    """Words as SQLite does."""

    def offline_dialect(self, facts: ServerFacts | None) -> sa.Dialect:
        """Make a dialect that compiles without a file."""
        from dbkit_acme.dialect import AcmeDialect

        del facts
        return AcmeDialect(paramstyle="named")


DDL: Ddl = AcmeDdl()
