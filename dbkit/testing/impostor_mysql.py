"""The impostor for the protocol of the MySQL family."""

from __future__ import annotations

import hashlib
import struct
from typing import ClassVar, Final

from dbkit.backends.opening import CLIENT_SSL
from dbkit.testing.impostor import Impostor, Line

# https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html
_SALT: Final = b"fixed-salt-of-a-test"  # 20 bytes; every conversation may have the same, since nobody logs in
_SSL_REQUEST_BYTES: Final = 32
_CAPABILITIES: Final = 0x000F_FFFF  # of those that servers have: protocol 4.1, databases, plugins, attributes
_UTF8MB4: Final = 45
_CLEAR_PLUGIN: Final = b"mysql_clear_password"


class MysqlImpostor(Impostor):
    """Greets as TiDB does, which MySQL's and MariaDB's clients take as well."""

    wire: ClassVar[str] = "mysql"

    def speak(self, line: Line) -> None:
        """Greet, offer TLS or not, take the log-in, ask for the password in clear text where that is asked for, and refuse."""
        line.send(_packet(0, self._greeting()))
        number, body = _read(line)
        if len(body) == _SSL_REQUEST_BYTES:
            if self.certificate is None:
                raise ConnectionError("the client insists on TLS, which was not offered")
            line.start_tls(self.certificate)
            number, body = _read(line)
        line.handed(body, hashes=_hashes(self.password))
        if self.asks_clear:
            line.send(_packet(number + 1, b"\xfe" + _CLEAR_PLUGIN + b"\0"))
            number, body = _read(line)
            line.handed(body)
        refusal = b"\xff" + struct.pack("<H", 1045) + b"#28000Access denied"
        line.send(_packet(number + 1, refusal))

    def _greeting(self) -> bytes:
        offered = _CAPABILITIES if self.certificate is not None else _CAPABILITIES & ~CLIENT_SSL
        body = b"\x0a8.0.11-TiDB-v8.5.3\0" + struct.pack("<I", 1) + _SALT[:8] + b"\0"
        body += struct.pack("<HBHH", offered & 0xFFFF, _UTF8MB4, 2, offered >> 16)
        return body + bytes([len(_SALT) + 1]) + b"\0" * 10 + _SALT[8:] + b"\0mysql_native_password\0"


def _read(line: Line) -> tuple[int, bytes]:
    header = line.exactly(4)
    return header[3], line.exactly(int.from_bytes(header[:3], "little"))


def _packet(number: int, body: bytes) -> bytes:
    return struct.pack("<I", len(body))[:3] + bytes([number & 0xFF]) + body


def _hashes(password: str) -> tuple[bytes, ...]:
    """Compute the answers that the two usual plugins would give."""
    answers = []
    for text in {password.encode("utf-8"), password.encode("latin-1", "replace")}:
        # mysql_native_password: SHA1(password) XOR SHA1(salt + SHA1(SHA1(password)))
        once = hashlib.sha1(text, usedforsecurity=False).digest()
        twice = hashlib.sha1(once, usedforsecurity=False).digest()
        answers.append(_xor(once, hashlib.sha1(_SALT + twice, usedforsecurity=False).digest()))
        # caching_sha2_password: SHA256(password) XOR SHA256(SHA256(SHA256(password)) + salt)
        once = hashlib.sha256(text).digest()
        answers.append(_xor(once, hashlib.sha256(hashlib.sha256(once).digest() + _SALT).digest()))
    return tuple(answers)


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
