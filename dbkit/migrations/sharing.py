"""Services that share a database: each must note its revision in a table of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbkit.errors import ConfigurationError, DbkitError
from dbkit.migrations.databases import database_name

if TYPE_CHECKING:
    from dbkit.config import DatabaseConfig
    from dbkit.project import Project
    from dbkit.revisions.layout import Layout

__all__ = ["refuse_shared_version_table"]


def refuse_shared_version_table(project: Project, name: str, *, layout: Layout, config: DatabaseConfig) -> None:
    """Refuse a service whose version table is another one's too: each would take the other's revisions for its own.

    Raises:
        ConfigurationError: it is so.
    """
    for other in project.service_names:
        if other != name and _shares(project, other, layout=layout, config=config):
            raise ConfigurationError(
                f"services {name!r} and {other!r} have the version table {layout.version_table!r} in one database, {database_name(config)!r}",
                hint=f'write version_table = "alembic_version_{name}" in [tool.dbkit.services.{name}], or give it a database of its own',
            )


def _shares(project: Project, other: str, *, layout: Layout, config: DatabaseConfig) -> bool:
    """Tell whether another service uses the same version table; what is wrong with its settings is told when it is asked for."""
    try:
        theirs = project.layout(other)
        if (theirs.version_table, theirs.version_schema) != (layout.version_table, layout.version_schema):
            return False
        return _place(project.migration_config(other)) == _place(config)
    except DbkitError:
        return False


def _place(config: DatabaseConfig) -> tuple[object, ...]:
    return (config.backend, config.host, config.port, config.socket, database_name(config), config.schema)
