"""One service while revisions run on it: what it tells, when it stops, and how it words a failure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dbkit.errors import DbkitError, InterruptedRunError, IrreversibleError
from dbkit.migrations.env import Environment
from dbkit.migrations.failures import revision_failed
from dbkit.migrations.funnel import Funnel, Send
from dbkit.migrations.hooks import HookCall, Hooks
from dbkit.migrations.own.lending import apart
from dbkit.migrations.own.nesting import kept_proxies
from dbkit.migrations.results import AppliedRevision, Event, ServiceResult

if TYPE_CHECKING:
    import sqlalchemy as sa

    from dbkit.migrations.worker import Link

__all__ = ["Session"]


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
    hooks: Hooks | None = None
    """What is run around the revisions; None where an operation runs none."""

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
            # a revision that has committed by itself leaves its version row in a transaction which is nobody's
            self.connection.commit()
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
            self.run_hooks("after_revision", revision=_name(step), revisions=(_name(step),))

    def run_hooks(self, hook: str, *, revision: str | None, revisions: tuple[str, ...]) -> None:
        """Run the hooks of a name.

        Raises:
            HookError: one of them failed.
        """
        if self.hooks is None or not self.hooks.runs.get(hook):
            return
        self.tell("hook", detail=hook, revision=revision)
        place = {name: getattr(self.result, name) for name in ("backend", "host", "database", "schema", "fallback")}
        call = HookCall(hook=hook, service=self.result.service, revision=revision, revisions=revisions, **place)
        with apart():
            self.hooks.run(call)

    def _watched(self, step: Any) -> Callable[..., None]:  # noqa: ANN401 - Alembic's step
        function = step.migration_fn

        def watched(**arguments: Any) -> None:  # noqa: ANN401 - Alembic's
            self.funnel.start()
            try:
                with kept_proxies():
                    function(**arguments)
            except BaseException as error:  # noqa: BLE001 - a revision may raise anything; no Ctrl-C comes here: see the worker
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

    def failure(self, step: Any, error: BaseException) -> DbkitError:  # noqa: ANN401 - Alembic's step
        """Word what went wrong in a revision: where, at which statement, and what of it stays."""
        self.funnel.stop()
        if isinstance(error, InterruptedRunError):
            return error  # it stopped where nothing is left half-done
        if isinstance(error, IrreversibleError) and not self.funnel.count:
            return IrreversibleError(f"revision {_name(step)!r} cannot be undone: {error.message}", hint=error.hint)
        script = _script(step)
        return revision_failed(error, self.connection, self.funnel, revision=_name(step), file=str(script.path))


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
