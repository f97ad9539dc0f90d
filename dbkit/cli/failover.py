"""`dbkit failover status`: what services are on, and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from dbkit.cli import _diagnostics, _output, _project, _report
from dbkit.cli._options import Debug, Fallback, Format, Services, command, fallback_option, format_option, group
from dbkit.errors import ExitCode

if TYPE_CHECKING:
    from dbkit.checks.failover import FailoverResult, Process, ServiceFailover

_LIVES = {True: "alive", False: "gone"}


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    failover = group(app, "failover", help="What services do while their server cannot be reached.")
    command(failover, "status", example="dbkit failover status user --format json")(status)


def status(
    services: Services = None,
    fallback: Annotated[Fallback | None, fallback_option("failover status")] = None,
    format: Annotated[Format, format_option("failover status")] = Format.TABLE,  # noqa: A002 - the flag's name
    debug: Debug = False,
) -> None:
    """Tell what services are on, and why. Their servers are asked once more, and nothing is written."""
    from dbkit.checks.failover import failover_status

    with _diagnostics.unlogged():
        result = failover_status(_project.find(services, fallback=fallback), services or ())
    _report.errors(result)
    if format is Format.JSON:
        _output.document(result.to_json())
    else:
        _show(result)
    raise typer.Exit(result.exit_code)


def _show(result: FailoverResult) -> None:
    """Write a table of services, what is to be said of them, and a table of processes."""
    headers = ("service", "server", "server is", "mode", "fallback file", "file is")
    _output.table(headers, [_row(entry) for entry in result.services])
    for entry in result.services:
        for text in _remarks(entry):
            _output.line(f"{entry.service}: {text}")
    processes = [(entry.service, *_process(one)) for entry in result.services for one in entry.processes]
    if processes:
        _output.line("")
        _output.table(("service", "pid", "process", "on", "since (UTC)", "reason"), processes)


def _row(entry: ServiceFailover) -> tuple[str, ...]:
    file = _report.NOTHING if entry.file is None else _project.shown(entry.file)
    primary = entry.primary or _report.WORDS[entry.exit_code]
    return (
        entry.service,
        _server(entry),
        primary,
        entry.mode or _report.NOTHING,
        file,
        entry.file_state or _report.NOTHING,
    )


def _server(entry: ServiceFailover) -> str:
    if entry.backend is None:
        return _report.NOTHING
    from dbkit.backends import get_backend

    title = get_backend(entry.backend).traits.title
    return f"{title} at {entry.host}" if entry.host else f"{title}, {_project.shown(entry.database or '')}"


def _remarks(entry: ServiceFailover) -> Iterator[str]:
    """Say what is no error, and good to know."""
    if entry.exit_code is ExitCode.FALLBACK and entry.probe:
        yield entry.probe
    if entry.exit_code is ExitCode.OK and entry.file_error:
        yield f"the fallback cannot be used: {entry.file_error}; {entry.file_hint}"


def _process(process: Process) -> tuple[str, ...]:
    since = datetime.fromisoformat(process.since).strftime("%Y-%m-%d %H:%M:%S")
    life = f"on {process.host}" if process.alive is None else _LIVES[process.alive]
    return (str(process.pid), life, process.route, since, process.reason)
