"""How PostgreSQL is reached with psycopg 3, by engines and by asynchronous engines alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from dbkit.backends.postgresql.connect import LibpqConnector, ask
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

    def set_up(self, connection: DBAPIConnection, endpoint: Endpoint) -> None:
        """Have nothing prepared behind a pooler: in transaction mode the name is another client's statement there.

        PgBouncer 1.18 then gives errors, and the rows of that other statement.
        """
        super().set_up(connection, endpoint)
        if "prepare_threshold" in endpoint.query:
            return
        driver = cast("Any", connection)
        row = ask(driver, "SELECT pg_backend_pid()")
        if row[0] != driver.info.backend_pid:
            _driver(connection).prepare_threshold = None

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
