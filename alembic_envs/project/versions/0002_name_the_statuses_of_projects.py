"""Name the statuses of projects.

Until now a status was any text of 20 characters. It becomes one of five labels; what is none of them goes where `label_of` says:
other case and blanks count for nothing, common words have their label, the rest are drafts. Such a text stays in `status_note`,
and comes back as it was when this is taken back.

What does not come back: the text of a project whose status has been changed since, for it is no longer its status.

Revision ID: 0002
Revises: 0001
Create Date: 2026-11-21 20:10:00
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

TEXT = dbt.v1.String(20)
LABELS = dbt.v1.Enum("draft", "active", "on_hold", "done", "archived")
WORDS = {
    **dict.fromkeys(("active", "in_progress", "open", "running", "started"), "active"),
    **dict.fromkeys(("on_hold", "blocked", "hold", "paused", "suspended", "waiting"), "on_hold"),
    **dict.fromkeys(("done", "closed", "complete", "completed", "delivered", "finished"), "done"),
    **dict.fromkeys(("archived", "archive", "abandoned", "cancelled", "canceled"), "archived"),
}
VISIBILITY = dbt.v1.Enum("private", "team", "public")
BATCH_ROWS = 500

projects = sa.table(
    "projects", sa.column("id", dbt.v1.Uuid()), sa.column("status", TEXT), sa.column("status_note", TEXT)
)


def label_of(text: str) -> str:
    """Find the label for what somebody wrote."""
    return WORDS.get("_".join(text.lower().replace("-", " ").replace("_", " ").split()), "draft")


def upgrade() -> None:
    """Note the texts that are no labels, put their labels there, and let the column take nothing else."""
    op.add_column("projects", sa.Column("status_note", TEXT, nullable=True))
    if not context.is_offline_mode():
        for found in batches():
            write([labelled(row) for row in found if label_of(row.status) != row.status])
    change_type(TEXT, LABELS)


def downgrade() -> None:
    """Let the column take any text, and put the noted ones back where the status is still what they became."""
    change_type(LABELS, TEXT)
    if not context.is_offline_mode():
        for found in batches(projects.c.status_note.is_not(None)):
            write([noted(row) for row in found if label_of(row.status_note) == row.status])
    op.drop_column("projects", "status_note")


def change_type(old: dbt.v1.String | dbt.v1.Enum, new: dbt.v1.String | dbt.v1.Enum) -> None:
    """Change the type and the default of the status, without its index: SQL Server narrows no column that has one."""
    op.drop_index(op.f("ix_projects_status_created_at"), table_name="projects")
    with op.batch_alter_table("projects", copy_from=projects_before(old)) as batch:
        batch.alter_column(
            "status",
            existing_type=old,
            type_=new,
            existing_nullable=False,
            existing_server_default=dbt.v1.Literal("draft", old),
            server_default=dbt.v1.Literal("draft", new),
        )
    op.create_index(op.f("ix_projects_status_created_at"), "projects", ["status", "created_at"])


def projects_before(status: dbt.v1.String | dbt.v1.Enum) -> sa.Table:
    """Describe the table as it is before the change, for the SQL that is written without a database."""
    return sa.Table(
        "projects",
        sa.MetaData(),
        sa.Column("id", dbt.v1.Uuid(), nullable=False),
        sa.Column("owner_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("slug", dbt.v1.String(80), nullable=False),
        sa.Column("name", dbt.v1.String(200), nullable=False),
        sa.Column("summary", dbt.v1.Text(), nullable=True),
        sa.Column("status", status, nullable=False, server_default=dbt.v1.Literal("draft", status)),
        sa.Column("visibility", VISIBILITY, nullable=False, server_default=dbt.v1.Literal("private", VISIBILITY)),
        sa.Column("tags", dbt.v1.Array(dbt.v1.Text()), nullable=False, server_default=dbt.v1.EmptyArray()),
        sa.Column("settings", dbt.v1.Json(), nullable=False, server_default=dbt.v1.EmptyObject()),
        sa.Column("budget", dbt.v1.Numeric(14, 2), nullable=True),
        sa.Column("currency", dbt.v1.String(3), nullable=False, server_default=dbt.v1.Literal("EUR", dbt.v1.String(3))),
        sa.Column("starts_on", dbt.v1.Date(), nullable=True),
        sa.Column("due_on", dbt.v1.Date(), nullable=True),
        sa.Column("archived_at", dbt.v1.UtcDateTime(), nullable=True),
        sa.Column("version", dbt.v1.Integer(), nullable=False, server_default=dbt.v1.Literal(1, dbt.v1.Integer())),
        sa.Column("created_at", dbt.v1.UtcDateTime(), nullable=False, server_default=dbt.v1.Now()),
        sa.Column("updated_at", dbt.v1.UtcDateTime(), nullable=False, server_default=dbt.v1.Now()),
        sa.Column("status_note", dbt.v1.String(20), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
        sa.UniqueConstraint("slug", name=op.f("uq_projects_slug")),
        sa.Index(op.f("ix_projects_owner_id_created_at"), "owner_id", "created_at"),
    )


def labelled(row: sa.Row[Any]) -> dict[str, Any]:
    """Give a project its label, and note its text."""
    return {"row_id": row.id, "new": label_of(row.status), "note": row.status}


def noted(row: sa.Row[Any]) -> dict[str, Any]:
    """Give a project its text back."""
    return {"row_id": row.id, "new": row.status_note, "note": None}


def batches(*conditions: sa.ColumnElement[bool]) -> Iterator[Sequence[sa.Row[Any]]]:
    """Read projects by their key, some at a time."""
    query = sa.select(projects).where(*conditions).order_by(projects.c.id).limit(BATCH_ROWS)
    found = op.get_bind().execute(query).all()
    while found:
        yield found
        found = op.get_bind().execute(query.where(projects.c.id > found[-1].id)).all()


def write(changes: list[dict[str, Any]]) -> None:
    """Write statuses and notes, by key."""
    statement = (
        sa.update(projects)
        .where(projects.c.id == sa.bindparam("row_id"))
        .values(status=sa.bindparam("new"), status_note=sa.bindparam("note"))
    )
    if changes:
        op.get_bind().execute(statement, changes)
