"""Sample rows: of which services, in which order, and one service's in a worker."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from dbkit.errors import ConfigurationError, DbkitError, ExitCode, SeedError, UsageError
from dbkit.migrations.dispatch import (
    Listener,
    answers_of,
    carry_out,
    no_listener,
    result_of,
    task_for,
    unwrap,
)
from dbkit.migrations.precheck import blank, describe
from dbkit.migrations.results import Event, Result, ServiceResult
from dbkit.migrations.settling import settle, told
from dbkit.migrations.worker import Answer, Task

if TYPE_CHECKING:
    from dbkit.migrations.worker import Link
    from dbkit.project import Project

__all__ = ["precedence", "refuse_production", "refuse_unknown", "seed", "sow"]


def seed(  # noqa: PLR0913 - each is an option of the command
    project: Project,
    services: Sequence[str] = (),
    *,
    yes: bool = False,
    dry_run: bool = False,
    jobs: int | None = None,
    accept_fallback: bool = False,
    on_event: Listener | None = None,
) -> Result:
    """Write the sample rows of services that are not there yet; rows that are there stay as they are.

    A service that may fall back (DATABASE_FALLBACK) and whose server cannot be reached has them written into the file in its
    place, which must be at head; its result says so, and ends with 8.

    Args:
        project: whose services.
        services: their names; none means all.
        yes: agreed to in production.
        dry_run: find out how many rows would be written, and write nothing.
        jobs: how many services at once; by default one per processor, four at most.
        accept_fallback: have a service that went well on the fallback end with 0.
        on_event: called in this thread with everything that happens.

    Returns:
        What became of each service; `seeded` is how many rows were written. A service whose rows come after those of one that
        failed is not seeded; the others go on.

    Raises:
        UnknownServiceError: a name is no service's; nothing was tried.
        UsageError: a service is configured for production, and `yes` was not given.
        ConfigurationError: services come after each other in a circle, or after one that there is not.
    """
    names, began, tell = project.select(services), time.monotonic(), on_event or no_listener
    if not (yes or dry_run):
        refuse_production(project, names)
    before = _order(project, names)
    project = settle(project, names)
    done = {name: _placed(project, name) for name in names}
    for name in names:
        tell(Event(event="start", service=name, result=done[name]))
    able = [name for name in names if done[name].exit_code is ExitCode.OK]
    tasks = [task_for("seeding.seeds:sow", project, name, dry_run=dry_run) for name in able]
    refused = {name: done[name].exit_code for name in names if name not in able}
    gate = _Gate(before={name: set(before[name]) & set(names) for name in names}, refused=refused)
    done |= carry_out(tasks, [done[name] for name in able], jobs=jobs, tell=tell, gate=gate)
    for name in names:
        event = "done" if done[name].exit_code is ExitCode.OK else "failed"
        done[name] = told(done[name], accept=accept_fallback)
        tell(Event(event=event, service=name, result=done[name]))
    return result_of("seed", [done[name] for name in names], began, dry_run=dry_run)


def _placed(project: Project, name: str) -> ServiceResult:
    """Say where a service's rows are written, or why its configuration cannot be read."""
    result = blank(project, name)
    try:
        return describe(result, project.config(name))
    except DbkitError as error:
        return result.failed(error)


def refuse_production(project: Project, services: Sequence[str] = ()) -> None:
    """Refuse services that are configured for production.

    Raises:
        UsageError: one of them is.
        UnknownServiceError: a name is no service's.
    """
    production = [name for name in project.select(services) if _is_production(project, name)]
    if production:
        raise UsageError(
            f"production: no sample rows are written into the database of {', '.join(production)}",
            hint="add --yes if that is what you mean",
        )


def _is_production(project: Project, name: str) -> bool:
    try:
        return project.config(name).environment == "production"
    except DbkitError:  # it stands in that service's result
        return False


def _order(project: Project, names: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Find out after which services each comes; a worker imports them, so that nothing of theirs stays in this process."""
    if len(names) < 2:  # noqa: PLR2004 - one alone comes after none of the others
        return dict.fromkeys(names, ())
    (answer,) = answers_of([task_for("seeding.seeds:precedence", project, names[0], names=tuple(names))]).values()
    if isinstance(answer, DbkitError):
        raise answer
    found: dict[str, tuple[str, ...]] = unwrap(answer)
    for name, others in found.items():
        refuse_unknown(project, name, others)
    try:
        TopologicalSorter(found).prepare()
    except CycleError as error:
        circle = " after ".join(map(repr, reversed(error.args[1])))
        raise ConfigurationError(
            f"services are seeded after each other in a circle: {circle}", hint="take one of them out of seed_after"
        ) from None
    return found


def refuse_unknown(project: Project, name: str, others: Iterable[str]) -> None:
    """Refuse a service that comes after one that there is not.

    Raises:
        ConfigurationError: there is no such service.
    """
    unknown = [other for other in others if other not in project.service_names]
    if unknown:
        raise ConfigurationError(
            f"service {name!r} is seeded after {unknown[0]!r}, which is no service",
            hint=f"known services: {', '.join(project.service_names)}",
        )


def precedence(project: Project, _name: str, _link: Link, *, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Import services and tell after which others each is seeded; one that cannot be imported says so when it is seeded."""
    found = {}
    for name in names:
        try:
            found[name] = tuple(project.service(name).seed_after)
        except DbkitError:
            found[name] = ()
    return found


class _Gate:
    """Lets a service's rows be written when those before them are."""

    def __init__(self, *, before: Mapping[str, set[str]], refused: Mapping[str, ExitCode]) -> None:
        self.before = before
        self.refused = refused

    def __call__(self, task: Task, answers: Mapping[str, Answer | DbkitError]) -> bool | DbkitError:
        for other in sorted(self.before[task.service]):
            code = self.refused.get(other) or (_code(answers[other]) if other in answers else None)
            if code is None:
                return False
            if code is not ExitCode.OK:
                return _HeldUpError(other, code)
        return True


class _HeldUpError(SeedError):
    """What was to come first could not be written; its exit code is the one to act on, so this has the same."""

    def __init__(self, other: str, code: ExitCode) -> None:
        super().__init__(
            f"not seeded, because service {other!r}, whose rows come first, was not",
            hint=f"mend {other!r}, and run the command again",
        )
        self.exit_code = code


def _code(answer: Answer | DbkitError) -> ExitCode:
    found = answer.exit_code if isinstance(answer, DbkitError) else getattr(answer.result, "exit_code", None)
    return found if isinstance(found, ExitCode) else ExitCode.FAILED


def sow(project: Project, name: str, link: Link, *, dry_run: bool = False) -> ServiceResult:
    """Write one service's sample rows that are not there yet, in one transaction, by the service's own account."""
    from dbkit.migrations.seeding.task import Seeding

    return Seeding(project=project, link=link, dry_run=dry_run, result=blank(project, name)).run()
