"""Writing sample rows: which are missing, whether they can be written, in which order, and all of them or none."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from dbkit.backends import backend_of
from dbkit.backends.protocol import Fault
from dbkit.config.redact import redact
from dbkit.errors import DbkitError, LockedError, SeedError, UnreachableError
from dbkit.migrations.failures import failed_at, want_of_right
from dbkit.migrations.seeding.samples import Columns, Reference, Row

__all__ = ["Sower", "generations", "pause_briefly"]

# SQL Server takes 2100 parameters in one statement, older builds of SQLite 999.
LARGEST_QUESTION = 400
ATTEMPTS = 5
LONGEST_PAUSE_S = 0.4

Key = tuple[object, ...]

_GONE = frozenset({Fault.UNREACHABLE, Fault.TURNED_AWAY, Fault.CONNECTION_LOST})
_BUSY = frozenset({Fault.LOCK_TIMEOUT, Fault.CONFLICT})


@dataclass(frozen=True, kw_only=True)
class Sower:
    """Writes sample rows over one connection."""

    connection: sa.Connection
    """With the rights of the service, and without an open transaction."""
    root: Path
    """The project's folder, to name the line of it that an error came from."""
    tell: Callable[[int, int], None]
    """Hears how many rows of how many are written; may raise to give up."""
    pause: Callable[[], None]
    """Waits a moment, before another attempt."""

    def missing(self, rows: Sequence[Row]) -> list[Row]:
        """Find the rows that are not there, and prove what can be proved before anything is written.

        Raises:
            SeedError: a value is refused, or a row refers to one that is neither among these nor in the database.
        """
        _refuse_values(rows, self.connection.dialect)
        found = _missing(self.connection, rows)
        _refuse_orphans(self.connection, found)
        return found

    def put(self, rows: Sequence[Row]) -> int:
        """Write the rows that are not there, in one transaction, and give their number; what is there stays as it is.

        Raises:
            SeedError: they cannot be written; nothing of them is.
            LockedError: somebody else stood in the way for too long, or again and again.
            UnreachableError: the connection was lost.
        """
        before: list[Row] | None = None
        for _ in range(ATTEMPTS):
            missing = self.missing(rows)
            try:
                self._write(generations(missing))
            except _Refused as found:
                refused = found
            else:
                return len(missing)
            fault = refused.fault(self.connection)
            # another run may have written them meanwhile; where the same ones are missing still, it was not that
            if fault is not Fault.CONFLICT and not (fault is Fault.DUPLICATE and missing != before):
                break
            before = missing
            self.pause()
        raise refused.worded(self.connection)

    def _write(self, found: Sequence[Sequence[Row]]) -> None:
        """Write all rows in one transaction."""
        total, done = sum(map(len, found)), 0
        with (
            self._told("the sample rows"),
            Session(self.connection, autoflush=False, expire_on_commit=False) as session,
            session.begin(),
        ):
            for table, rows in (part for generation in found for part in _by_table(generation)):
                self.tell(done, total)
                with self._told(f"rows of table {table!r}"):
                    _write_some(session, rows)
                done += len(rows)
            self.tell(done, total)

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Say of which rows an error is; the models may have functions of their own, which raise anything."""
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise _Refused(what, error) from None
        except (DbkitError, _Refused):
            raise
        except Exception as error:
            file, line = failed_at(error, self.root)
            where = f" at {file}:{line}" if line else ""
            said = " ".join(str(error).split())
            raise SeedError(
                redact(f"{what} cannot be written: {type(error).__name__}{where}: {said}"),
                hint="mend the models or the seed; nothing was written",
            ) from error


def pause_briefly() -> None:
    """Wait for a moment of random length, so that two runs do not meet again."""
    time.sleep(random.uniform(0, LONGEST_PAUSE_S))  # noqa: S311 - nothing secret hangs on it


def _refuse_values(rows: Iterable[Row], dialect: sa.Dialect) -> None:
    """Refuse values that the columns' types do not take."""
    processors: dict[sa.Column[Any], Callable[[Any], Any] | None] = {}
    for row in rows:
        for column, value in row.values.items():
            if column not in processors:
                processors[column] = column.type.dialect_impl(dialect).bind_processor(dialect)
            process = processors[column]
            if process is None or value is None or isinstance(value, sa.ClauseElement):
                continue
            try:
                process(value)
            except Exception as error:
                said = error.message if isinstance(error, DbkitError) else f"{type(error).__name__}: {error}"
                raise SeedError(
                    redact(f"{row}: column {column.name!r}: {said}"), hint="mend the seed; nothing was written"
                ) from error


def _missing(connection: sa.Connection, rows: Iterable[Row]) -> list[Row]:
    """Find the rows whose keys are not there."""
    keys: dict[Columns, set[Key]] = {}
    for row in rows:
        keys.setdefault(row.key_columns, set()).add(row.key)
    there = {columns: _found(connection, columns, found) for columns, found in keys.items()}
    return [row for row in rows if row.key not in there[row.key_columns]]


