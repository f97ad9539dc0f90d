"""Give resources a scope.

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-21 20:05:00

The scope says within what a content is unique: the project's id as a text, or `all`. A rule over `project_id` itself would let
any number of NULLs by on most backends, and one on SQL Server.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import context, op

import dbkit.types as dbt

revision: str = "0003"
down_revision: str | Sequence[str] | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BATCH = 500

resources = sa.table(
    "resources",
    sa.column("id", dbt.v1.Uuid()),
    sa.column("project_id", dbt.v1.Uuid()),
    sa.column("scope", dbt.v1.String(36)),
)


def upgrade() -> None:
    """Add the column, right for what belongs to no project, and fill it for what belongs to one."""
    default = dbt.v1.Literal("all", dbt.v1.String(36))
    op.add_column("resources", sa.Column("scope", dbt.v1.String(36), server_default=default, nullable=False))
    if context.is_offline_mode():
        return  # a database that is made from nothing has no rows
    for rows in batches():
        values = [{"row": row.id, "scope": str(row.project_id)} for row in rows]
        changed = {"scope": sa.bindparam("scope")}
        op.get_bind().execute(sa.update(resources).where(resources.c.id == sa.bindparam("row")).values(changed), values)


def downgrade() -> None:
    """Drop the column: `project_id` says the same."""
    with op.batch_alter_table("resources") as batch:
        batch.drop_column("scope", mssql_drop_default=True)


def batches() -> Iterator[Sequence[sa.Row[Any]]]:
    """Read the resources of projects in batches, by key."""
    key = resources.c.id
    query = sa.select(key, resources.c.project_id).where(resources.c.project_id.is_not(None)).order_by(key).limit(BATCH)
    rows = op.get_bind().execute(query).all()
    while rows:
        yield rows
        rows = op.get_bind().execute(query.where(key > rows[-1].id)).all()
