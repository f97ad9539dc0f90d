"""Hands tasks to the workers and takes their answers in, as results."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from dbkit.errors import DbkitError
from dbkit.migrations.results import Event, Result, ServiceResult
from dbkit.migrations.worker import Answer, Task

if TYPE_CHECKING:
    from dbkit.migrations.workers import Gate
    from dbkit.project import Project

log = logging.getLogger(__name__)

# The patience of every operation and of the stock tool, which has no option for it.
LOCK_WAIT_S = 300.0

Listener = Callable[[Event], None]


def no_listener(_event: Event) -> None:
    """Hear nothing."""


def task_for(operation: str, project: Project, service: str, **arguments: Any) -> Task:  # noqa: ANN401 - the operation's own
    """Make the task of an operation, `module:function`, on a service."""
    level = logging.getLogger("dbkit").getEffectiveLevel()
    return Task(operation=operation, project=project, service=service, arguments=arguments, log_level=level)


def carry_out(
    tasks: Sequence[Task],
    results: Sequence[ServiceResult],
    *,
    jobs: int | None,
    tell: Listener,
    gate: Gate | None = None,
) -> dict[str, ServiceResult]:
    """Have tasks done whose answers are service results; an error in place of an answer becomes part of the result."""
    places = {result.service: (result.backend, result.host, result.database or result.service) for result in results}
    answers = answers_of(tasks, jobs=jobs, tell=tell, places=places, gate=gate)
    done: dict[str, ServiceResult] = {}
    for result in results:
        answer = answers[result.service]
        try:
            done[result.service] = result.failed(answer) if isinstance(answer, DbkitError) else unwrap(answer)
        except DbkitError as error:
            done[result.service] = result.failed(error)
    return done


def answers_of(
    tasks: Sequence[Task],
    *,
    jobs: int | None = None,
    tell: Listener = no_listener,
    places: dict[str, Any] | None = None,
    gate: Gate | None = None,
) -> dict[str, Answer | DbkitError]:
    """Have tasks done; tasks on one place one after another. Starts nothing where there are none."""
    if not tasks:
        return {}
    from dbkit.migrations.workers import always_open, default_jobs, run_tasks

    where = places or {}
    return run_tasks(
        tasks,
        key=lambda task: where.get(task.service, task.service),
        jobs=jobs or default_jobs(),
        on_event=tell,
        gate=gate or always_open,
    )


def unwrap(answer: Answer) -> Any:  # noqa: ANN401 - what the task's function returned
    """Give what the task's function returned. Raises BugError, with the traceback in the log."""
    if answer.bug is not None:
        from dbkit.migrations.workers import BugError

        log.debug("a worker failed:\n%s", answer.bug)
        lines = [line for line in answer.bug.splitlines() if line and not line.startswith(("(Background", "[SQL", " "))]
        last = lines[-1] if lines else "no traceback"
        raise BugError(f"this is a bug in dbkit: {last}", hint="run it again with --debug and report what it prints")
    return answer.result


def result_of(command: str, services: Sequence[ServiceResult], began: float, *, dry_run: bool = False) -> Result:
    """Sum up the results of services, which began at this monotonic time, in seconds."""
    return Result(command=command, services=tuple(services), dry_run=dry_run, seconds=time.monotonic() - began)
