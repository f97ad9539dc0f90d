"""The operations, as a caller sees them: functions that take a project and return a frozen result."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dbkit.backends import get_backend
from dbkit.errors import DbkitError, ExitCode, UnreachableError
from dbkit.migrations.databases import create_missing, drop_existing, exists
from dbkit.migrations.heads import read_history
from dbkit.migrations.precheck import Look, describe, look, look_at
from dbkit.migrations.results import (
    Event,
    HistoryResult,
    NewRevision,
    Result,
    RevisionInfo,
    ServiceHistory,
    ServiceResult,
)
from dbkit.migrations.worker import Answer, Task

if TYPE_CHECKING:
    from dbkit.project import Project

log = logging.getLogger(__name__)

LOCK_WAIT_S = 300.0
Listener = Callable[[Event], None]


def migrate(  # noqa: PLR0913 - each is an option of the command
    project: Project,
    services: Sequence[str] = (),
    *,
    to: str = "head",
    dry_run: bool = False,
    jobs: int | None = None,
    create: bool = True,
    lock_wait_s: float = LOCK_WAIT_S,
    on_event: Listener | None = None,
) -> Result:
    """Make the databases that are missing and bring services to a revision.

    Args:
        project: whose services.
        services: their names; none means all.
        to: `head`, a revision, or `+n` steps.
        dry_run: find out what would be done, and write nothing.
        jobs: how many services at once; by default one per processor, four at most.
        create: make a database that is missing.
        lock_wait_s: how long to wait for another run, in seconds; 0 not at all.
        on_event: called in this thread with everything that happens.

    Returns:
        What became of each service. What is wrong in one of them does not stop the others.

    Raises:
        UnknownServiceError: a name is no service's; nothing was tried.
    """
    names, began, tell = project.select(services), time.monotonic(), on_event or _nothing
    looks = look(project, names, to)
    done = {seen.result.service: _refuse_missing(seen, create=create) for seen in looks}
    for seen in looks:
        tell(Event(event="start", service=seen.result.service, total=len(seen.result.pending), result=seen.result))
    pending = [seen for seen in looks if seen.error is None and done[seen.result.service].exit_code is ExitCode.OK]
    pending = [seen for seen in pending if seen.result.pending or seen.missing]
    if dry_run:
        done |= {seen.result.service: replace(seen.result, created=seen.missing) for seen in pending}
    else:
        arguments = {"target": to, "create": create, "lock_wait_s": lock_wait_s}
        tasks = [_task("steps:upgrade", project, seen.result.service, **arguments) for seen in pending]
        done |= _work(tasks, [seen.result for seen in pending], jobs=jobs, tell=tell)
    for name in names:
        tell(Event(event="done" if done[name].exit_code is ExitCode.OK else "failed", service=name, result=done[name]))
    return _result("migrate", [done[name] for name in names], began, dry_run=dry_run)


def rollback(  # noqa: PLR0913 - each is an option of the command
    project: Project,
    service: str,
    *,
    to: str = "-1",
    dry_run: bool = False,
    lock_wait_s: float = LOCK_WAIT_S,
    on_event: Listener | None = None,
) -> Result:
    """Take one service back: `-n` steps, to a revision, or to `base`. Data in what is undone is lost.

    Raises:
        UnknownServiceError: the name is no service's.
    """
    project.select([service])
    if dry_run:
        return _result("rollback", [_would_undo(project, service, to)], time.monotonic(), dry_run=True)
    task = _task("steps:downgrade", project, service, target=to, lock_wait_s=lock_wait_s)
    return _one("rollback", task, on_event)


def stamp(
    project: Project,
    service: str,
    revision: str,
    *,
    lock_wait_s: float = LOCK_WAIT_S,
    on_event: Listener | None = None,
) -> Result:
    """Write into one service's version table that it is at a revision, and run nothing.

    Raises:
        UnknownServiceError: the name is no service's.
    """
    project.select([service])
    task = _task("steps:stamp", project, service, target=revision, lock_wait_s=lock_wait_s)
    return _one("stamp", task, on_event)


def check(project: Project, services: Sequence[str] = ()) -> Result:
    """Compare the models of services with their databases, which must be at head.

    Raises:
        UnknownServiceError: a name is no service's.
    """
    names, began = project.select(services), time.monotonic()
    results = [ServiceResult(service=name) for name in names]
    tasks = [_task("diff:compare", project, name) for name in names]
    done = _work(tasks, results, jobs=None, tell=_nothing)
    return _result("check", [done[name] for name in names], began)


def status(project: Project, services: Sequence[str] = (), *, check: bool = False) -> Result:
    """Tell which revision services are at and what is pending; with `check`, pending is exit code 4.

    Raises:
        UnknownServiceError: a name is no service's.
    """
    names, began = project.select(services), time.monotonic()
    found = [seen.result for seen in look(project, names, "heads")]
    if check:
        found = [_behind(one) if one.pending and one.exit_code is ExitCode.OK else one for one in found]
    return _result("status", found, began)


def create(project: Project, services: Sequence[str] = (), *, dry_run: bool = False) -> Result:
    """Make the databases that are missing.

    Raises:
        UnknownServiceError: a name is no service's.
    """
    return _on_databases("create", project, services, dry_run=dry_run)


def drop(project: Project, services: Sequence[str], *, dry_run: bool = False) -> Result:
    """Drop the databases of services with all that is in them. Whoever calls has asked for consent.

    Raises:
        UnknownServiceError: a name is no service's.
    """
    return _on_databases("drop", project, services, dry_run=dry_run)


def history(project: Project, services: Sequence[str] = ()) -> HistoryResult:
    """List the revisions of services, newest first; no database is asked.

    Raises:
        UnknownServiceError: a name is no service's.
    """
    return HistoryResult(services=tuple(_history(project, name) for name in project.select(services)))


def revision(project: Project, service: str, message: str, *, autogenerate: bool = False) -> NewRevision:
    """Write a new revision file: empty, or what brings the database to the models.

    Raises:
        UnknownServiceError: the name is no service's.
        DifferentError: autogenerate was asked for and the database is not at head.
        HistoryError: the service has two heads.
        UnreachableError: the database cannot be reached.
    """
    names = project.select([service])
    task = _task("diff:new_revision", project, names[0], message=message, autogenerate=autogenerate)
    answer = _answers([task])[service]
    if isinstance(answer, DbkitError):
        raise answer
    found = _unwrap(answer)
    if isinstance(found, DbkitError):
        raise found
    assert isinstance(found, NewRevision)  # noqa: S101 - what diff.new_revision returns
    return found


def sql(
    project: Project,
    services: Sequence[str] = (),
    *,
    backend: str,
    to: str = "head",
    write: Callable[[str], None],
) -> Result:
    """Write the SQL from nothing to a revision, for a backend such as `tidb` or `tidb@8.5`, without a server.

    Raises:
        UnknownServiceError: a name is no service's.
        UnknownBackendError: no backend has this name.
    """
    names, began = project.select(services), time.monotonic()
    get_backend(backend.partition("@")[0])
    tasks = [_task("offline:write", project, name, backend=backend, target=to) for name in names]
    answers, results = _answers(tasks), []
    for name in names:
        answer = answers[name]
        try:
            result, text = (
                (ServiceResult(service=name).failed(answer), "") if isinstance(answer, DbkitError) else _unwrap(answer)
            )
        except DbkitError as error:
            result, text = ServiceResult(service=name).failed(error), ""
        if text:
            write(f"-- service {name}, {backend}, from nothing to {to}\n\n{text}")
        results.append(result)
    return _result("sql", results, began)


def alembic(project: Project, service: str, argv: Sequence[str]) -> int:
    """Run the stock tool's command line on one service, with dbkit's connection and options; give its exit code.

    Raises:
        UnknownServiceError: the name is no service's.
    """
    from alembic.config import CommandLine

    from dbkit.migrations.env import Environment

    project.select([service])
    line = CommandLine(prog=f"dbkit alembic {service} --")
    options = line.parser.parse_args(list(argv))
    if not hasattr(options, "cmd"):
        line.parser.error("too few arguments")
    config = Environment.of(project, service).config()
    config.cmd_opts = options
    line.run_cmd(config, options)
    return 0


def _behind(one: ServiceResult) -> ServiceResult:
    return replace(one, exit_code=ExitCode.DIFFERENT)


def _nothing(_event: Event) -> None:
    """Hear nothing."""


def _task(operation: str, project: Project, service: str, **arguments: Any) -> Task:  # noqa: ANN401 - the operation's own
    return Task(operation=operation, project=project, service=service, arguments=arguments)


def _refuse_missing(seen: Look, *, create: bool) -> ServiceResult:
    if not seen.missing or create:
        return seen.result
    error = UnreachableError(
        f"the database {seen.result.database!r} of service {seen.result.service!r} does not exist",
        hint="leave --no-create away, or have it created",
    )
    return seen.result.failed(error)


def _would_undo(project: Project, service: str, to: str) -> ServiceResult:
    """Find out what a rollback would undo; it stands in `pending`, newest first."""
    seen = look_at(project, service, "heads")
    if seen.error is not None or seen.missing:
        return _refuse_missing(seen, create=False)
    found = read_history(service, project.registration(service).migrations)
    current = [name for name in (seen.result.revision or "").split(", ") if name]
    try:
        return replace(seen.result, pending=found.undone(current, to))
    except DbkitError as error:
        return seen.result.failed(error)


def _one(command: str, task: Task, on_event: Listener | None) -> Result:
    """Have a task done on the database of its service, which must be there."""
    began = time.monotonic()
    seen = look_at(task.project, task.service, "heads")
    found = _refuse_missing(seen, create=False)
    if found.exit_code is ExitCode.OK:
        found = _work([task], [found], jobs=1, tell=on_event or _nothing)[task.service]
    return _result(command, [found], began)


def _work(
    tasks: Sequence[Task], results: Sequence[ServiceResult], *, jobs: int | None, tell: Listener
) -> dict[str, ServiceResult]:
    """Have tasks done whose answers are service results; an error in place of an answer becomes part of the result."""
    places = {result.service: (result.backend, result.host, result.database or result.service) for result in results}
    answers = _answers(tasks, jobs=jobs, tell=tell, places=places)
    done: dict[str, ServiceResult] = {}
    for result in results:
        answer = answers[result.service]
        try:
            done[result.service] = result.failed(answer) if isinstance(answer, DbkitError) else _unwrap(answer)
        except DbkitError as error:
            done[result.service] = result.failed(error)
    return done


def _answers(
    tasks: Sequence[Task],
    *,
    jobs: int | None = None,
    tell: Listener = _nothing,
    places: dict[str, Any] | None = None,
) -> dict[str, Answer | DbkitError]:
    if not tasks:
        return {}
    from dbkit.migrations.workers import default_jobs, run_tasks

    where = places or {}
    return run_tasks(
        tasks, key=lambda task: where.get(task.service, task.service), jobs=jobs or default_jobs(), on_event=tell
    )


def _unwrap(answer: Answer) -> Any:  # noqa: ANN401 - what the task's function returned
    if answer.bug is not None:
        from dbkit.migrations.workers import BugError

        log.debug("a worker failed:\n%s", answer.bug)
        last = answer.bug.strip().rpartition("\n")[2]
        raise BugError(f"this is a bug in dbkit: {last}", hint="run it again with --debug and report what it prints")
    return answer.result


def _on_databases(command: str, project: Project, services: Sequence[str], *, dry_run: bool) -> Result:
    names, began = project.select(services), time.monotonic()
    results = [_on_database(command, project, name, dry_run=dry_run) for name in names]
    return _result(command, results, began, dry_run=dry_run)


def _on_database(command: str, project: Project, name: str, *, dry_run: bool) -> ServiceResult:
    result, began = ServiceResult(service=name), time.monotonic()
    try:
        config = project.config(name)
        result = describe(result, config)
        there = exists(config)
        if command == "create" and not there:
            result = replace(result, created=True if dry_run else create_missing(config))
        if command == "drop" and there and not dry_run:
            drop_existing(config)
    except DbkitError as error:
        result = result.failed(error)
    return replace(result, seconds=time.monotonic() - began)


def _history(project: Project, name: str) -> ServiceHistory:
    try:
        found = read_history(name, project.registration(name).migrations)
    except DbkitError as error:
        return ServiceHistory(service=name, exit_code=error.exit_code, error=error.message, hint=error.hint)
    heads = found.heads
    scripts = [found.scripts[revision] for revision in reversed(found.in_order())]
    return ServiceHistory(
        service=name,
        revisions=tuple(
            RevisionInfo(
                revision=script.revision,
                down_revisions=script.down,
                description=script.description,
                file=str(script.file),
                head=script.revision in heads,
            )
            for script in scripts
        ),
    )


def _result(command: str, services: Sequence[ServiceResult], began: float, *, dry_run: bool = False) -> Result:
    return Result(command=command, services=tuple(services), dry_run=dry_run, seconds=time.monotonic() - began)
