"""How TiDB is reached with asyncmy: as MySQL is, with a version and switches of its own."""

from __future__ import annotations

from dataclasses import dataclass

from dbkit.backends.mysql.connect_asyncmy import AsyncmyConnector
from dbkit.backends.protocol import Connector
from dbkit.backends.tidb.connect import TidbConnector


@dataclass(frozen=True, kw_only=True)
class TidbAsyncmyConnector(AsyncmyConnector, TidbConnector):
    """What is TiDB's comes from the one, what is asyncmy's from the other."""

    name: str = TidbConnector.name


CONNECTOR: Connector = TidbAsyncmyConnector()
