"""One service while revisions run on it: what it tells, when it stops, and how it words a failure."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from dbkit.backends import backend_of
from dbkit.config.redact import redact
from dbkit.errors import DbkitError, InterruptedRunError, LeaseLostError, RevisionFailedError
from dbkit.migrations.env import Environment
from dbkit.migrations.funnel import Funnel, Send
from dbkit.migrations.results import AppliedRevision, Event, ServiceResult

if TYPE_CHECKING:
    from dbkit.migrations.worker import Link

__all__ = ["Session", "failed_at", "worded"]


@dataclass(kw_only=True)
class Session:
    """One service, its locked connection and its funnel, while revisions run on it."""

    environment: Environment
    connection: sa.Connection
    funnel: Funnel
    link: Link
    result: ServiceResult
    total: int = 0
    applied: list[AppliedRevision] = field(default_factory=list)
    step: Any = None
    """The step that is under way, until it has been committed."""

    def tell(self, event: str, **facts: Any) -> None:  # noqa: ANN401 - the fields of Event
        """Send an event of this service."""
        self.link.tell(
            Event(event=event, service=self.result.service, total=self.total, done=len(self.applied), **facts)
        )

    def follow(self, steps: list[Any]) -> Iterator[Any]:
        """Give Alembic its steps one by one; what comes back after each is that it has been committed."""
        self.total = len(steps)
        for step in steps:
            if self.link.stop.is_set():
                raise self.link.stopped(f"before revision {_name(step)!r}")
            began, self.step = time.monotonic(), step
            step.migration_fn = self._watched(step)
            self.tell("revision", revision=_name(step), detail=_script(step).doc)
            yield step
            self.step = None
            self.applied.append(
                AppliedRevision(
                    revision=_name(step),
                    description=_script(step).doc,
                    statements=self.funnel.count,
                    seconds=time.monotonic() - began,
                )
            )
            self.tell("applied", revision=_name(step))

    def _watched(self, step: Any) -> Callable[..., None]:  # noqa: ANN401 - Alembic's step
        function = step.migration_fn

        def watched(**arguments: Any) -> None:  # noqa: ANN401 - Alembic's
            self.funnel.start()
            try:
                function(**arguments)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a revision may raise anything
                failure = self.failure(step, error)
            else:
                self.funnel.stop()
                return
            raise failure

        return watched

    def progress(self, _statement: str, send: Send) -> None:
        """Count the statements, and stop between two of them where nothing is left half-done by that."""
        leaves_nothing = self.funnel.transactional_ddl and not self.funnel.committed
        if leaves_nothing and self.link.stop.is_set() and not self.link.lost.is_set():
            raise self.link.stopped("between two statements")
        self.tell("statement", statement=self.funnel.count + 1)
        send()

    def failure(self, step: Any, error: Exception | SystemExit) -> DbkitError:  # noqa: ANN401 - Alembic's step
        """Word what went wrong in a revision: where, at which statement, and what of it stays."""
        self.funnel.stop()
        if isinstance(error, InterruptedRunError):
            return error  # it stopped where nothing is left half-done
        message = worded(self.connection, error)
        file = _script(step).path
        committed = tuple(redact(" ".join(sql.split())) for sql in self.funnel.sent[: self.funnel.committed])
        stays = f"; {len(committed)} of its statements are committed" if committed else "; nothing of it stays"
        sql = self.funnel.current or getattr(error, "statement", None)
        return RevisionFailedError(
            redact(f"revision {_name(step)!r} failed: {message}{stays}"),
            hint=error.hint if isinstance(error, LeaseLostError) else _way_out(committed),
            revision=_name(step),
            file=str(file),
            line=_line(error, file),
            sql=redact(" ".join(sql.split())) if sql else None,
            committed=committed,
        )


def _name(step: Any) -> str:  # noqa: ANN401 - Alembic's step
    return str(_script(step).revision)


def _script(step: Any) -> Any:  # noqa: ANN401 - Alembic's script; a stamp has none
    return getattr(step, "revision", None) or _Stamped(step)


class _Stamped:
    """Stands where a stamp, which runs no file, would have a script."""

    path = ""

    def __init__(self, step: Any) -> None:  # noqa: ANN401 - Alembic's step
        self.revision = ", ".join(step.to_) or "base"
        self.doc = "stamp"


def worded(connection: sa.Connection, error: BaseException) -> str:
    """Word any error in one line: a driver's as its backend does, another by its class and text."""
    if isinstance(error, DbkitError):
        return error.message
    if isinstance(error, sa.exc.DBAPIError):
        return backend_of(connection.dialect).errors.message(error)
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _way_out(committed: tuple[str, ...]) -> str:
    if committed:
        return (
            "undo the committed statements, or finish the revision by hand and dbkit stamp it; then run dbkit migrate"
        )
    return "mend the revision (or the data) and run dbkit migrate again"


def _line(error: BaseException, file: str) -> int | None:
    """Find the line of the revision file at which an error arose."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return lines[-1] if lines else getattr(error, "lineno", None)


def failed_at(error: BaseException, folder: Path) -> tuple[str, int | None]:
    """Find the last line of a file below the folder that an error passed through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(str(folder))]
    return (frames[-1].filename, frames[-1].lineno) if frames else (str(folder), None)
