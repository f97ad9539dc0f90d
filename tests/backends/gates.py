"""A way to a test server that can be shut, blocked and opened again, as a network between a service and its server can."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Gate:
    """Another port of a server on this machine, always the same one."""

    def __init__(self, target: int) -> None:
        """Open it.

        Args:
            target: the server's port.
        """
        self._target = target
        self._listener: socket.socket | None = None
        self._open = threading.Event()
        self._sockets: list[socket.socket] = []
        self.port = 0
        self.come_back()

    def shut(self) -> None:
        """Refuse who comes, and hang up on who is there."""
        listener, self._listener = self._listener, None
        if listener is not None:
            _close(listener)
        self.drop()

    def drop(self) -> None:
        """Hang up on who is there."""
        dropped, self._sockets = self._sockets, []
        for sock in dropped:
            _close(sock)

    def block(self) -> None:
        """Hand nothing on any more; connections are taken, as a stopped server's kernel does."""
        self._open.clear()

    def come_back(self) -> None:
        """Hand on again what comes, and what has come meanwhile."""
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=100)
            self.port = self._listener.getsockname()[1]
            threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()
        self._open.set()

    def _serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                self._sockets.append(client)
                if self._listener is not listener:
                    self.drop()
                threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        self._open.wait()
        with suppress(OSError):
            server = socket.create_connection(("127.0.0.1", self._target))
            self._sockets.append(server)
            threading.Thread(target=self._pump, args=(server, client), daemon=True).start()
            self._pump(client, server)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._open.wait()
                target.sendall(data)
        _close(target)


def _close(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


@contextmanager
def gate(target: int | None) -> Iterator[Gate]:
    """Give a gate before a port of this machine, and shut it."""
    found = Gate(target or 0)
    try:
        yield found
    finally:
        found.shut()
        found._open.set()
