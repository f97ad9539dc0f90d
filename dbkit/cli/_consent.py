"""Asks before something is destroyed: on a terminal by a question, elsewhere by `--yes`, in production by the name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbkit.cli import _diagnostics, _project
from dbkit.errors import UsageError

if TYPE_CHECKING:
    from dbkit.migrations.results import ServiceResult
    from dbkit.project import Project


def need(project: Project, services: Sequence[str], *, deed: str, yes: bool, confirm: Sequence[str]) -> None:
    """Return when the deed is agreed to.

    Args:
        project: whose services.
        services: that would lose something.
        deed: what would be done, as the beginning of a sentence: `drop`.
        yes: agreed to beforehand.
        confirm: names of databases that were agreed to one by one.

    Raises:
        UsageError: it is not agreed to.
        ConfigurationError: where a service lives cannot be read.
    """
    for entry in _project.places(project, services):
        place = f"{deed} {_project.worded([entry])}"
        if project.config(entry.service).environment == "production":
            _by_name(entry, place, confirm)
        elif not yes:
            _by_question(place)


def _by_name(entry: ServiceResult, place: str, confirm: Sequence[str]) -> None:
    """In production a habit such as `--yes` is not enough: the very name has to be given."""
    shown = _project.shown(entry.database or "")
    names = {entry.database, shown}  # a file may be named by either path
    if names & set(confirm):
        return
    if not _diagnostics.is_terminal():
        raise UsageError(
            f"production: to {place} needs the database's name",
            hint=f"add --confirm {shown} if that is what you mean",
        )
    typed = _diagnostics.ask(f"production: {place}\ntype the database's name to go on: ")
    if not typed or typed not in names:
        raise UsageError("not confirmed: nothing was done")


def _by_question(place: str) -> None:
    if not _diagnostics.is_terminal():
        raise UsageError(f"to {place} needs consent", hint="add --yes if that is what you mean")
    if (_diagnostics.ask(f"{place}? [y/N] ") or "").lower() not in ("y", "yes"):
        raise UsageError("not confirmed: nothing was done")
