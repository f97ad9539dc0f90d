"""How TLS begins with SQL Server: within packets of its protocol, or around it (`Encrypt=strict`).

https://learn.microsoft.com/openspecs/windows_protocols/ms-tds/60f56408-0188-4cd5-8b90-25c6f2423868
"""

from __future__ import annotations

import socket
import ssl
import struct
from typing import Final

from dbkit.backends.opening import exactly
from dbkit.errors import TlsRefusedError

ALPN: Final = "tds/8.0"
_HEADER: Final = struct.Struct(">BBHHBB")
_PRELOGIN: Final = 0x12
_END_OF_MESSAGE: Final = 1
_ENCRYPTION: Final = 1
_ENCRYPT_ON: Final = 1
_NOT_SUPPORTED: Final = 2
_END_OF_OPTIONS: Final = 0xFF


def within(sock: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLObject:
    """Ask for encryption and shake hands in packets of the protocol.

    Raises:
        TlsRefusedError: the server has no TLS.
        ssl.SSLError: the handshake failed.
        OSError: the connection broke or timed out.
    """
    ask(sock)
    # the protocol has no envelope for what 1.3 sends after its handshake
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(came, goes, server_hostname=host)
    while not _shaken(sock, tls, goes):
        came.write(_read(sock))
    return tls


def ask(sock: socket.socket) -> None:
    """Ask for encryption, and read the answer.

    Raises:
        TlsRefusedError: the server has no TLS.
        OSError: the connection broke or timed out.
    """
    # an offset behind the two options of 5 bytes and their end
    version, encryption = struct.pack(">BHH", 0, 11, 6), struct.pack(">BHH", _ENCRYPTION, 17, 1)
    _send(sock, version + encryption + bytes([_END_OF_OPTIONS]) + bytes(6) + bytes([_ENCRYPT_ON]))
    if _encryption(_read(sock)) == _NOT_SUPPORTED:
        raise TlsRefusedError("the server offers no TLS", hint="switch TLS on at the server")


def around(sock: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    """Shake hands before the first byte of the protocol."""
    context.set_alpn_protocols([ALPN])
    return context.wrap_socket(sock, server_hostname=host)


def _shaken(sock: socket.socket, tls: ssl.SSLObject, goes: ssl.MemoryBIO) -> bool:
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return False
    finally:
        if data := goes.read():
            _send(sock, data)
    return True


def _encryption(answer: bytes) -> int:
    """Find the server's word on encryption among the options of its PRELOGIN."""
    at = 0
    while answer[at] != _END_OF_OPTIONS:
        kind, offset, _ = struct.unpack_from(">BHH", answer, at)
        if kind == _ENCRYPTION:
            return int(answer[offset])
        at += 5
    return _NOT_SUPPORTED


def _send(sock: socket.socket, data: bytes) -> None:
    sock.sendall(_HEADER.pack(_PRELOGIN, _END_OF_MESSAGE, _HEADER.size + len(data), 0, 0, 0) + data)


def _read(sock: socket.socket) -> bytes:
    size = _HEADER.unpack(exactly(sock, _HEADER.size))[2]
    return exactly(sock, size - _HEADER.size)
