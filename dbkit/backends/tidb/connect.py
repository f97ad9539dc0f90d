"""How TiDB is reached: as MySQL is, with a version and switches of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dbkit.backends.mysql.connect import MysqlConnector
from dbkit.backends.protocol import Connector, ServerFacts

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

# What changes the meaning of SQL; GLOBAL only, so that one look per server is enough.
SWITCHES: Final = ("tidb_enable_check_constraint", "tidb_enable_foreign_key", "tidb_enable_noop_functions")


@dataclass(frozen=True, kw_only=True)
class TidbConnector(MysqlConnector):
    """Reads what TiDB says of itself."""

    name: str = "tidb"

    def facts(self, connection: DBAPIConnection) -> ServerFacts:
        """Read version and tier from the greeting (`8.0.11-TiDB-v8.5.3-serverless`), and the switches from the server."""
        text = self.greeting(connection)
        cursor = connection.cursor()
        try:
            names = ", ".join(f"'{name}'" for name in SWITCHES)
            cursor.execute(f"SHOW VARIABLES WHERE Variable_name IN ({names})")
            switches = {str(name): str(value) for name, value in cursor.fetchall()}
        finally:
            cursor.close()
        tier = "serverless" if "serverless" in text.lower() else None
        return ServerFacts(
            flavour=self.flavour(connection), version=self.version(text), text=text, tier=tier, switches=switches
        )

    def version(self, greeting: str) -> tuple[int, ...]:
        """Read TiDB's own version, which stands behind the version of MySQL that it claims."""
        found = re.search(r"TiDB-v(\d+(?:\.\d+)+)", greeting)
        return tuple(int(part) for part in found[1].split(".")) if found else super().version(greeting)


CONNECTOR: Connector = TidbConnector()
