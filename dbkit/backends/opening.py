"""How TLS is asked for in the openings of the databases' protocols, by a client that goes no further than the handshake."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable, Mapping
from typing import Final

from dbkit.errors import TlsRefusedError

# https://dev.mysql.com/doc/dev/mysql-server/latest/group__group__cs__capabilities__flags.html
CLIENT_SSL: Final = 0x0800
_CLIENT_PROTOCOL_41: Final = 0x0200
_CLIENT_SECURE_CONNECTION: Final = 0x8000
_CLIENT_PLUGIN_AUTH: Final = 0x0008_0000
_ERROR_PACKET: Final = 0xFF
# https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-SSLREQUEST
SSL_REQUEST: Final = 80877103

# Its handshake travels in an envelope, and so has a module of its own.
TDS: Final = "tds"

_NO_TLS: Final = "switch TLS on at the server"


Tls = ssl.SSLSocket | ssl.SSLObject


def start_tls(wire: str, sock: socket.socket, *, context: ssl.SSLContext, host: str, strict: bool = False) -> Tls:
    """Ask a server for TLS on a connection that is fresh, and shake hands; nothing of a log-in is sent.

    Args:
        wire: the protocol, from the backend's traits.
        sock: connected, with a timeout; it is taken over, and closed where this fails.
        context: decides what is verified.
        host: the name that the certificate is to have.
        strict: where the protocol has two ways, have TLS begin before its first byte.

    Raises:
        TlsRefusedError: the server offers no TLS.
        ssl.SSLError: the handshake failed.
        OSError: the connection broke or timed out.
    """
    try:
        if wire == TDS:
            from dbkit.backends.mssql import opening

            return (opening.around if strict else opening.within)(sock, context, host)
        _OPENINGS[wire](sock)
        return context.wrap_socket(sock, server_hostname=host)
    except BaseException:
        sock.close()
        raise


def greets(wire: str | None, sock: socket.socket) -> bool:
    """Tell whether somebody at the other side speaks a protocol, as far as it can be told before TLS begins.

    Args:
        wire: the protocol, from the backend's traits; of one that is not known here, nothing can be told.
        sock: connected, with a timeout.
    """
    if wire is None or not is_known(wire):
        return False
    try:
        _opening(wire)(sock)
    except TlsRefusedError:
        return True
    except (OSError, ValueError, LookupError, struct.error):
        return False
    return True


def _opening(wire: str) -> Callable[[socket.socket], None]:
    if wire == TDS:
        from dbkit.backends.mssql import opening

        return opening.ask
    return _OPENINGS[wire]


def is_known(wire: str | None) -> bool:
    """Tell whether TLS can be asked for in this protocol."""
    return wire in _OPENINGS or wire == TDS


def exactly(sock: socket.socket, size: int) -> bytes:
    """Read so many bytes. Raises ConnectionError where the other side ends before."""
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise ConnectionError(f"the other side closed the connection after {len(data)} of {size} bytes")
        data += part
    return data


def _mysql(sock: socket.socket) -> None:
    """Read the greeting and answer with an SSLRequest."""
    header = exactly(sock, 4)
    greeting = exactly(sock, int.from_bytes(header[:3], "little"))
    if greeting[:1] == bytes([_ERROR_PACKET]):
        raise ConnectionError("the server turned the connection away: " + greeting[3:].decode("utf-8", "replace"))
    behind_version = greeting.index(b"\0", 1) + 1
    # thread id, 8 bytes of salt, a filler; then the lower half of the capabilities
    capabilities = int.from_bytes(greeting[behind_version + 13 : behind_version + 15], "little")
    if not capabilities & CLIENT_SSL:
        raise TlsRefusedError("the server offers no TLS", hint=_NO_TLS)
    flags = CLIENT_SSL | _CLIENT_PROTOCOL_41 | _CLIENT_SECURE_CONNECTION | _CLIENT_PLUGIN_AUTH
    request = struct.pack("<IIB23x", flags, 1 << 24, 45)  # 45: utf8mb4_general_ci
    sock.sendall(struct.pack("<I", len(request))[:3] + bytes([header[3] + 1]) + request)


def _postgresql(sock: socket.socket) -> None:
    """Send an SSLRequest and read the one letter of its answer."""
    sock.sendall(struct.pack("!II", 8, SSL_REQUEST))
    if exactly(sock, 1) != b"S":
        raise TlsRefusedError("the server offers no TLS", hint=_NO_TLS)


_OPENINGS: Final[Mapping[str, Callable[[socket.socket], None]]] = {"mysql": _mysql, "postgresql": _postgresql}
