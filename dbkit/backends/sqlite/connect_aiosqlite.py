"""How SQLite is opened by asynchronous engines: aiosqlite is the sqlite3 module in a thread."""

from __future__ import annotations

from dbkit.backends.protocol import Connector
from dbkit.backends.sqlite.connect import SqliteConnector

CONNECTOR: Connector = SqliteConnector()
