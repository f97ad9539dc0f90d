"""`dbkit doctor`: what is wrong with services, and what to do about it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dbkit.cli import _diagnostics, _findings, _project
from dbkit.cli._options import Debug, Format, Services, command, count, duration, format_option, option, read_option


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "doctor", example="dbkit doctor user --processes 4")(doctor)


def _processes() -> Any:  # noqa: ANN401 - Typer's type
    text = "How many processes each service runs, for the server's limits to be held against their pools."
    takes = "a whole number from 1 on"
    return read_option("doctor", "--processes", read=count, takes=takes, metavar="N", help=text)


def _deadline() -> Any:  # noqa: ANN401 - Typer's type
    text = "How long one service may take; one that takes longer is reported as unreachable."
    takes = "a number of seconds above 0"
    return read_option("doctor", "--deadline", read=duration, takes=takes, metavar="SECONDS", help=text)


def doctor(
    services: Services = None,
    processes: Annotated[int, _processes()] = 1,
    verbose: Annotated[bool, option("doctor", "--verbose", short="-v", help="Show in full what is well, too.")] = False,
    deadline: Annotated[float, _deadline()] = 30.0,
    format: Annotated[Format, format_option("doctor")] = Format.TABLE,  # noqa: A002 - the flag's name
    debug: Debug = False,
) -> None:
    """Find out what is wrong with services. Writes nothing; 4 where there is a problem."""
    from dbkit.checks.doctor import doctor as examine

    with _diagnostics.unlogged():
        result = examine(_project.find(services), services or (), processes=processes, deadline_s=deadline)
    _findings.answer(result, format, verbose=verbose)
