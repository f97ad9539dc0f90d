"""A relay before a test server: it counts who comes, and can fall silent as a hung server does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class Relay:
    """Another port of a server on this machine."""

    def __init__(self, port: int, arrived: Callable[[], None] = lambda: None) -> None:
        """Listen.

        Args:
            port: the server's.
            arrived: called for each connection, before a byte of it is handed on.
        """
        self._target = port
        self._arrived = arrived
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.connections = 0
        self._talks = threading.Event()
        self._talks.set()
        self._pairs: list[socket.socket] = []
        self._closed = False
        threading.Thread(target=self._serve, daemon=True).start()

    def fall_silent(self) -> None:
        """Take what comes, and hand nothing on any more."""
        self._talks.clear()

    def close(self) -> None:
        """Take no more connections, and drop those that are there."""
        self._closed = True
        for sock in (self._socket, *self._pairs):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        self._talks.set()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                self.connections += 1
                self._arrived()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._pairs += [client, server]
                if self._closed:  # in the meantime
                    self.close()
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._talks.wait()
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


@contextmanager
def relayed(port: int | None, arrived: Callable[[], None] = lambda: None) -> Iterator[Relay]:
    """Give a relay before a port of this machine, and close it."""
    relay = Relay(port or 0, arrived)
    try:
        yield relay
    finally:
        relay.close()
