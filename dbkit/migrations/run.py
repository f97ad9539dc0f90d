"""The operations, as a caller sees them: functions that take a project and return a frozen result."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dbkit.backends import backend_at
from dbkit.errors import DbkitError, ExitCode, UnreachableError
from dbkit.migrations.databases import place_of
from dbkit.migrations.dispatch import (
    LOCK_WAIT_S,
    Listener,
    answers_of,
    carry_out,
    no_listener,
    result_of,
    task_for,
    unwrap,
)
from dbkit.migrations.precheck import Look, look, look_at
from dbkit.migrations.results import Event, NewRevision, Result, ServiceResult
from dbkit.migrations.settling import settle, told
from dbkit.migrations.worker import Task
from dbkit.revisions.reading import read_history

if TYPE_CHECKING:
    from dbkit.project import Project


# Sample rows fit the models, and so the newest revision.
HEAD = frozenset({"head", "heads"})


def migrate(  # noqa: PLR0913 - each is an option of the command
    project: Project,
    services: Sequence[str] = (),
    *,
    to: str = "head",
    dry_run: bool = False,
    jobs: int | None = None,
    create: bool = True,
    lock_wait_s: float = LOCK_WAIT_S,
    accept_fallback: bool = False,
    on_event: Listener | None = None,
) -> Result:
    """Make the databases that are missing and bring services to a revision.

    A service that may fall back (DATABASE_FALLBACK) and whose server cannot be reached has the file in its place made and
    brought there, with its sample rows; its result says so, and ends with 8.

    Args:
        project: whose services.
        services: their names; none means all.
        to: `head`, a revision, or `+n` steps.
        dry_run: find out what would be done, and write nothing.
        jobs: how many services at once; by default one per processor, four at most.
        create: make a database that is missing.
        lock_wait_s: how long to wait for another run, in seconds; 0 not at all.
        accept_fallback: have a service that went well on the fallback end with 0.
        on_event: called in this thread with everything that happens.

    Returns:
        What became of each service. What is wrong in one of them does not stop the others.

    Raises:
        UnknownServiceError: a name is no service's; nothing was tried.
    """
    names, began, tell = project.select(services), time.monotonic(), on_event or no_listener
    project = settle(project, names)
    looks = look(project, names, to)
    done = {seen.result.service: _refuse_missing(seen, create=create) for seen in looks}
    for seen in looks:
        tell(Event(event="start", service=seen.result.service, total=len(seen.result.pending), result=seen.result))
    pending = [seen for seen in looks if seen.error is None and done[seen.result.service].exit_code is ExitCode.OK]
    pending = [seen for seen in pending if seen.result.pending or seen.missing]
    if dry_run:
        done |= {seen.result.service: replace(seen.result, created=seen.missing) for seen in pending}
    else:
        tasks = [
            task_for(
                "steps:upgrade",
                project,
                seen.result.service,
                target=to,
                create=seen.missing,
                lock_wait_s=lock_wait_s,
            )
            for seen in pending
        ]
        done |= carry_out(tasks, [seen.result for seen in pending], jobs=jobs, tell=tell)
        if to in HEAD:
            done |= _sown(project, list(done.values()), jobs=jobs, tell=tell)
    for name in names:
        event = "done" if done[name].exit_code is ExitCode.OK else "failed"
        done[name] = told(done[name], accept=accept_fallback)
        tell(Event(event=event, service=name, result=done[name]))
    return result_of("migrate", [done[name] for name in names], began, dry_run=dry_run)


def _sown(
    project: Project, results: Sequence[ServiceResult], *, jobs: int | None, tell: Listener
) -> dict[str, ServiceResult]:
    """Have the sample rows written of services that are at head on the fallback: by every run, as one may have been killed before it came to that."""
    able = [result for result in results if result.fallback and result.exit_code is ExitCode.OK]
    tasks = [task_for("seeding.seeds:sow", project, result.service) for result in able]
    sown = carry_out(tasks, able, jobs=jobs, tell=tell)
    return {result.service: _joined(result, sown[result.service]) for result in able}


def _joined(migrated: ServiceResult, sown: ServiceResult) -> ServiceResult:
    return replace(
        migrated,
        seeded=sown.seeded,
        exit_code=sown.exit_code,
        error=sown.error,
        hint=sown.hint,
        seconds=migrated.seconds + sown.seconds,
    )


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
        return result_of("rollback", [_would_undo(project, service, to)], time.monotonic(), dry_run=True)
    task = task_for("steps:downgrade", project, service, target=to, lock_wait_s=lock_wait_s)
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
    task = task_for("steps:stamp", project, service, target=revision, lock_wait_s=lock_wait_s)
    return _one("stamp", task, on_event)


def check(project: Project, services: Sequence[str] = ()) -> Result:
    """Compare the models of services with their databases, which must be at head.

    Raises:
        UnknownServiceError: a name is no service's.
    """
    names, began = project.select(services), time.monotonic()
    results = [ServiceResult(service=name) for name in names]
    tasks = [task_for("diff:compare", project, name) for name in names]
    done = carry_out(tasks, results, jobs=None, tell=no_listener)
    return result_of("check", [done[name] for name in names], began)


def revision(
    project: Project, service: str, message: str, *, autogenerate: bool = False, head: str = "head"
) -> NewRevision:
    """Write a new revision file: empty, or what brings the database to the models.

    Args:
        project: whose service.
        service: its name.
        message: what the revision does, in a few words.
        autogenerate: fill it with what brings the database to the models.
        head: what it follows where there are several heads: `LABEL@head`, a revision, or `heads` to join them all.

    Raises:
        UnknownServiceError: the name is no service's.
        DifferentError: autogenerate was asked for and the database is not at head.
        HistoryError: the service has two heads, and none of them is named.
        UnreachableError: the database cannot be reached.
    """
    names = project.select([service])
    task = task_for("diff:new_revision", project, names[0], message=message, autogenerate=autogenerate, head=head)
    answer = answers_of([task])[service]
    if isinstance(answer, DbkitError):
        raise answer
    found = unwrap(answer)
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
        UsageError: what stands behind the @ is no version.
    """
    names, began = project.select(services), time.monotonic()
    backend_at(backend)
    tasks = [task_for("offline:write", project, name, backend=backend, target=to) for name in names]
    answers, results = answers_of(tasks), []
    for name in names:
        answer = answers[name]
        try:
            result, text = (
                (ServiceResult(service=name).failed(answer), "") if isinstance(answer, DbkitError) else unwrap(answer)
            )
        except DbkitError as error:
            result, text = ServiceResult(service=name).failed(error), ""
        if text:
            write(f"-- service {name}, {backend}, from nothing to {to}\n\n{text}")
        results.append(result)
    return result_of("sql", results, began)


