"""asyncmy's connection, with an end to all that it would wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from asyncmy.connection import Connection
from asyncmy.constants.CLIENT import MULTI_STATEMENTS, SSL
from asyncmy.constants.CR import CR_CONN_HOST_ERROR, CR_SSL_CONNECTION_ERROR
from asyncmy.errors import OperationalError

# For a goodbye, which takes one round trip; without this limit the end of TLS is waited for half a minute where the server hangs.
GOODBYE_S: Final = 0.5


class BoundedConnection(Connection):
    """Leaves without a goodbye where the server does not take it."""

    _transport: Any
    _ssl_context: Any
    _client_flag: int
    server_capabilities: int

    async def _get_server_information(self) -> None:
        """Read the greeting, and leave where it offers no TLS: asyncmy asks for it all the same, and is hung up on."""
        await super()._get_server_information()  # type: ignore[misc] # the stub does not have it
        if self._ssl_context is not None and not self.server_capabilities & SSL:
            raise OperationalError(CR_SSL_CONNECTION_ERROR, "SSL is required but the server doesn't support it")

    def close(self) -> None:
        """Close at once; asyncmy would leave a socket under TLS to the loop until the server has taken its leave too."""
        if self._transport is not None:
            # before asyncmy's own, for a second close() takes from asyncio's transport what it would abort
            self._transport.abort()
        super().close()

    async def ensure_closed(self) -> None:
        """Say goodbye and close; asyncmy also comes here when a read has timed out, so the server may be hung."""
        try:
            async with asyncio.timeout(GOODBYE_S):
                await super().ensure_closed()
        except TimeoutError:
            self.close()


async def open_connection(timeout_s: float, **kw: Any) -> BoundedConnection:  # noqa: ANN401 - the driver's own arguments
    """Open a connection, within one bound for all: TCP, greeting, TLS and log-in.

    Args:
        timeout_s: the bound.
        kw: asyncmy's arguments.
    """
    make: Callable[..., BoundedConnection] = BoundedConnection
    connection = make(**kw)
    if not kw.get("client_flag", 0) & MULTI_STATEMENTS:
        # asyncmy asks for it always, and what gets into a statement could then add others to it
        connection._client_flag &= ~MULTI_STATEMENTS  # noqa: SLF001 - of our own class
    try:
        async with asyncio.timeout(timeout_s):
            await connection.connect()
    except TimeoutError:
        connection.close()
    else:
        return connection
    raise OperationalError(
        CR_CONN_HOST_ERROR, f"Can't connect to MySQL server on {kw.get('host')!r} (no answer within {timeout_s:g} s)"
    )
