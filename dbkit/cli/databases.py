"""`dbkit create` and `dbkit drop`: the databases themselves."""

from __future__ import annotations

from typing import Annotated

import typer

from dbkit.cli import _consent, _project, _report
from dbkit.cli._options import (
    Debug,
    Format,
    Services,
    command,
    confirm_option,
    dry_run_option,
    format_option,
    yes_option,
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(app, "create", example="dbkit create user")(create)
    command(app, "drop", example="dbkit drop user --yes")(drop)


def create(
    services: Services = None,
    dry_run: Annotated[bool, dry_run_option("create")] = False,
    format: Annotated[Format, format_option("create")] = Format.TABLE,  # noqa: A002 - the flag's name
    debug: Debug = False,
) -> None:
    """Create databases that are missing, and no tables."""
    from dbkit import migrations

    result = migrations.create(_project.find(services), services or (), dry_run=dry_run)
    _report.answer(result, _report.databases, format)


def drop(
    services: Services = None,
    dry_run: Annotated[bool, dry_run_option("drop")] = False,
    yes: Annotated[bool, yes_option("drop")] = False,
    confirm: Annotated[list[str] | None, confirm_option("drop")] = None,
    format: Annotated[Format, format_option("drop")] = Format.TABLE,  # noqa: A002 - the flag's name
    debug: Debug = False,
) -> None:
    """Drop databases, with all that is in them."""
    from dbkit import migrations

    project = _project.find(services)
    names = project.select(services or ())
    if not dry_run:
        _consent.need(project, names, deed="drop the database of", yes=yes, confirm=confirm or ())
    _report.answer(migrations.drop(project, names, dry_run=dry_run), _report.databases, format)
