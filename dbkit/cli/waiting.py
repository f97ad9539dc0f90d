"""`dbkit wait`: until servers answer, or databases are at head."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbkit.cli import _diagnostics, _output, _project, _report
from dbkit.cli._options import Debug, Format, Services, command, duration, format_option, read_option
from dbkit.errors import ExitCode

if TYPE_CHECKING:
    from dbkit.migrations import Result, ServiceResult, Waiting
    from dbkit.migrations.probes.waiting import Sight


class Goal(StrEnum):
    """What is waited for."""

    SERVER = "server"
    HEAD = "head"


# What is waited for, as it stands behind "waiting for", and what a service is when it is there.
GOALS = {Goal.SERVER: ("to answer", "answers"), Goal.HEAD: ("to be at head", "at head")}


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "wait", example="dbkit wait user --for server --timeout 120")(wait)


def _goal() -> Any:  # noqa: ANN401 - Typer's type
    text = "What to wait for: a server that takes the log-in, or a database at this code's newest revision."
    return read_option("wait", "--for", read=Goal, takes="server or head", metavar="|".join(Goal), help=text)


def _timeout() -> Any:  # noqa: ANN401 - Typer's type
    text = "How long to wait in all; inf for no end."
    takes = "a number of seconds above 0"
    return read_option("wait", "--timeout", read=duration, takes=takes, metavar="SECONDS", help=text)


def wait(
    services: Services = None,
    goal: Annotated[Goal, _goal()] = Goal.HEAD,
    timeout: Annotated[float, _timeout()] = 60.0,
    format: Annotated[Format, format_option("wait")] = Format.TABLE,  # noqa: A002 - the flag's name
    debug: Debug = False,
) -> None:
    """Wait until services' databases can be used. 3 unreachable, 4 pending, 7 ahead."""
    from dbkit import migrations

    project = _project.find(services)
    longest = "without end" if timeout == float("inf") else f"at most {timeout:g} s"
    places = _project.worded(_project.places(project, services or ()))
    _diagnostics.say(f"waiting for {places} {GOALS[goal][0]}, {longest}")
    with _spinning() as spin:

        def tell(waiting: Waiting) -> None:
            for line in _news(waiting):
                _diagnostics.say(line)
            spin(", ".join(sight.service for sight in waiting.left))

        result = migrations.wait(project, services or (), goal=goal.value, timeout_s=timeout, on_wait=tell)
    _report.errors(result)
    if format is Format.JSON:
        _output.document(result.to_json())
    else:
        _table(result, goal)
    raise typer.Exit(result.exit_code)


def _news(waiting: Waiting) -> Iterator[str]:
    """Word what has changed, or that nothing has; services of which the same is to be said stand together."""
    groups: dict[str, list[str]] = {}
    for sight in waiting.changed or waiting.left:
        groups.setdefault(_said(sight, Goal(waiting.goal)), []).append(sight.service)
    for said, names in groups.items():
        yield f"{waiting.waited_s:.0f} s: {', '.join(names)}: {said}"


def _said(sight: Sight, goal: Goal) -> str:
    return sight.result.error or GOALS[goal][1]


def _table(result: Result, goal: Goal) -> None:
    headers = ("service", "backend", "host", "database", "seconds", "result")
    rows: Sequence[Sequence[str]] = [
        (
            entry.service,
            entry.backend or _report.NOTHING,
            entry.host or _report.NOTHING,
            _project.located(entry) if entry.database else _report.NOTHING,
            f"{entry.seconds:.2f}",
            _outcome(entry, goal),
        )
        for entry in result.services
    ]
    _output.table(headers, rows)


def _outcome(entry: ServiceResult, goal: Goal) -> str:
    words = {**_report.WORDS, ExitCode.OK: GOALS[goal][1], ExitCode.DIFFERENT: "pending"}
    return words[entry.exit_code]


@contextmanager
def _spinning() -> Iterator[Callable[[str], None]]:
    """Show on a terminal that time goes by; give what is told which services are waited for."""
    if not (sys.stderr.isatty() and os.environ.get("TERM") != "dumb"):
        yield lambda _services: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("waiting for {task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("an answer", total=None)
        yield lambda services: progress.update(task, description=services)
