"""The impostor for SQL Server's protocol, TDS: https://learn.microsoft.com/openspecs/windows_protocols/ms-tds."""

from __future__ import annotations

import socket
import ssl
import struct
from typing import ClassVar, Final

from dbkit.testing.impostor import MOST_BYTES, Impostor, Line, Pipe

PRELOGIN: Final = 0x12
LOGIN7: Final = 0x10
ANSWER: Final = 0x04
ALPN: Final = "tds/8.0"
_HEADER: Final = struct.Struct(">BBHHBB")
_END_OF_MESSAGE: Final = 1
# A client with `Encrypt=strict` begins with TLS itself, and so with the record of a handshake.
_HANDSHAKE_RECORD: Final = b"\x16"
_REQUIRED: Final = 3
NOT_SUPPORTED: Final = 2
_LOGIN_FAILED: Final = 18456


class TdsImpostor(Impostor):
    """Answers the question for TLS, takes the log-in, whose password anybody can read, and refuses it."""

    wire: ClassVar[str] = "tds"

    def speak(self, line: Line) -> None:
        """Offer TLS or not, around the protocol or within it as the client begins, and take what it logs in with."""
        around = line.peek() == _HANDSHAKE_RECORD
        if around:
            if self.certificate is None:
                raise ConnectionError("the client insists on TLS, which was not offered")
            line.start_tls(self.certificate, shake_hands=_around)
        read_message(line)
        line.send(packet(ANSWER, prelogin(NOT_SUPPORTED if self.certificate is None else _REQUIRED)))
        if self.certificate is not None and not around:
            line.start_tls(self.certificate, shake_hands=_Within)
        kind, login = read_message(line)
        if kind != LOGIN7:
            raise ConnectionError(f"the client sent a packet of type {kind}, and no log-in")
        line.handed(login + readable(login))
        self.answer(line, login)

    def answer(self, line: Line, login: bytes) -> None:
        """Answer a log-in: refuse it."""
        del login
        line.send(packet(ANSWER, refusal(_LOGIN_FAILED, "Login failed.")))


def packet(kind: int, data: bytes) -> bytes:
    """Word a message of one packet."""
    return _HEADER.pack(kind, _END_OF_MESSAGE, _HEADER.size + len(data), 0, 1, 0) + data


def read_message(line: Line) -> tuple[int, bytes]:
    """Read the packets of one message; gives its type and its data."""
    found = b""
    while True:
        kind, status, size, *_ = _HEADER.unpack(line.exactly(_HEADER.size))
        found += line.exactly(size - _HEADER.size)
        if status & _END_OF_MESSAGE or len(found) > MOST_BYTES:
            return kind, found


def readable(login: bytes) -> bytes:
    """Undo what LOGIN7 does to a password: the halves of each byte are swapped, and it is combined with 0xA5."""
    return bytes((byte ^ 0xA5) >> 4 | ((byte ^ 0xA5) & 0x0F) << 4 for byte in login)


def prelogin(encryption: int) -> bytes:
    """Word the answer to PRELOGIN: version 16.0.4096, and what is said of encryption."""
    options = struct.pack(">BHH", 0, 11, 6) + struct.pack(">BHH", 1, 17, 1) + b"\xff"
    return options + bytes([16, 0, 0x10, 0, 0, 0, encryption])


def refusal(number: int, text: str) -> bytes:
    """Word an error, and that nothing follows it."""
    body = struct.pack("<iBBH", number, 1, 14, len(text)) + text.encode("utf-16-le") + struct.pack("<BBi", 0, 0, 1)
    return b"\xaa" + struct.pack("<H", len(body)) + body + b"\xfd" + struct.pack("<HHQ", 2, 0, 0)


def _around(context: ssl.SSLContext, sock: socket.socket) -> Pipe:
    """Shake hands before the first byte of the protocol, as TDS 8 does."""
    context.set_alpn_protocols([ALPN])
    return context.wrap_socket(sock, server_side=True)


class _Within:
    """TLS whose handshake travels within packets of the protocol, and what follows without them, as up to TDS 7.4."""

    def __init__(self, context: ssl.SSLContext, sock: socket.socket) -> None:
        # 1.3 sends tickets after the handshake, for which the protocol has no envelope: Microsoft's driver hangs
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        self._sock = sock
        self._came, self._goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._came, self._goes, server_side=True)
        while not self._shaken():
            header = self._exactly(_HEADER.size)
            self._came.write(self._exactly(_HEADER.unpack(header)[2] - _HEADER.size))

    def settimeout(self, value: float | None, /) -> None:
        """Bound what follows, in seconds."""
        self._sock.settimeout(value)

    def sendall(self, data: bytes, /) -> None:
        """Send bytes, enciphered."""
        self._tls.write(data)
        self._sock.sendall(self._goes.read())

    def recv(self, size: int, /) -> bytes:
        """Read at most so many bytes, deciphered; none where the other side hung up."""
        while True:
            try:
                return self._tls.read(size)
            except ssl.SSLWantReadError:
                data = self._sock.recv(8192)
            if not data:
                return b""
            self._came.write(data)

    def close(self) -> None:
        """Hang up."""
        self._sock.close()

    def _shaken(self) -> bool:
        """Go a step further in the handshake, and send what it gives, an alert too."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            if data := self._goes.read():
                self._sock.sendall(packet(PRELOGIN, data))
        return True

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._sock.recv(size - len(data))
            if not part:
                raise ConnectionError("the client hung up in the handshake")
            data += part
        return data
