"""The project of the current folder, and how the places of its services are worded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbkit.migrations.results import ServiceResult
    from dbkit.project import Project


def find(services: Sequence[str] | None = None, **overrides: Any) -> Project:  # noqa: ANN401 - configuration values
    """Find the project and refuse an unknown service before anything is tried; options beat what is configured.

    Raises:
        ConfigurationError: there is no project, or its file cannot be read.
        UnknownServiceError: a name is no service's.
    """
    from dbkit.project import Project

    project = Project.find(**overrides)
    project.select(services or ())
    return project


def places(project: Project, services: Sequence[str]) -> list[ServiceResult]:
    """Say where services live, by their configuration alone; what cannot be read is left out here and told later."""
    from dbkit.errors import DbkitError
    from dbkit.migrations.precheck import blank, describe

    found = []
    for name in project.select(services):
        entry = blank(project, name)
        try:
            found.append(describe(entry, project.config(name)))
        except DbkitError:
            found.append(entry)
    return found


def worded(entries: Iterable[ServiceResult]) -> str:
    """Name backend, host and database of each service, those on one server together; where settings are refused, that."""
    groups: dict[str, list[ServiceResult]] = {}
    for entry in entries:
        groups.setdefault(_where(entry, brief=True), []).append(entry)
    return "; ".join(
        f"{', '.join(map(_named, group))} {_where(group[0], brief=len(group) > 1)}" for group in groups.values()
    )


def whereabouts(entry: ServiceResult) -> str:
    """Name the database of one service, and where it is."""
    return " ".join(filter(None, (located(entry) if entry.database else "", _where(entry, brief=False))))


def _named(entry: ServiceResult) -> str:
    return entry.service if entry.database is None else f"{entry.service} ({located(entry)})"


def _where(entry: ServiceResult, *, brief: bool) -> str:
    """Say where a service is, and why where that is no server of its own; in brief, without the figures of its attempts."""
    where, why = _server(entry.backend, entry.host), entry.fallback_reason or ""
    if not entry.fallback:
        return where
    return f"{where}, the fallback: {(why.rpartition(' (')[0] if brief else '') or why}"


def located(entry: ServiceResult) -> str:
    """Name the database of a service, and the schema where one is configured."""
    database = shown(entry.database or "")
    return database if entry.schema is None else f"{database}, schema {entry.schema}"


def shown(database: str) -> str:
    """Show a database: a file below the current folder by its path from there, anything else as it is."""
    path = Path(database)
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_absolute() and path.is_relative_to(here) else database


def _server(backend: str | None, host: str | None) -> str:
    """Word where a server is: `on PostgreSQL at db:5432`."""
    if backend is None:
        return "(settings refused)"
    from dbkit.backends import get_backend

    title = get_backend(backend).traits.title
    return f"on {title}" if host is None else f"on {title} at {host}"
