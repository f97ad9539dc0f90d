"""What may be found in a server's place: nobody, somebody who never speaks, somebody who hangs up, somebody who turns everybody away."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import trustme

from dbkit.testing.tds import ANSWER, packet, prelogin

Talk = Callable[[socket.socket], None]

_SSL_REQUEST_BYTES = {"mysql": 36, "postgresql": 8}
_ENCRYPTION_REQUIRED = 3
WIRES = tuple(_SSL_REQUEST_BYTES)
"""The protocols in which they can do all of it."""


@contextmanager
def stranger(talk: Talk) -> Iterator[int]:
    """Have somebody talk to each connection in a thread, and give the port; what is still open is closed in the end."""
    listener, open_ones = socket.create_server(("127.0.0.1", 0)), []

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                open_ones.append(client)
                threading.Thread(target=speak, args=(client,), daemon=True).start()

    def speak(client: socket.socket) -> None:
        with suppress(OSError):  # the client may leave first
            talk(client)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        for sock in (listener, *open_ones):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


@contextmanager
def black_hole() -> Iterator[int]:
    """Give a port whose queue is full, so that the system drops whatever comes."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield port


@contextmanager
def refusing() -> Iterator[int]:
    """Give a port that is taken, and where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def never_speaks(client: socket.socket) -> None:
    """Take the connection, and be silent."""


def hangs_up(client: socket.socket) -> None:
    """Close at once."""
    client.close()


def breaks_off(client: socket.socket) -> None:
    """Reset the connection."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def turns_away(client: socket.socket) -> None:
    """Say at once, in MySQL's protocol, that there are too many connections."""
    body = b"\xff" + struct.pack("<H", 1040) + b"Too many connections"
    client.sendall(struct.pack("<I", len(body))[:3] + b"\0" + body)


def begins_tls(wire: str, client: socket.socket) -> None:
    """Open the protocol with TLS on offer, and wait until the client takes it."""
    if wire == "tds":
        client.recv(4096)
        client.sendall(packet(ANSWER, prelogin(_ENCRYPTION_REQUIRED)))
        return
    if wire == "mysql":
        body = b"\x0a8.0.11-TiDB-v8.5.3\0" + struct.pack("<I", 1) + b"12345678\0"
        body += struct.pack("<HBHH", 0xFFFF, 0x2D, 2, 0x000F | 0x0008) + b"\x15" + b"\0" * 10
        body += b"123456789012\0mysql_native_password\0"
        client.sendall(struct.pack("<I", len(body))[:3] + b"\0" + body)
    client.recv(_SSL_REQUEST_BYTES[wire], socket.MSG_WAITALL)
    if wire == "postgresql":
        client.sendall(b"S")


def hangs_up_in_tls(wire: str) -> Talk:
    """Close in the handshake of TLS, all being read."""

    def talk(client: socket.socket) -> None:
        begins_tls(wire, client)
        client.recv(4096)
        client.close()

    return talk


def breaks_off_in_tls(wire: str) -> Talk:
    """Reset the connection in the handshake of TLS."""

    def talk(client: socket.socket) -> None:
        begins_tls(wire, client)
        client.recv(1)
        breaks_off(client)

    return talk


def demands_certificate(wire: str, ca: trustme.CA) -> Talk:
    """Shake hands as a server whose certificate is good, and that takes no client without one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    ca.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED

    def talk(client: socket.socket) -> None:
        begins_tls(wire, client)
        context.wrap_socket(client, server_side=True).close()

    return talk
