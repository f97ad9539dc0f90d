"""What keeps a file whole: foreign keys proved before COMMIT, and what a dead writer has left taken back.

Foreign keys are off while revisions run, so that a rebuilt table does not take its children along.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import cast
from urllib.parse import quote

import sqlalchemy as sa

from dbkit.errors import UncommittableError

Broken = Counter[tuple[str, str]]
"""How many rows of a table refer to a row of another that is not there."""


def prove_foreign_keys(engine: sa.Engine) -> None:
    """Have every COMMIT of this engine refused that would leave more broken references than there were."""
    sa.event.listen(engine, "commit", _prove)


def _prove(connection: sa.Connection) -> None:
    driver = cast("sqlite3.Connection", connection.connection.dbapi_connection)
    broken = _broken(driver)
    if not broken:
        return
    # A second connection still sees what was committed before: rows that were broken then are not this revision's doing.
    with closing(sqlite3.connect(str(connection.engine.url.database))) as other:
        new = broken - _broken(other)
    if new:
        rows = "; ".join(
            f"{count} of {table!r} without their {parent!r}" for (table, parent), count in sorted(new.items())
        )
        raise UncommittableError(
            f"rows would refer to rows that are not there: {rows}", hint="delete or mend these rows in the revision"
        )


def _broken(driver: sqlite3.Connection) -> Broken:
    """Count broken references, table by table: one whose parent has no unique key cannot be checked, and was not before."""
    found: Broken = Counter()
    for (table,) in driver.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        try:
            # https://www.sqlite.org/pragma.html#pragma_foreign_key_check
            rows = driver.execute("SELECT * FROM pragma_foreign_key_check(?)", (table,)).fetchall()
        except sqlite3.OperationalError as error:
            if "foreign key mismatch" not in str(error):
                raise UncommittableError(f"foreign keys of {table!r} cannot be checked: {error}") from None
            continue
        found.update((row[0], row[2]) for row in rows)
    return found


def take_back(path: str) -> None:
    """Have SQLite take back what a writer that died has left half-done; a file that cannot be written stays as it is."""
    if not Path(f"{path}-journal").exists():
        return
    # https://www.sqlite.org/lockingv3.html#hot_journals: the first who reads and may write does it
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{quote(path)}?mode=rw", uri=True)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
