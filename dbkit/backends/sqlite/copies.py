"""Copies of SQLite's files."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlalchemy as sa

# What a writer leaves beside a file while it has it open, or when it was killed: https://www.sqlite.org/tempfiles.html
_UNFINISHED: Final = ("-wal", "-journal")


class SqliteCopies:
    """How a file is copied."""

    def copy_database(self, connection: sa.Connection | None, source: str, target: str) -> bool:
        """Copy the file; where not all is in it yet, by SQLite's own way, which takes ten times as long."""
        del connection
        if not any(Path(source + suffix).exists() for suffix in _UNFINISHED):
            shutil.copyfile(source, target)
            return True
        with closing(sqlite3.connect(source)) as there, closing(sqlite3.connect(target)) as made:
            there.backup(made)
        return True
