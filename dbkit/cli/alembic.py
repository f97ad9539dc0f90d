"""`dbkit alembic SERVICE -- …`: everything that the stock tool can do, on dbkit's connection."""

from __future__ import annotations

from typing import Annotated

import typer

from dbkit.cli import _output, _project
from dbkit.cli._options import Debug, Service, command
from dbkit.errors import ExitCode


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(
        app,
        "alembic",
        example="dbkit alembic user -- history --verbose",
        context_settings={"ignore_unknown_options": True},
    )(alembic)


def alembic(
    service: Service,
    arguments: Annotated[
        list[str], typer.Argument(metavar="-- ARGUMENTS...", help="Alembic's own command and options.")
    ],
    debug: Debug = False,
) -> None:
    """Run the stock alembic command on a service."""
    from dbkit import migrations

    project = _project.find([service])
    try:
        with _output.shared():
            code = migrations.alembic(project, service, arguments)
    except SystemExit as ended:
        # Alembic ends with -1 where it failed, which a shell sees as 255; usage errors end with 2 as ours do.
        code = ended.code if ended.code in (0, 2) else ExitCode.FAILED
    raise typer.Exit(code)
