"""`dbkit seed`: sample rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dbkit.cli import _output, _progress, _project, _report
from dbkit.cli._options import (
    Debug,
    Fallback,
    Services,
    StreamFormat,
    command,
    dry_run_option,
    fallback_option,
    format_option,
    jobs_option,
    option,
)
from dbkit.errors import ExitCode

if TYPE_CHECKING:
    from dbkit.migrations.results import Result, ServiceResult


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "seed", example="dbkit seed user project")(seed)


def seed(
    services: Services = None,
    dry_run: Annotated[bool, dry_run_option("seed")] = False,
    yes: Annotated[bool, option("seed", "--yes", help="Write them in production too.")] = False,
    jobs: Annotated[int | None, jobs_option("seed")] = None,
    fallback: Annotated[Fallback | None, fallback_option("seed")] = None,
    accept_fallback: Annotated[
        bool, option("seed", "--accept-fallback", help="End with 0, not 8, where all went well on the fallback.")
    ] = False,
    format: Annotated[StreamFormat, format_option("seed", StreamFormat)] = StreamFormat.TABLE,  # noqa: A002 - the flag's name
    debug: Debug = False,
) -> None:
    """Write sample rows that are not there yet.

    What is there stays as it is.
    """
    from dbkit import migrations
    from dbkit.migrations.seeding.seeds import refuse_production

    project = _project.find(services, fallback=fallback)
    if not (yes or dry_run):
        refuse_production(project, services or ())
    project = migrations.settle(project, services or ())
    _report.opening("seeding", _project.places(project, services or ()), format)
    with _progress.listening(format) as listener:
        result = migrations.seed(
            project,
            services or (),
            yes=yes,
            dry_run=dry_run,
            jobs=jobs,
            accept_fallback=accept_fallback,
            on_event=listener,
        )
    _report.ended(result, _table, verb="seed", kind=format)


def _table(result: Result) -> None:
    headers = ("service", "database", "rows", "seconds", "result")
    rows = [
        (
            entry.service,
            _project.located(entry) if entry.database else _report.NOTHING,
            _report.NOTHING if entry.seeded is None else str(entry.seeded),
            f"{entry.seconds:.2f}",
            _outcome(entry, dry_run=result.dry_run),
        )
        for entry in result.services
    ]
    _output.table(headers, rows)


def _outcome(entry: ServiceResult, *, dry_run: bool) -> str:
    if entry.exit_code not in _report.WELL:
        return "pending" if entry.exit_code is ExitCode.DIFFERENT else _report.WORDS[entry.exit_code]
    if entry.seeded is None:
        said = "no sample rows"
    elif entry.seeded == 0:
        said = "nothing to do"
    else:
        said = "would be seeded" if dry_run else "seeded"
    return f"{said}, {_report.WORDS[ExitCode.FALLBACK]}" if entry.fallback else said
