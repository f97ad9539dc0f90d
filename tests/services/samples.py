"""What is asked of the sample rows of any service."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from dbkit.migrations import seed
from dbkit.project import Project


def seed_twice(project: Project, service: str) -> list[int | None]:
    """Write a service's sample rows, and once more, and tell how many that were."""
    return [seed(project, [service])[service].seeded for _ in range(2)]


def described(row: object) -> dict[str, object]:
    """Give all that a row holds, by column."""
    return {key: value for key, value in vars(row).items() if not key.startswith("_")}


def assert_told(rows: Callable[[], list[object]], metadata: sa.MetaData, *moments: str) -> None:
    """Require that the rows are the same each time, and say all that the clock or chance would.

    Args:
        rows: gives them.
        metadata: of their tables.
        moments: the columns that the clock would fill, beside those that all services have.
    """
    first, second = rows(), rows()
    assert [(type(row), described(row)) for row in first] == [(type(row), described(row)) for row in second]
    for row in first:
        table = metadata.tables[type(row).__tablename__]  # type: ignore[attr-defined] # a model's
        assert {"id", "created_at", "updated_at", *moments} & set(table.columns.keys()) <= set(described(row))