def alembic(project: Project, service: str, argv: Sequence[str]) -> int:
    """Run the stock tool's command line on one service, with dbkit's connection and options; give its exit code.

    Raises:
        UnknownServiceError: the name is no service's.
    """
    from alembic.config import CommandLine

    from dbkit.migrations.env import Environment
    from dbkit.migrations.stock import in_place_of_env

    project.select([service])
    line = CommandLine(prog=f"dbkit alembic {service} --")
    options = line.parser.parse_args(list(argv))
    if not hasattr(options, "cmd"):
        line.parser.error("too few arguments")
    environment = Environment.of(project, service)
    config = environment.config()
    options.x = [*environment.registration.alembic.get("x", ()), *(options.x or ())]
    config.cmd_opts = options
    config.stdout = sys.stdout  # by itself it takes the one that there was when Alembic was imported
    with in_place_of_env(environment):
        line.run_cmd(config, options)
    return 0


def _refuse_missing(
    seen: Look, *, create: bool, hint: str = "leave --no-create away, or have it created"
) -> ServiceResult:
    if not seen.missing or create:
        return seen.result
    place = repr(seen.result.database) if seen.config is None else place_of(seen.config)
    error = UnreachableError(
        f"the database {place} of service {seen.result.service!r} does not exist",
        hint=hint,
    )
    return seen.result.failed(error)


def _would_undo(project: Project, service: str, to: str) -> ServiceResult:
    """Find out what a rollback would undo; it stands in `pending`, newest first."""
    seen = look_at(project, service, "heads")
    if seen.error is not None or seen.missing:
        return _refuse_missing(seen, create=False, hint=f"dbkit create {service} makes it")
    found = read_history(project.layout(service))
    current = [name for name in (seen.result.revision or "").split(", ") if name]
    try:
        undone = found.undone(current, to)
        found.refuse_irreversible(undone)
        return replace(seen.result, pending=undone)
    except DbkitError as error:
        return seen.result.failed(error)


def _one(command: str, task: Task, on_event: Listener | None) -> Result:
    """Have a task done on the database of its service, which must be there."""
    began = time.monotonic()
    seen = look_at(task.project, task.service, "heads")
    found = _refuse_missing(seen, create=False, hint=f"dbkit create {task.service} makes it")
    if found.exit_code is ExitCode.OK:
        found = carry_out([task], [found], jobs=1, tell=on_event or no_listener)[task.service]
    return result_of(command, [found], began)
