"""An impostor: a server on loopback that speaks only the opening of a protocol, and notes what a client hands over."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Final, Protocol, Self

from dbkit.errors import DbkitError

if TYPE_CHECKING:
    from dbkit.testing.authorities import Issued

HOST: Final = "127.0.0.1"
# A client that tries more often than this for one connection is not given the time.
MOST_CONNECTIONS: Final = 8
# A safe client hangs up by itself, in milliseconds; a busy machine may take its time.
PATIENCE_S: Final = 8.0
# No opening has a message near this size; a larger one is no opening.
MOST_BYTES: Final = 1 << 16


class Handed(IntEnum):
    """What a client handed over, the gravest of it."""

    NOTHING = 0
    LOG_IN = 1
    """A log-in packet, with the user's name in it."""
    HASH = 2
    """An answer computed from the password, from which it can be guessed."""
    PASSWORD = 3
    """The password itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What an impostor saw, of all connections together."""

    connections: int = 0
    clear_bytes: int = 0
    """What arrived before TLS, or without it."""
    tls_bytes: int = 0
    """What arrived over TLS, deciphered."""
    in_clear: Handed = Handed.NOTHING
    over_tls: Handed = Handed.NOTHING
    ends: tuple[str, ...] = ()
    """How each connection ended, in the impostor's words."""


class Pipe(Protocol):
    """What bytes go through: a socket, or TLS in whatever envelope a protocol has for it."""

    def settimeout(self, value: float | None, /) -> None:
        """Bound what follows, in seconds."""

    def sendall(self, data: bytes, /) -> None:
        """Send bytes."""

    def recv(self, size: int, /) -> bytes:
        """Read at most so many bytes; none where the other side hung up."""

    def close(self) -> None:
        """Hang up."""


ShakeHands = Callable[[ssl.SSLContext, socket.socket], Pipe]


def _at_once(context: ssl.SSLContext, sock: socket.socket) -> Pipe:
    """Shake hands on the socket itself."""
    return context.wrap_socket(sock, server_side=True)


