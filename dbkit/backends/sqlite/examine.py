"""What is to be seen on an SQLite file: where it lies, how it is written, and whether it is whole."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from dbkit.backends.observing import advice, fine, judge_version, problem
from dbkit.backends.protocol import Demand, Endpoint, Examiner, Observation
from dbkit.backends.sqlite.folders import judge_place

if TYPE_CHECKING:
    import sqlalchemy as sa

# RETURNING, by which SQLAlchemy inserts many rows at once: https://www.sqlite.org/releaselog/3_35_0.html; measured on 3.40.
OLDEST: Final = (3, 35)
# A large file takes minutes to be read through; what was not finished by then is said to be so.
PATIENCE_S: Final = 5.0
# Bytes 18 and 19 of a file are 2 where it is written ahead of itself: https://www.sqlite.org/fileformat.html
_VERSIONS_AT: Final = 18
_WAL: Final = 2
_STEPS: Final = 10_000


class SqliteExaminer:
    """Looks at the file and reads it through."""

    def reading(self, endpoint: Endpoint) -> Mapping[str, str]:
        """Open for reading alone; where nobody has the file open, without the two files that even a reader leaves beside it.

        Seen on 3.40: a reader of a file in WAL mode that may not write makes `-wal` and `-shm`, and cannot remove them.
        """
        in_use = any(os.path.lexists(f"{endpoint.database}{suffix}") for suffix in ("-wal", "-journal"))
        return {"mode": "ro"} if in_use else {"mode": "ro", "immutable": "1"}

    def examine(self, connection: sa.Connection, endpoint: Endpoint, demand: Demand) -> Iterator[Observation]:
        """Look at the file, its folder and what is in it."""
        del demand
        path = Path(endpoint.database or "")
        yield judge_version("SQLite", sqlite3.sqlite_version_info, OLDEST)
        yield from judge_place(path)
        yield judge_journal(path)
        yield _encoding(connection)
        yield _foreign_keys(connection)
        yield from observe_whole(connection, path)


def judge_journal(path: Path) -> Observation:
    """Read from the file's head how it is written."""
    with path.open("rb") as file:
        head = file.read(_VERSIONS_AT + 1)
    if head[_VERSIONS_AT:] == bytes([_WAL]):
        return fine(
            "file.journal", "the journal is written ahead (WAL): readers and a writer do not wait for each other"
        )
    return advice(
        "file.journal",
        "the journal is not written ahead (no WAL): a writer makes readers wait",
        "the next connection that may write changes it: run the service or dbkit migrate",
    )


def _encoding(connection: sa.Connection) -> Observation:
    found = str(connection.exec_driver_sql("PRAGMA encoding").scalar_one())
    if found == "UTF-8":
        return fine("database.charset", "the encoding is UTF-8; text is compared exactly")
    return advice("database.charset", f"the encoding is {found}", "copy into a new file: it cannot be changed")


def _foreign_keys(connection: sa.Connection) -> Observation:
    if connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one():
        return fine("session.foreign_keys", "foreign keys are enforced")
    hint = "use Python with an SQLite that was built with foreign keys"
    return problem("session.foreign_keys", "this SQLite does not enforce foreign keys", hint)


def observe_whole(
    connection: sa.Connection,
    path: Path,
    *,
    patience_s: float = PATIENCE_S,
    timer: Callable[[], float] = time.monotonic,
) -> Iterator[Observation]:
    """Read the file through, at most for some seconds: its pages, and whether rows refer to rows that are there."""
    driver = cast("sqlite3.Connection", connection.connection.dbapi_connection)
    end = timer() + patience_s
    driver.set_progress_handler(lambda: timer() > end, _STEPS)
    try:
        yield _pages(driver, path)
        yield _references(driver)
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            raise
        said = f"the file is large: it was not read to its end within {patience_s:g} s"
        yield advice("file.integrity", said, "run PRAGMA quick_check in the sqlite3 shell when there is time")
    finally:
        driver.set_progress_handler(None, 0)


def _pages(driver: sqlite3.Connection, path: Path) -> Observation:
    before = path.stat().st_mtime_ns
    try:
        found = str(driver.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        found = str(error)
    if found == "ok":
        return fine("file.integrity", "the file is whole (quick_check)")
    if path.stat().st_mtime_ns != before:
        return advice("file.integrity", "the file was written to while it was read", "run it again")
    return problem("file.integrity", f"the file is damaged: {' '.join(found.split())}", "restore it from a backup")


def _references(driver: sqlite3.Connection) -> Observation:
    # https://www.sqlite.org/pragma.html#pragma_foreign_key_check
    try:
        row = driver.execute('SELECT "table", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2').fetchone()
    except sqlite3.OperationalError as error:
        if "mismatch" not in str(error):
            raise
        return problem("file.references", f"rows cannot be written: {error}", "make what is referred to UNIQUE")
    if row is None:
        return fine("file.references", "every row refers to rows that are there")
    said = f"{row[2]} rows of {row[0]!r} refer to rows of {row[1]!r} that are not there"
    return problem("file.references", said, "they were written with foreign keys off: delete or mend them")


EXAMINER: Examiner = SqliteExaminer()
