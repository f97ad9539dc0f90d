"""How PostgreSQL is reached with asyncpg, which takes from a URL nothing of what makes TLS safe."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.util import await_only

from dbkit.backends.postgresql.moments import set_ways
from dbkit.backends.postgresql.session import ZONE, handshake_s, start_settings
from dbkit.backends.protocol import Connector, Endpoint, ServerFacts
from dbkit.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

# Options of DATABASE_URL that asyncpg wants as numbers; https://magicstack.github.io/asyncpg/current/api/index.html
_NUMBERS: Final = frozenset(
    {
        "statement_cache_size",
        "max_cached_statement_lifetime",
        "max_cacheable_statement_size",
        "prepared_statement_cache_size",
    }
)
# Options that libpq has words for and asyncpg takes among the server's settings.
_SETTINGS: Final = frozenset({"application_name", "options"})
# How long asyncpg waits beyond the deadline: the server ends a statement first, and says why; this is for one that is gone.
_GRACE_S: Final = 1.0


class AsyncpgConnector:
    """Passes everything beside the URL."""

    def url(self, endpoint: Endpoint) -> sa.URL:
        """Refuse where TLS is to be verified: by a URL asyncpg looks for roots in the home directory only."""
        if endpoint.tls.mode in {"verify", "ca"}:
            raise ConfigurationError(
                "a URL cannot have asyncpg verify TLS: it takes no CA from one",
                hint="use DatabaseConfig.create_async_engine() or dbkit.async_engine(), or DATABASE_DRIVER=psycopg",
            )
        address = self.engine_url(endpoint).set(password=endpoint.password)
        return address.update_query_dict({"ssl": "disable" if endpoint.tls.mode == "off" else "require"})

    def engine_url(self, endpoint: Endpoint) -> sa.URL:
        """Build the address alone."""
        return sa.URL.create(
            f"postgresql+{endpoint.driver}",
            username=endpoint.user,
            host=endpoint.host,
            port=endpoint.port,
            database=endpoint.database,
            query={} if endpoint.socket is None else {"host": endpoint.socket},
        )

    def connect_args(self, endpoint: Endpoint) -> dict[str, Any]:
        """Pass an SSLContext, the settings of the session, and the bounds in seconds."""
        asked = dict(endpoint.query)
        settings = {name: asked.pop(name) for name in _SETTINGS.intersection(asked)}
        args: dict[str, Any] = {
            **{name: _number(text) if name in _NUMBERS else text for name, text in asked.items()},
            "server_settings": {
                "application_name": endpoint.application_name,
                **settings,
                "TimeZone": ZONE,
                **start_settings(endpoint),
            },
            "ssl": False if endpoint.tls.mode == "off" else endpoint.tls.context(),
            "timeout": handshake_s(endpoint),
        }
        if endpoint.deadline_s is not None:
            args["command_timeout"] = endpoint.deadline_s + _GRACE_S
        return args

    def password(self, password: str) -> str | bytes:
        """Give it as text; asyncpg sends UTF-8."""
        return password

    def set_up(self, connection: DBAPIConnection, endpoint: Endpoint) -> None:
        """Have dates kept as they are, and forget the password, which asyncpg keeps; the session is as it was asked to start."""
        del endpoint
        driver = _driver(connection)
        await_only(set_ways(driver))
        driver._params = driver._params._replace(password=None)  # noqa: SLF001 - read again for nothing but a cancel's TLS

    def encrypted(self, connection: DBAPIConnection) -> bool:
        """Look at the transport."""
        return _driver(connection)._transport.get_extra_info("ssl_object") is not None  # noqa: SLF001 - no public word for it

    def flavour(self, connection: DBAPIConnection) -> str:
        """Tell CockroachDB from PostgreSQL by a parameter that it announces."""
        return "cockroachdb" if _announced(connection, "crdb_version") else "postgresql"

    def facts(self, connection: DBAPIConnection) -> ServerFacts:
        """Read the version that the server announced."""
        text = _announced(connection, "server_version")
        found = re.match(r"\d+(?:\.\d+)*", text)
        version = tuple(int(part) for part in found[0].split(".")) if found else ()
        return ServerFacts(flavour=self.flavour(connection), version=version, text=text)

    def socket_fd(self, connection: DBAPIConnection) -> int | None:
        """Look at the transport; a connection that is closed has none."""
        driver = _driver(connection)
        if driver.is_closed():
            return None
        number = driver._transport.get_extra_info("socket").fileno()  # noqa: SLF001 - no public word for it
        return None if number < 0 else int(number)

    def engine_events(self, engine: sa.Engine, *, migrating: bool) -> None:
        """Hang nothing on the engine."""


def _driver(connection: DBAPIConnection) -> Any:  # noqa: ANN401 - asyncpg's Connection
    """Take asyncpg's connection out of SQLAlchemy's adapter."""
    return cast("Any", connection).driver_connection


def _announced(connection: DBAPIConnection, name: str) -> str:
    return str(getattr(_driver(connection).get_settings(), name, ""))


def _number(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


CONNECTOR: Connector = AsyncpgConnector()
