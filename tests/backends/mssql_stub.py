"""A stub of SQL Server: enough of TDS for Microsoft's driver to log in, run statements and read one column of text.

It stands where no SQL Server does: what arrives at it was really said by SQLAlchemy, pyodbc, unixODBC and the driver.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, ClassVar

from dbkit.testing.impostor import Line
from dbkit.testing.tds import ANSWER, TdsImpostor, packet, read_message, readable, refusal

BATCH, ATTENTION, TRANSACTION = 0x01, 0x06, 0x0E
FIELDS = ("host", "user", "password", "app", "server", "extension", "library", "language", "database")
# Windows collation 1033, as every column of text must name one
COLLATION = bytes([0x09, 0x04, 0xD0, 0x00, 0x34])
DONE = b"\xfd" + struct.pack("<HHQ", 0, 0, 0)
ATTENDED = b"\xfd" + struct.pack("<HHQ", 0x20, 0, 0)


def login_fields(login: bytes) -> dict[str, str]:
    """Read LOGIN7: offsets and lengths of its texts stand behind 36 fixed bytes."""
    found = {}
    for number, name in enumerate(FIELDS):
        offset, length = struct.unpack_from("<HH", login, 36 + 4 * number)
        data = login[offset : offset + 2 * length]
        if name != "extension":
            found[name] = (readable(data) if name == "password" else data).decode("utf-16-le")
    return found


class LoginStub(TdsImpostor):
    """Notes what clients log in with, and refuses them with the error that it was given."""

    number, text = 18456, "Login failed for user 'u'."

    def __init__(self, **kw: Any) -> None:
        self.logins: list[dict[str, str]] = []
        super().__init__(**kw)

    def answer(self, line: Line, login: bytes) -> None:
        self.logins.append(login_fields(login))
        line.send(packet(ANSWER, refusal(self.number, self.text)))


class ServerStub(LoginStub):
    """Lets everybody in, notes the statements, and answers those that it knows with one row of one text."""

    answers: ClassVar[Mapping[str, str]] = {}
    """Answers by a part of the statement."""
    refuses: tuple[str, ...] = ()
    """Parts of statements that are refused."""

    def __init__(self, **kw: Any) -> None:
        self.statements: list[str] = []
        super().__init__(**{"patience_s": 10.0, **kw})

    def answer(self, line: Line, login: bytes) -> None:
        self.logins.append(login_fields(login))
        line.send(packet(ANSWER, _accepted()))
        while True:
            kind, data = read_message(line)
            line.send(packet(ANSWER, self._reply(kind, data)))

    def _reply(self, kind: int, data: bytes) -> bytes:
        if kind == TRANSACTION:
            return _transaction(struct.unpack_from("<H", data, struct.unpack_from("<I", data)[0])[0])
        if kind == ATTENTION:
            return ATTENDED
        if kind != BATCH:
            return DONE
        statement = data[struct.unpack_from("<I", data)[0] :].decode("utf-16-le")
        self.statements.append(statement)
        if any(part in statement for part in self.refuses):
            return refusal(300, "VIEW SERVER STATE permission was denied.")
        found = next((text for part, text in self.answers.items() if part in statement), None)
        return DONE if found is None else _row(found)


def _accepted() -> bytes:
    """Word what follows a log-in: database, collation, LOGINACK for T-SQL and TDS 7.4, the size of packets."""
    name = "Microsoft SQL Server"
    body = b"\x01" + bytes([0x74, 0, 0, 4]) + bytes([len(name)]) + name.encode("utf-16-le") + bytes([16, 0, 0x10, 0])
    collation = b"\x07" + bytes([len(COLLATION)]) + COLLATION + b"\x00"
    changes = (
        _text_change(1, "d", "master"),
        collation,
        _text_change(2, "us_english", ""),
        _text_change(4, "4096", "4096"),
    )
    words = b"".join(b"\xe3" + struct.pack("<H", len(change)) + change for change in changes)
    return words + b"\xad" + struct.pack("<H", len(body)) + body + DONE


def _transaction(request: int) -> bytes:
    """Word what follows BEGIN (5), COMMIT (7) and ROLLBACK (8): the transaction's number, which is new or old."""
    number = b"\x08" + struct.pack("<Q", 1)
    change = {5: b"\x08" + number + b"\x00", 7: b"\x09\x00" + number, 8: b"\x0a\x00" + number}[request]
    return b"\xe3" + struct.pack("<H", len(change)) + change + DONE


def _text_change(kind: int, new: str, old: str) -> bytes:
    return bytes([kind]) + b"".join(bytes([len(text)]) + text.encode("utf-16-le") for text in (new, old))


def _row(text: str) -> bytes:
    """Word one row with one column of NVARCHAR(4000)."""
    column = struct.pack("<IH", 0, 0x0009) + b"\xe7" + struct.pack("<H", 8000) + COLLATION + b"\x00"
    data = text.encode("utf-16-le")
    row = b"\xd1" + struct.pack("<H", len(data)) + data
    return b"\x81" + struct.pack("<H", 1) + column + row + b"\xfd" + struct.pack("<HHQ", 0x10, 0, 1)
