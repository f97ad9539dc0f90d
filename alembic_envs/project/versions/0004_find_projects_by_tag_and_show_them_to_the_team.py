"""Find projects by tag, and show new ones to their team.

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-21 20:30:00
"""

from collections.abc import Sequence

from alembic import op

import dbkit.types as dbt

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

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
    with op.batch_alter_table("projects") as batch:
        batch.alter_column(
            "visibility",
            existing_type=VISIBILITY,
            existing_nullable=False,
            existing_server_default=dbt.v1.Literal(old, VISIBILITY),
            server_default=dbt.v1.Literal(new, VISIBILITY),
        )
