"""How MariaDB is reached: as MySQL is, with a collation and a deadline of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbkit.backends.mysql.connect import MysqlConnector
from dbkit.backends.protocol import Connector, Endpoint

if TYPE_CHECKING:
    import sqlalchemy as sa


@dataclass(frozen=True, kw_only=True)
class MariadbConnector(MysqlConnector):
    """Tells revisions that it is MySQL."""

    name: str = "mariadb"
    # Not the columns' nopad_bin: what JSON functions return is utf8mb4_bin, and a literal of another collation beside it is
    # error 1267 (seen on 10.11). A column's own collation wins over the session's in any case.
    collation: str = "utf8mb4_bin"

    def deadline(self, endpoint: Endpoint) -> str:
        """Word the server's limit of a statement, in seconds; it counts for all of them."""
        return f"max_statement_time = {max(0.001, endpoint.deadline_s or 0):.6f}"

    def engine_events(self, engine: sa.Engine, *, migrating: bool) -> None:
        """Report the dialect's name as `mysql` to revisions, because many compare it; `backend_of` still says MariaDB."""
        super().engine_events(engine, migrating=migrating)
        if migrating:
            engine.dialect.name = "mysql"


CONNECTOR: Connector = MariadbConnector()
