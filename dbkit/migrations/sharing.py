"""Services that share a database: each must note its revision in a table of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dbkit.errors import ConfigurationError, DbkitError
from dbkit.migrations.databases import database_name

if TYPE_CHECKING:
    from dbkit.config import DatabaseConfig
    from dbkit.project import Project
    from dbkit.revisions.layout import Layout

__all__ = ["Twins", "refuse_shared_version_table", "twins_of"]

Twins = Mapping[str, tuple[str, ...]]
"""For each service the others whose version table has the same name."""


def twins_of(project: Project) -> Twins:
    """Find services whose version tables have one name; whether they are in one database is not asked yet."""
    named: dict[tuple[str, str | None], list[str]] = {}
    for name in project.service_names:
        try:
            layout = project.layout(name)
        except DbkitError:
            continue  # what is wrong with it is told when it is asked for
        named.setdefault((layout.version_table, layout.version_schema), []).append(name)
    return {name: tuple(other for other in names if other != name) for names in named.values() for name in names}


def refuse_shared_version_table(project: Project, twins: Twins, *, layout: Layout, config: DatabaseConfig) -> None:
    """Refuse a service whose version table is another one's too: each would take the other's revisions for its own.

    Raises:
        ConfigurationError: it is so.
    """
    name = layout.service
    for other in twins.get(name, ()):
        if _place_of(project, other) == _place(config):
            raise ConfigurationError(
                f"services {name!r} and {other!r} have the version table {layout.version_table!r} in one database, {database_name(config)!r}",
                hint=f'write version_table = "alembic_version_{name}" in [tool.dbkit.services.{name}], or give it a database of its own',
            )


def _place_of(project: Project, name: str) -> tuple[object, ...] | None:
    try:
        return _place(project.migration_config(name))
    except DbkitError:
        return None


def _place(config: DatabaseConfig) -> tuple[object, ...]:
    return (config.backend, config.host, config.port, config.socket, database_name(config), config.schema)
