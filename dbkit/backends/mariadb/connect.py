"""How MariaDB is reached: as MySQL is, with a collation of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbkit.backends.mysql.connect import MysqlConnector
from dbkit.backends.protocol import Connector

if TYPE_CHECKING:
    import sqlalchemy as sa


class MariadbConnector(MysqlConnector):
    """Tells revisions that it is MySQL."""

    def engine_events(self, engine: sa.Engine, *, migrating: bool) -> None:
        """Report the dialect's name as `mysql` to revisions, because many compare it; `backend_of` still says MariaDB."""
        if migrating:
            engine.dialect.name = "mysql"


# Not the columns' nopad_bin: what JSON functions return is utf8mb4_bin, and a literal of another collation beside it is error 1267
# (seen on 10.11). A column's own collation wins over the session's in any case.
CONNECTOR: Connector = MariadbConnector(name="mariadb", collation="utf8mb4_bin")
