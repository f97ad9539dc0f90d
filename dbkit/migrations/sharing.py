"""Services that share a database: each must note its revision in a table of its own."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TYPE_CHECKING

from dbkit.backends import get_backend
from dbkit.errors import ConfigurationError, DbkitError
from dbkit.migrations.databases import database_name

if TYPE_CHECKING:
    from dbkit.config import DatabaseConfig
    from dbkit.project import Project
    from dbkit.revisions.layout import Layout

__all__ = ["Twins", "refuse_shared_version_table", "twins_of"]

Twins = Mapping[str, str]
"""Services that use one version table with another, by their names."""


def twins_of(project: Project) -> Twins:
    """Find services that would note their revisions in one table of one database; what is wrong with one is told elsewhere."""
    tables = _groups(project.service_names, lambda name: project.layout(name).version_table)
    places = [
        group
        for names in tables
        for group in _groups(names, lambda name: _place(project.layout(name), project.migration_config(name)))
    ]
    return {name: next(other for other in group if other != name) for group in places for name in group}


def refuse_shared_version_table(twins: Twins, *, layout: Layout, config: DatabaseConfig) -> None:
    """Refuse a service whose version table is another one's too: each would take the other's revisions for its own.

    Raises:
        ConfigurationError: it is so.
    """
    name = layout.service
    if name in twins:
        raise ConfigurationError(
            f"services {name!r} and {twins[name]!r} have the version table {layout.version_table!r} in one database, "
            f"{_database(layout, config)!r}",
            hint=f'write version_table = "alembic_version_{name}" in [tool.dbkit.services.{name}], or give it a database of its own',
        )


def _groups(names: Iterable[str], key: Callable[[str], Hashable]) -> list[list[str]]:
    """Group names whose keys are equal; those that are alone are left out."""
    found: dict[Hashable, list[str]] = {}
    for name in names:
        try:
            found.setdefault(key(name), []).append(name)
        except DbkitError:
            continue
    return [group for group in found.values() if len(group) > 1]


def _place(layout: Layout, config: DatabaseConfig) -> Hashable:
    """Tell where a version table is, in whichever way the settings say it."""
    schema = None if _schema_is_database(config) else layout.version_schema or config.schema
    return (config.backend, config.host, config.port, config.socket, _database(layout, config), schema)


def _database(layout: Layout, config: DatabaseConfig) -> str:
    """Name the database that the version table is in: the service's, or the one that is called a schema."""
    return (_schema_is_database(config) and layout.version_schema) or database_name(config)


def _schema_is_database(config: DatabaseConfig) -> bool:
    return get_backend(config.backend).traits.schemas_are_databases
