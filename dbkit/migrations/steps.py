"""What a worker does to one service under its lock: upgrade, downgrade, stamp; each in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationStep
from alembic.util import CommandError

from dbkit.backends import backend_of, get_backend
from dbkit.backends.protocol import Errors, Fault
from dbkit.config.connect import connect
from dbkit.config.redact import redact
from dbkit.errors import DbkitError, HistoryError, LockedError, UncommittableError, UnreachableError
from dbkit.failover.faults import fallback_error
from dbkit.failover.identity import claim
from dbkit.migrations.databases import create_missing
from dbkit.migrations.env import Environment, open_connection, proving
from dbkit.migrations.failures import loading, want_of_right, worded
from dbkit.migrations.funnel import Funnel
from dbkit.migrations.hooks import Hooks
from dbkit.migrations.own.lending import apart
from dbkit.migrations.precheck import blank, describe
from dbkit.migrations.results import Event, ServiceResult
from dbkit.migrations.session import Session
from dbkit.revisions.standing import read_heads, refuse_ahead

if TYPE_CHECKING:
    from dbkit.config import DatabaseConfig
    from dbkit.migrations.worker import Link
    from dbkit.project import Project

__all__ = ["downgrade", "stamp", "upgrade"]


def upgrade(  # noqa: PLR0913 - as a task has them
    project: Project, name: str, link: Link, *, target: str, create: bool, lock_wait_s: float
) -> ServiceResult:
    """Bring a service to the target, making its database first where it is missing."""
    return _operate(project, name, link, _Upgrade(target=target), create=create, lock_wait_s=lock_wait_s)


def downgrade(project: Project, name: str, link: Link, *, target: str, lock_wait_s: float) -> ServiceResult:
    """Take a service back to the target."""
    return _operate(project, name, link, _Downgrade(target=target), create=False, lock_wait_s=lock_wait_s)


def stamp(project: Project, name: str, link: Link, *, target: str, lock_wait_s: float) -> ServiceResult:
    """Write the target into a service's version table without running anything."""
    return _operate(project, name, link, _Stamp(target=target), create=False, lock_wait_s=lock_wait_s)


@dataclass(frozen=True, kw_only=True)
class _Operation:
    """What is done under the lock."""

    target: str

    def steps(self, session: Session, current: tuple[str, ...]) -> list[Any]:
        """List Alembic's steps from the current revisions to the target."""
        raise NotImplementedError

    def before(self, session: Session, current: tuple[str, ...], steps: list[Any]) -> None:
        """Do what comes before the first step."""

    def after(self, session: Session) -> None:
        """Do what comes after the last one."""


class _Upgrade(_Operation):
    def steps(self, session: Session, current: tuple[str, ...]) -> list[Any]:
        pending = session.environment.history.pending(current, self.target)
        scripts = session.environment.scripts()
        return [MigrationStep.upgrade_from_script(scripts.revision_map, scripts.get_revision(one)) for one in pending]

    def before(self, session: Session, current: tuple[str, ...], steps: list[Any]) -> None:
        with apart():
            session.hooks = Hooks.of(session.environment.registration)
        pending = tuple(str(step.revision.revision) for step in steps)
        session.run_hooks("before_migrate", revision=", ".join(current) or None, revisions=pending)

    def after(self, session: Session) -> None:
        current = read_heads(session.connection, session.environment.layout)
        applied = tuple(one.revision for one in session.applied)
        session.run_hooks("after_migrate", revision=", ".join(current) or None, revisions=applied)


class _Downgrade(_Operation):
    def steps(self, session: Session, current: tuple[str, ...]) -> list[Any]:
        history = session.environment.history
        undone = history.undone(current, self.target)
        history.refuse_irreversible(undone)
        scripts = session.environment.scripts()
        return [MigrationStep.downgrade_from_script(scripts.revision_map, scripts.get_revision(one)) for one in undone]


class _Stamp(_Operation):
    def steps(self, session: Session, current: tuple[str, ...]) -> list[Any]:
        history, scripts = session.environment.history, session.environment.scripts()
        goal = self.target if self.target in ("head", "heads", "base") else history.find(self.target)
        return list(scripts._stamp_revs(goal, current))  # noqa: SLF001 - as alembic.command does


def _operate(  # noqa: PLR0913, PLR0917 - what every operation under a lock is made of
    project: Project,
    name: str,
    link: Link,
    operation: _Operation,
    *,
    create: bool,
    lock_wait_s: float,
) -> ServiceResult:
    began = time.monotonic()
    result = blank(project, name)
    config: DatabaseConfig | None = None
    session: Session | None = None
    try:
        config = project.migration_config(name)
        result = describe(result, config)
        environment = Environment.of(project, name)
        result = replace(result, head=", ".join(environment.history.heads) or None)
        if create:
            link.tell(Event(event="creating", service=name, detail=result.database))
        if create or result.fallback:
            result = replace(result, created=claim(config) if result.fallback else create_missing(config))
        with _locked(environment, link, result, lock_wait_s=lock_wait_s) as session:
            _run(session, operation)
            result = _now(session, session.connection, result)
    except (DbkitError, sa.exc.DBAPIError, OSError) as error:
        result = _after(session, result).failed(_explained(config, error))
    return replace(result, seconds=time.monotonic() - began)


