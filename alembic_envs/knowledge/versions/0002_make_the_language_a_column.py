"""Make the language of a resource a column of its own.

Revision ID: 0002
Revises: 0001
Create Date: 2026-11-21 20:00:00

A language that is a text of 1 to 35 characters moves out of `details`. Whatever else stands there under that name (null, a
number, an object, a longer text) is no language: it stays where it is, and the column is NULL.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import context, op

import dbkit.types as dbt

revision: str = "0002"
down_revision: str | Sequence[str] | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

LONGEST = 35
BATCH = 500

resources = sa.table(
    "resources",
    sa.column("id", dbt.v1.Uuid()),
    sa.column("details", dbt.v1.Json()),
    sa.column("language", dbt.v1.String(LONGEST)),
)


def upgrade() -> None:
    """Add the column, and move what it is for out of the JSON; the rest of it stays as it was."""
    op.add_column("resources", sa.Column("language", dbt.v1.String(LONGEST), nullable=True))
    op.create_index(op.f("ix_resources_language"), "resources", ["language"])
    if context.is_offline_mode():
        return  # a database that is made from nothing has no rows
    for rows in batches(resources.c.id, resources.c.details):
        write([moved_out(row) for row in rows if has_language(row.details)])


def downgrade() -> None:
    """Move the languages back into the JSON, and drop the column."""
    if not context.is_offline_mode():
        for rows in batches(resources.c.id, resources.c.details, resources.c.language):
            write([moved_in(row) for row in rows if row.language is not None])
    op.drop_index(op.f("ix_resources_language"), "resources")
    with op.batch_alter_table("resources") as batch:
        batch.drop_column("language")


def has_language(details: object) -> bool:
    """Tell whether the JSON holds what the column takes."""
    language = details.get("language") if isinstance(details, dict) else None
    return isinstance(language, str) and 1 <= len(language) <= LONGEST


def moved_out(row: sa.Row[Any]) -> dict[str, Any]:
    """Take the language out of the JSON."""
    details = {key: value for key, value in row.details.items() if key != "language"}
    return {"row": row.id, "details": details, "language": row.details["language"]}


def moved_in(row: sa.Row[Any]) -> dict[str, Any]:
    """Put the language into the JSON."""
    return {"row": row.id, "details": {**row.details, "language": row.language}, "language": row.language}


def batches(key: sa.ColumnClause[Any], *columns: sa.ColumnClause[Any]) -> Iterator[Sequence[sa.Row[Any]]]:
    """Read the table in batches, by key."""
    query = sa.select(key, *columns).order_by(key).limit(BATCH)
    rows = op.get_bind().execute(query).all()
    while rows:
        yield rows
        rows = op.get_bind().execute(query.where(key > rows[-1].id)).all()


def write(values: list[dict[str, Any]]) -> None:
    """Write both places of the language."""
    if values:
        changed = {"details": sa.bindparam("details"), "language": sa.bindparam("language")}
        op.get_bind().execute(sa.update(resources).where(resources.c.id == sa.bindparam("row")).values(changed), values)
