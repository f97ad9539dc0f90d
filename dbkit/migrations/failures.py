"""How a failure is worded: where in a revision it arose, at which statement, and what of it is committed."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic.util import CommandError

from dbkit.backends import backend_of
from dbkit.backends.protocol import Backend, Fault
from dbkit.config.redact import redact
from dbkit.errors import DbkitError, LeaseLostError, RevisionFailedError, RevisionFileError
from dbkit.migrations.funnel import Funnel
from dbkit.revisions.layout import Layout

__all__ = ["failed_at", "in_one_line", "loading", "revision_failed", "want_of_right", "worded"]


def revision_failed(
    error: BaseException, connection: sa.Connection, funnel: Funnel, *, revision: str, file: str
) -> RevisionFailedError:
    """Word what went wrong in a revision, and what of it stays."""
    committed = tuple(_one_line(sql) for sql in funnel.sent[: funnel.committed])
    stays = _what_stays(len(committed), transactional=funnel.transactional_ddl)
    sql = funnel.current or getattr(error, "statement", None)
    return RevisionFailedError(
        redact(f"revision {revision!r} failed: {worded(connection, error)}{stays}"),
        hint=error.hint if isinstance(error, LeaseLostError) else _way_out(error, connection, committed),
        revision=revision,
        file=file,
        line=_line(error, file),
        sql=_one_line(sql) if sql else None,
        committed=committed,
    )


def in_one_line(error: DbkitError) -> str:
    """Word an error with all that belongs to it, for who shows one line."""
    parts = [error.message]
    if isinstance(error, RevisionFailedError):
        parts += [f"at {error.file}:{error.line}" if error.line else f"at {error.file}"]
        parts += [f"sql: {error.sql}"] if error.sql else []
    return "; ".join([*parts, f"hint: {error.hint}"] if error.hint else parts)


@contextmanager
def loading(layout: Layout) -> Iterator[None]:
    """Turn what a revision file raises while it is imported into an error that names file and line."""
    try:
        yield
    except (DbkitError, CommandError):
        raise
    except Exception as error:
        file, line = failed_at(error, *layout.folders)
        text = " ".join(str(error).split())
        raise RevisionFileError(
            redact(f"revision file {file}:{line} cannot be imported: {type(error).__name__}: {text}"),
            hint="mend the file",
        ) from error


def worded(connection: sa.Connection, error: BaseException) -> str:
    """Word any error in one line: a driver's as its backend does, another by its class and text."""
    if isinstance(error, DbkitError):
        return error.message
    if isinstance(error, sa.exc.DBAPIError):
        return backend_of(connection.dialect).errors.message(error)
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _what_stays(committed: int, *, transactional: bool) -> str:
    if committed:
        return (
            "; 1 of its statements is committed" if committed == 1 else f"; {committed} of its statements are committed"
        )
    # Without transactions around DDL an earlier run may have left something, which this one cannot know.
    return "; nothing of it stays" if transactional else "; nothing of this run stays"


def _way_out(error: BaseException, connection: sa.Connection, committed: tuple[str, ...]) -> str:
    if committed:
        return (
            "undo the committed statements, or finish the revision by hand and dbkit stamp it; then run dbkit migrate"
        )
    backend = backend_of(connection.dialect)
    fault = backend.errors.fault(error) if isinstance(error, sa.exc.DBAPIError) else Fault.OTHER
    if fault in {Fault.NOT_ALLOWED, Fault.READ_ONLY}:
        return f"{want_of_right(backend)}, and run it again"
    if fault is Fault.STORAGE_FULL:
        return "free some space, and run it again"
    return "mend the revision, the data, or what an earlier run has left, and run it again"


def want_of_right(backend: Backend) -> str:
    """Say what to do where the account may not do what a migration needs."""
    if backend.traits.file_based:
        return "check who may write the database's file"
    return "give the account that migrates the right for this (dbkit grants words all that it needs)"


def _one_line(sql: str) -> str:
    return redact(" ".join(sql.split()))


def _line(error: BaseException, file: str) -> int | None:
    """Find the line of the revision file at which an error arose."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return lines[-1] if lines else getattr(error, "lineno", None)


def failed_at(error: BaseException, *folders: Path) -> tuple[str, int | None]:
    """Find the last line of a file below the folders that an error passed through; else the first of them."""
    below = tuple(map(str, folders))
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(below)]
    return (frames[-1].filename, frames[-1].lineno) if frames else (below[0], None)
