"""The migration lock on SQLite: the operating system's lock on a file beside the database; it dies with the process."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from dbkit.backends.polling import HeldLock, Poll, locked
from dbkit.backends.protocol import Locker

if TYPE_CHECKING:
    import sqlalchemy as sa

# The first byte is the one that is locked; who holds it is written behind it, for others to read.
LOCKED_BYTES = 1


@dataclass(frozen=True, kw_only=True)
class SqliteLocker:
    """Locks `<database>.dbkit-lock`; a database in memory is nobody else's and needs none."""

    poll: Poll = field(default_factory=Poll)

    @contextmanager
    def lock(self, connection: sa.Connection, *, patience_s: float, on_wait: Callable[[], None]) -> Iterator[HeldLock]:
        """Take the lock of the connection's file."""
        database = connection.engine.url.database
        if not database or database == ":memory:":
            yield HeldLock()
            return
        # Not removed at the end: a waiter may have it open, and would then hold the lock of a file that is gone.
        path = Path(f"{database}.dbkit-lock")
        with path.open("a+b") as file:
            if not self.poll.until(lambda: _try(file), patience_s=patience_s, on_wait=on_wait):
                raise locked(database, _holder(path), patience_s)
            file.truncate(0)
            file.write(f"\0process {os.getpid()} on {socket.gethostname()}".encode())
            file.flush()
            yield HeldLock()


def _holder(path: Path) -> str | None:
    return path.read_bytes()[LOCKED_BYTES:].decode(errors="replace") or None


if sys.platform == "win32":
    import msvcrt

    def _try(file: BinaryIO) -> bool:
        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, LOCKED_BYTES)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try(file: BinaryIO) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


LOCKER: Locker = SqliteLocker()
