"""The impostor for the protocol of PostgreSQL."""

from __future__ import annotations

import hashlib
import struct
from typing import ClassVar, Final

from dbkit.backends.opening import SSL_REQUEST
from dbkit.testing.impostor import Impostor, Line

# https://www.postgresql.org/docs/current/protocol-message-formats.html
_GSS_REQUEST: Final = 80877104
_AUTHENTICATION_CLEAR: Final = 3
_AUTHENTICATION_MD5: Final = 5
_SALT: Final = b"salt"
# A client that begins with TLS itself (libpq 17: sslnegotiation=direct) sends the record of a handshake.
_HANDSHAKE_RECORD: Final = b"\x16"


class PostgresqlImpostor(Impostor):
    """Asks for an MD5 answer, which every client gives unless it is told not to; or for the password in clear text."""

    wire: ClassVar[str] = "postgresql"

    def speak(self, line: Line) -> None:
        """Offer TLS or not, take the start-up packet, ask for the password, and refuse."""
        startup = self._startup(line)
        line.handed(startup)
        if self.asks_clear:
            line.send(b"R" + struct.pack("!II", 8, _AUTHENTICATION_CLEAR))
        else:
            line.send(b"R" + struct.pack("!II", 12, _AUTHENTICATION_MD5) + _SALT)
        header = line.exactly(5)
        line.handed(header + line.exactly(_size(header[1:]) - 4), hashes=_hashes(self.password, _user(startup)))
        refusal = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0"
        line.send(b"E" + struct.pack("!I", len(refusal) + 4) + refusal)

    def _startup(self, line: Line) -> bytes:
        """Read on to the start-up packet, over TLS where the client asks for it and it is offered."""
        if line.peek() == _HANDSHAKE_RECORD:
            self._start_tls(line)
        while True:
            header = line.exactly(8)
            code = _size(header[4:])
            if code == SSL_REQUEST and self.certificate is not None:
                line.send(b"S")
                self._start_tls(line)
            elif code in {SSL_REQUEST, _GSS_REQUEST}:
                line.send(b"N")
            else:
                return line.exactly(_size(header[:4]) - 8)

    def _start_tls(self, line: Line) -> None:
        if self.certificate is None:
            raise ConnectionError("the client insists on TLS, which was not offered")
        line.start_tls(self.certificate)


def _size(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _user(startup: bytes) -> bytes:
    """Find the user in the start-up packet: names and values in turn, each ended by a zero byte."""
    words = startup.split(b"\0")
    return dict(zip(words[::2], words[1::2], strict=False)).get(b"user", b"")


def _hashes(password: str, user: bytes) -> tuple[bytes, ...]:
    """Compute the answer to the MD5 question: md5(md5(password + user) + salt), in hexadecimal."""
    inner = hashlib.md5(password.encode("utf-8") + user, usedforsecurity=False).hexdigest().encode()
    return (hashlib.md5(inner + _SALT, usedforsecurity=False).hexdigest().encode(),)
