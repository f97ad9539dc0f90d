"""Find projects by tag, and show new ones to their team.

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-21 20:30:00
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import dbkit.types as dbt

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

STATUS = dbt.v1.Enum("draft", "active", "on_hold", "done", "archived")
VISIBILITY = dbt.v1.Enum("private", "team", "public")


def upgrade() -> None:
    """Add the indexes, and change the default; what is there keeps its visibility."""
    op.create_index(op.f("ix_project_tags_tag"), "project_tags", ["tag"])
    op.create_index(op.f("ix_projects_visibility_created_at"), "projects", ["visibility", "created_at"])
    change_default("private", "team")


def downgrade() -> None:
    """Change the default back, and drop the indexes."""
    change_default("team", "private")
    op.drop_index(op.f("ix_projects_visibility_created_at"), table_name="projects")
    op.drop_index(op.f("ix_project_tags_tag"), table_name="project_tags")


def change_default(old: str, new: str) -> None:
    """Change what a project's visibility is where nobody says."""
    with op.batch_alter_table("projects", copy_from=projects_before(old)) as batch:
        batch.alter_column(
            "visibility",
            existing_type=VISIBILITY,
            existing_nullable=False,
            existing_server_default=dbt.v1.Literal(old, VISIBILITY),
            server_default=dbt.v1.Literal(new, VISIBILITY),
        )


def projects_before(visibility: str) -> sa.Table:
    """Describe the table as it is before the change, for the SQL that is written without a database."""
    table = sa.Table(
        "projects",
        sa.MetaData(),
        sa.Column("id", dbt.v1.Uuid(), nullable=False),
        sa.Column("owner_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("slug", dbt.v1.String(80), nullable=False),
        sa.Column("name", dbt.v1.String(200), nullable=False),
        sa.Column("summary", dbt.v1.Text(), nullable=True),
        sa.Column("status", STATUS, nullable=False, server_default=dbt.v1.Literal("draft", STATUS)),
        sa.Column("visibility", VISIBILITY, nullable=False, server_default=dbt.v1.Literal(visibility, VISIBILITY)),
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
    )
    # batch mode makes them anew in the order of a set, and the SQL shall be the same each time
    table.indexes = sa.util.OrderedSet(
        [
            sa.Index(op.f("ix_projects_owner_id_created_at"), table.c.owner_id, table.c.created_at),
            sa.Index(op.f("ix_projects_status_created_at"), table.c.status, table.c.created_at),
            sa.Index(op.f("ix_projects_visibility_created_at"), table.c.visibility, table.c.created_at),
        ]
    )
    return table
