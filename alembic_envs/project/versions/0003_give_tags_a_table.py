"""Give tags a table.

A project's tags become rows of their own, in the same order, so that projects are found by them on every backend. Of a tag that
is there twice the first place counts, and empty ones are left out; neither comes back when this is taken back. A tag of over 200
characters stops it before anything is changed.

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-21 20:20:00
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

TAGS = dbt.v1.Array(dbt.v1.Text())
TAG_CHARACTERS = 200
BATCH_ROWS = 500

projects = sa.table("projects", sa.column("id", dbt.v1.Uuid()), sa.column("tags", TAGS))
project_tags = sa.table(
    "project_tags",
    sa.column("project_id", dbt.v1.Uuid()),
    sa.column("tag", dbt.v1.String(TAG_CHARACTERS)),
    sa.column("position", dbt.v1.Integer()),
)


def upgrade() -> None:
    """Make the table, carry the tags over, and drop the column."""
    if not context.is_offline_mode():
        refuse_long_tags()
    op.create_table(
        "project_tags",
        sa.Column("project_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("tag", dbt.v1.String(TAG_CHARACTERS), nullable=False),
        sa.Column("position", dbt.v1.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_project_tags_project_id_projects"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "tag", name=op.f("pk_project_tags")),
    )
    if not context.is_offline_mode():
        for batch_of in batches(sa.select(projects)):
            write(
                sa.insert(project_tags),
                [
                    {"project_id": row.id, "tag": tag, "position": position}
                    for row in batch_of
                    for position, tag in enumerate(kept(row.tags), start=1)
                ],
            )
    op.drop_column("projects", "tags", mssql_drop_default=True, mssql_drop_check=True)


def downgrade() -> None:
    """Make the column, carry the tags back, and drop the table."""
    op.add_column("projects", sa.Column("tags", TAGS, nullable=True))
    if not context.is_offline_mode():
        for batch_of in batches(sa.select(projects.c.id)):
            tags = tags_of([row.id for row in batch_of])
            write(
                sa.update(projects)
                .where(projects.c.id == sa.bindparam("row_id"))
                .values(tags=sa.bindparam("kept", type_=TAGS)),
                [{"row_id": row.id, "kept": tags.get(row.id, [])} for row in batch_of],
            )
    with op.batch_alter_table("projects") as batch:
        batch.alter_column("tags", existing_type=TAGS, nullable=False, server_default=dbt.v1.EmptyArray())
    op.drop_table("project_tags")


def kept(tags: list[str | None]) -> list[str]:
    """Leave out what is empty, and what was there before."""
    return list(dict.fromkeys(tag for tag in tags if tag and tag.strip()))


def refuse_long_tags() -> None:
    """Find tags that would have to be cut."""
    for batch_of in batches(sa.select(projects)):
        for row in batch_of:
            for tag in kept(row.tags):
                if len(tag) > TAG_CHARACTERS:
                    message = f"project {row.id} has a tag of {len(tag)} characters, {tag[:40]!r}…: shorten it to 200"
                    raise ValueError(message)


def tags_of(project_ids: list[Any]) -> dict[Any, list[str]]:
    """Read the tags of some projects, in order."""
    found: dict[Any, list[str]] = {}
    query = sa.select(project_tags).where(project_tags.c.project_id.in_(project_ids))
    for row in op.get_bind().execute(query.order_by(project_tags.c.project_id, project_tags.c.position)):
        found.setdefault(row.project_id, []).append(row.tag)
    return found


def batches(query: sa.Select[Any]) -> Iterator[Sequence[Any]]:
    """Read projects by their key, some at a time."""
    query = query.order_by(projects.c.id).limit(BATCH_ROWS)
    found = op.get_bind().execute(query).all()
    while found:
        yield found
        found = op.get_bind().execute(query.where(projects.c.id > found[-1].id)).all()


def write(statement: sa.Insert | sa.Update, rows: list[dict[str, Any]]) -> None:
    """Write rows, where there are any."""
    if rows:
        op.get_bind().execute(statement, rows)