def _explained(config: DatabaseConfig | None, error: Exception) -> DbkitError:
    """Word what went wrong: what is not yet in words was outside of any revision, most often for want of a right."""
    found: DbkitError | None = error if isinstance(error, DbkitError) else None
    if config is None:
        return found or DbkitError(redact(str(error)))
    if config.stands_in_for is not None and (found is None or type(found) is UnreachableError):
        found = fallback_error(config, error.__cause__ or error) or found
    backend = get_backend(config.backend)
    return found or DbkitError(redact(backend.errors.message(error)), hint=want_of_right(backend))


@dataclass(kw_only=True)
class _Wait:
    """What is done while somebody else holds the lock: tell it once, and stop when asked to."""

    link: Link
    service: str
    told: bool = False

    def __call__(self) -> None:
        if self.link.stop.is_set():
            raise self.link.stopped("while it waited for the lock")
        if not self.told:
            self.told = True
            self.link.tell(Event(event="waiting", service=self.service, detail="lock"))


@contextmanager
def _locked(environment: Environment, link: Link, result: ServiceResult, *, lock_wait_s: float) -> Iterator[Session]:
    """Connect, take the lock, and put the funnel up: lock first, then the pending revisions are computed."""
    with ExitStack() as stack:
        connection = stack.enter_context(open_connection(environment))
        backend = backend_of(connection.dialect)
        wait = _Wait(link=link, service=result.service)
        lock = stack.enter_context(backend.locker.lock(connection, patience_s=lock_wait_s, on_wait=wait))
        funnel = Funnel(transactional_ddl=environment.transactional(connection.dialect))
        funnel.attach(connection.engine)
        session = Session(environment=environment, connection=connection, funnel=funnel, link=link, result=result)
        funnel.hooks = [session.progress, proving(lock)]
        yield session


def _run(session: Session, operation: _Operation) -> None:
    environment, connection = session.environment, session.connection
    try:
        current = read_heads(connection, environment.layout)
        refuse_ahead(environment.history, current)
        _carry_out(session, operation, current)
    except CommandError as error:
        raise HistoryError(str(error), hint=f"dbkit history {session.result.service} lists the revisions") from error
    except (sa.exc.DBAPIError, UncommittableError) as error:
        # outside of a revision's own code: its version row or its commit
        if session.step is not None:
            raise session.failure(session.step, error) from None
        if session.result.fallback and isinstance(error, sa.exc.DBAPIError):
            raise
        if isinstance(error, sa.exc.DBAPIError) and _errors(connection).fault(error) is Fault.LOCK_TIMEOUT:
            raise LockedError(
                f"database {session.result.database!r} is in use by somebody else: {worded(connection, error)}",
                hint="run the command again when they are done",
            ) from None
        raise DbkitError(redact(worded(connection, error)), hint="dbkit status shows what is applied") from None


def _carry_out(session: Session, operation: _Operation, current: tuple[str, ...]) -> None:
    environment, connection, goal = session.environment, session.connection, operation.target
    if environment.registration.runs_env:
        # it may be what makes revision files importable: it runs before they are loaded
        environment.run(connection, lambda *_given: _begin(session, operation, current), destination=goal)
    elif steps := _steps(session, operation, current):
        environment.run(connection, lambda *_given: session.follow(steps), destination=goal)
    if session.total:
        operation.after(session)


def _begin(session: Session, operation: _Operation, current: tuple[str, ...]) -> Iterator[Any]:
    """Give the steps, with what comes before them."""
    # of the version table, which Alembic has just made: a hook must not find it locked
    session.connection.commit()
    yield from session.follow(_steps(session, operation, current))


def _steps(session: Session, operation: _Operation, current: tuple[str, ...]) -> list[Any]:
    """Find the steps, and do what comes before the first one."""
    with loading(session.environment.layout):
        found = operation.steps(session, current)
    if found:
        operation.before(session, current, found)
    return found


def _errors(connection: sa.Connection) -> Errors:
    return backend_of(connection.dialect).errors


def _after(session: Session | None, result: ServiceResult) -> ServiceResult:
    """Complete the result of an operation that failed, as far as the database can still be asked."""
    if session is None:
        return result
    try:
        with connect(session.environment.project.migration_config(result.service)) as connection:
            return _now(session, connection, result)
    except (DbkitError, sa.exc.SQLAlchemyError):
        return replace(result, applied=tuple(session.applied))


def _now(session: Session, connection: sa.Connection, result: ServiceResult) -> ServiceResult:
    """Complete the result with what was done and what the database is at."""
    environment = session.environment
    current = read_heads(connection, environment.layout)
    known = all(one in environment.history.scripts for one in current)
    pending = environment.history.pending(current, "heads") if known else ()
    return replace(result, applied=tuple(session.applied), revision=", ".join(current) or None, pending=pending)