def _refuse_orphans(connection: sa.Connection, missing: Iterable[Row]) -> None:
    """Refuse rows that refer to what is neither among them nor in the database."""
    wanted: dict[Columns, set[Key]] = {}
    orphans: list[tuple[Row, Reference]] = []
    parents = _Parents(missing)
    for row in missing:
        for reference in row.references:
            if parents.of(reference) is None:
                wanted.setdefault(reference.columns, set()).add(reference.values)
                orphans.append((row, reference))
    there = {columns: _found(connection, columns, values) for columns, values in wanted.items()}
    orphans = [(row, reference) for row, reference in orphans if reference.values not in there[reference.columns]]
    if orphans:
        row, reference = orphans[0]
        more = f" ({len(orphans) - 1} more such)" if len(orphans) > 1 else ""
        raise SeedError(
            f"{row}: {reference} is neither in the seed nor in the database{more}",
            hint="add it to the seed, or mend the reference; nothing was written",
        )


class _Parents:
    """Finds the row that a reference means, among those that are to be written."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = list(rows)
        self._known: dict[Columns, dict[Key, Row]] = {}

    def of(self, reference: Reference) -> Row | None:
        columns = reference.columns
        if columns not in self._known:
            table = columns[0].table
            self._known[columns] = {
                tuple(row.values.get(column) for column in columns): row
                for row in self._rows
                if any(table is one for one in row.tables)
            }
        return self._known[columns].get(reference.values)


def generations(rows: Sequence[Row]) -> list[list[Row]]:
    """Order rows so that each refers to rows of earlier generations alone.

    Raises:
        SeedError: some refer to each other in a circle.
    """
    parents = _Parents(rows)
    waiting = {row: {parents.of(one) for one in row.references} - {None} for row in rows}
    found: list[list[Row]] = []
    done: set[Row | None] = set()
    while waiting:
        ready = [row for row, needed in waiting.items() if needed <= done]
        if not ready:
            row = next(iter(waiting))
            raise SeedError(
                f"{row}: this row and {len(waiting) - 1} more refer to each other in a circle",
                hint="leave one of the references empty; nothing was written",
            )
        done.update(ready)
        for row in ready:
            del waiting[row]
        found.append(ready)
    return found


def _found(connection: sa.Connection, columns: Columns, keys: Iterable[Key]) -> set[Key]:
    """Look which of these values are in the columns, many at a time."""
    wanted = list(keys)
    found: set[Key] = set()
    size = max(1, LARGEST_QUESTION // len(columns))
    for start in range(0, len(wanted), size):
        part = wanted[start : start + size]
        question = sa.select(*columns).where(_among(columns, part))
        found.update(tuple(row) for row in connection.execute(question))
    connection.rollback()
    return found


def _among(columns: Columns, keys: Sequence[Key]) -> sa.ColumnElement[bool]:
    """Word "one of these" without comparing rows, which SQL Server does not know."""
    if len(columns) == 1:
        return columns[0].in_([key[0] for key in keys])
    return sa.or_(*(sa.and_(*(column == value for column, value in zip(columns, key, strict=True))) for key in keys))


def _by_table(rows: Iterable[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Put rows of one table together."""
    tables: dict[str, list[Row]] = {}
    for row in rows:
        tables.setdefault(row.table, []).append(row)
    yield from tables.items()


def _write_some(session: Session, rows: Sequence[Row]) -> None:
    """Write rows that do not refer to each other."""
    session.add_all([row.instance for row in rows if row.instance is not None])
    session.flush()
    for row in rows:
        if row.instance is None:
            session.execute(sa.insert(row.tables[0]).values(dict(row.values)))
        else:
            _keep_version(session, row)


def _keep_version(session: Session, row: Row) -> None:
    """Write the version that the seed has set: whatever that is, SQLAlchemy inserts the first one."""
    state: Any = sa.inspect(row.instance)
    column: Any = state.mapper.version_id_col
    wanted = None if column is None else row.values.get(column)
    if wanted is None or isinstance(wanted, sa.ClauseElement):
        return
    if wanted == state.dict.get(state.mapper.get_property_by_column(column).key):
        return
    table, connection = column.table, session.connection()
    # else these would say that it was changed just now
    kept = {one: one for one in table.columns if one.onupdate is not None or one.server_onupdate is not None}
    which = sa.and_(*(key == row.values[key] for key in table.primary_key.columns))
    connection.execute(sa.update(table).where(which).values({**kept, column: wanted}))


class _Refused(Exception):
    """A database has refused rows."""

    def __init__(self, what: str, error: sa.exc.DBAPIError) -> None:
        super().__init__(what)
        self.what = what
        self.error = error

    def fault(self, connection: sa.Connection) -> Fault:
        if self.error.connection_invalidated:
            return Fault.CONNECTION_LOST
        return backend_of(connection.dialect).errors.fault(self.error)

    def worded(self, connection: sa.Connection) -> DbkitError:
        """Say what the database said, and what to do."""
        backend, fault = backend_of(connection.dialect), self.fault(connection)
        said = redact(f"{self.what} cannot be written: {backend.errors.message(self.error)}")
        if fault in _GONE:
            return UnreachableError(said, hint="run the command again: all of them are written, or none")
        if fault in _BUSY:
            return LockedError(said, hint="run the command again when nobody else is writing there")
        return SeedError(said, hint=f"{_way_out(fault, want_of_right(backend))}; nothing was written")


def _way_out(fault: Fault, right: str) -> str:
    if fault is Fault.DUPLICATE:
        return "change the sample row, or the other one that has the same"
    if fault in {Fault.NOT_ALLOWED, Fault.READ_ONLY}:
        return right
    if fault is Fault.STORAGE_FULL:
        return "free some space, and run the command again"
    if fault is Fault.REFERENCE:
        return "a row that one of them refers to has just gone: run the command again"
    return "mend the seed, or the database"
