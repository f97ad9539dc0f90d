"""How MariaDB is reached with asyncmy: as MySQL is, with MariaDB's own settings."""

from __future__ import annotations

from dataclasses import dataclass

from dbkit.backends.mariadb.connect import MariadbConnector
from dbkit.backends.mysql.connect_asyncmy import AsyncmyConnector
from dbkit.backends.protocol import Connector


@dataclass(frozen=True, kw_only=True)
class MariadbAsyncmyConnector(AsyncmyConnector, MariadbConnector):
    """What is MariaDB's comes from the one, what is asyncmy's from the other."""

    name: str = MariadbConnector.name
    collation: str = MariadbConnector.collation


CONNECTOR: Connector = MariadbAsyncmyConnector()
