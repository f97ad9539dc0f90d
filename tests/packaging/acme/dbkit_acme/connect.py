"""How Acme is opened: an empty file is stamped, and one that bears another stamp, or none, is refused."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import sqlalchemy as sa

from dbkit.backends.protocol import Connector, Endpoint, ServerFacts
from dbkit.backends.sqlite.connect import SqliteConnector

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

# "ACME", where SQLite has a place for it: https://www.sqlite.org/pragma.html#pragma_application_id
STAMP = 0x41434D45


class NotAcmeError(sqlite3.DatabaseError):
    """The file is somebody else's."""


class AcmeConnector(SqliteConnector):
    """Opens files as SQLite does, and looks at the stamp."""

    def url(self, endpoint: Endpoint) -> sa.URL:
        """Build the URL of the file, under the scheme of its own."""
        return super().url(endpoint).set(drivername=f"acme+{endpoint.driver}")

    def flavour(self, connection: DBAPIConnection) -> str:
        """Prove the stamp of every file that is opened."""
        if _number(connection, "PRAGMA schema_version") == 0:
            connection.cursor().execute(f"PRAGMA application_id = {STAMP}")
        found = _number(connection, "PRAGMA application_id")
        if found != STAMP:
            raise NotAcmeError(f"the file bears the stamp {found:#x}, not Acme's")
        return "acme"

    def facts(self, connection: DBAPIConnection) -> ServerFacts:
        """Give Acme's own version."""
        del connection
        return ServerFacts(flavour="acme", version=(1, 0), text="1.0")


def _number(connection: DBAPIConnection, question: str) -> int:
    cursor = connection.cursor()
    cursor.execute(question)
    row = cursor.fetchone()
    cursor.close()
    return int(row[0]) if row else 0


CONNECTOR: Connector = AcmeConnector()