class Line:
    """One connection of a client: counts and judges what arrives, before TLS and over it."""

    def __init__(self, sock: socket.socket, *, password: str, patience_s: float) -> None:
        """Take a connection over.

        Args:
            sock: just accepted.
            password: what is looked for in all that arrives; empty for none.
            patience_s: how long the whole conversation may take.
        """
        self._sock = sock
        self._pipe: Pipe = sock
        self._deadline = time.monotonic() + patience_s
        self._password = password
        self._tls = False
        self._counts = {False: 0, True: 0}
        self._handed = {False: Handed.NOTHING, True: Handed.NOTHING}

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self._hurry()
        self._pipe.sendall(data)

    def exactly(self, size: int) -> bytes:
        """Read so many bytes. Raises ConnectionError where the client hangs up before."""
        if size > MOST_BYTES:
            raise ConnectionError(f"the client announced {size} bytes")
        data = b""
        while len(data) < size:
            self._hurry()
            part = self._pipe.recv(size - len(data))
            if not part:
                raise ConnectionError("the client hung up")
            self._counts[self._tls] += len(part)
            data += part
        return data

    def peek(self) -> bytes:
        """Look at the first byte that is to come, without taking it."""
        self._hurry()
        return self._sock.recv(1, socket.MSG_PEEK)

    def start_tls(self, certificate: Issued, *, shake_hands: ShakeHands = _at_once) -> None:
        """Shake hands as the server. Raises ssl.SSLError where the client refuses.

        Args:
            certificate: what is presented.
            shake_hands: how the protocol wraps the handshake, where it does.
        """
        self._hurry()
        self._pipe = shake_hands(certificate.context(), self._sock)
        self._tls = True

    def handed(self, data: bytes, *, hashes: Iterable[bytes] = (), least: Handed = Handed.LOG_IN) -> None:
        """Note that this was handed over.

        Args:
            data: as it arrived.
            hashes: what the password would look like in it.
            least: what it is, whether or not anything of the password is found in it.
        """
        found = least
        if self._password and any(form in data for form in hashes):
            found = Handed.HASH
        if self._password and any(form in data for form in _spellings(self._password)):
            found = Handed.PASSWORD
        self._handed[self._tls] = max(self._handed[self._tls], found)

    def seen(self, end: str) -> Seen:
        """Sum this connection up."""
        return Seen(
            connections=1,
            clear_bytes=self._counts[False],
            tls_bytes=self._counts[True],
            in_clear=self._handed[False],
            over_tls=self._handed[True],
            ends=(end,),
        )

    def close(self) -> None:
        """Hang up."""
        self._pipe.close()

    def _hurry(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._pipe.settimeout(left)


class Impostor(ABC):
    """A server on loopback that is none; one class for each protocol.

    It listens as soon as it is made, takes connections one after another in a thread of its own, and is done when
    `finish` says what it has seen.
    """

    wire: ClassVar[str]
    """The protocol, as the traits of a backend name it."""
    host: Final = HOST

    def __init__(
        self,
        *,
        certificate: Issued | None,
        asks_clear: bool = False,
        password: str = "",
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Listen.

        Args:
            certificate: what it presents; None to offer no TLS.
            asks_clear: ask the client for the password in clear text, whatever it has sent before.
            password: what is looked for in all that arrives.
            patience_s: how long one conversation may take.
        """
        self.certificate = certificate
        self.asks_clear = asks_clear
        self.password = password
        self._patience_s = patience_s
        self._seen: list[Seen] = []
        self._socket = socket.create_server((HOST, 0))
        self.port: int = self._socket.getsockname()[1]
        self._knock: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, name=f"impostor-{self.port}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()

    @abstractmethod
    def speak(self, line: Line) -> None:
        """Hold one conversation, and note with `line.handed` what the client hands over.

        Raises:
            OSError: the client hung up, refused TLS, or took too long.
        """

    def finish(self) -> Seen:
        """Take no more connections, let those that have come to their end, and say what was seen in all of them.

        A client's own error says nothing about what it has sent: this does.
        """
        if self._knock is None:
            self._knock = socket.socket()
            self._knock.settimeout(self._patience_s)
            # what waits in the queue came before this connection, and is served before it
            with contextlib.suppress(OSError):
                self._knock.connect((HOST, self.port))
        self._thread.join(MOST_CONNECTIONS * self._patience_s + 1)
        self._knock.close()
        return Seen(
            connections=len(self._seen),
            clear_bytes=sum(item.clear_bytes for item in self._seen),
            tls_bytes=sum(item.tls_bytes for item in self._seen),
            in_clear=max((item.in_clear for item in self._seen), default=Handed.NOTHING),
            over_tls=max((item.over_tls for item in self._seen), default=Handed.NOTHING),
            ends=tuple(end for item in self._seen for end in item.ends),
        )

    def _serve(self) -> None:
        with self._socket:
            for _ in range(MOST_CONNECTIONS):
                client, address = self._socket.accept()
                if self._knock is not None and address == self._knock.getsockname():
                    client.close()
                    return
                self._seen.append(self._converse(client))

    def _converse(self, client: socket.socket) -> Seen:
        line = Line(client, password=self.password, patience_s=self._patience_s)
        end = "it was answered"
        try:
            self.speak(line)
        except (
            OSError,
            DbkitError,
            ValueError,
            IndexError,
        ) as error:  # whatever a client sends must not stop the impostor
            end = _end(error)
        finally:
            line.close()
        return line.seen(end)


def _end(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"the client broke the handshake off: {(error.reason or 'no reason').replace('_', ' ').lower()}"
    if isinstance(error, TimeoutError):
        return "the client said nothing more"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "the client hung up"
    return str(error) or type(error).__name__


def _spellings(password: str) -> tuple[bytes, ...]:
    """List how a password may stand in what arrives."""
    plain = password.encode("utf-8")
    # base64 is searched for without its end, which depends on what follows
    return (plain, plain.hex().encode(), base64.b64encode(plain)[: len(plain) // 3 * 4], password.encode("utf-16-le"))
