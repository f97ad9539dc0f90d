"""How PostgreSQL is reached with psycopg 3, by engines and by asynchronous engines alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from dbkit.backends.postgresql.connect import LibpqConnector
from dbkit.backends.protocol import Connector, Endpoint

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection


class PsycopgConnector(LibpqConnector):
    """Differs from psycopg2 in what the connection calls things."""

    def connect_args(self, endpoint: Endpoint) -> dict[str, Any]:
        """Add the character set, and as a number what DATABASE_URL says of prepared statements."""
        args = super().connect_args(endpoint)
        threshold = endpoint.query.get("prepare_threshold")
        if threshold is not None:
            args["prepare_threshold"] = int(threshold) if threshold.isdecimal() else None
        return args

    def encrypted(self, connection: DBAPIConnection) -> bool:
        """Ask libpq."""
        return bool(_driver(connection).pgconn.ssl_in_use)

    def socket_fd(self, connection: DBAPIConnection) -> int | None:
        """Ask libpq; a connection that is closed has none."""
        driver = _driver(connection)
        return None if driver.closed else int(driver.fileno())


def _driver(connection: DBAPIConnection) -> Any:  # noqa: ANN401 - psycopg's Connection or AsyncConnection
    """Take psycopg's connection out of SQLAlchemy's adapter, where there is one."""
    return getattr(cast("Any", connection), "driver_connection", connection)


CONNECTOR: Connector = PsycopgConnector()
