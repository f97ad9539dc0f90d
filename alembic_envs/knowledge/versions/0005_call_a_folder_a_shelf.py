"""Call a bookmark's folder its shelf.

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-21 20:15:00
"""

from collections.abc import Sequence

from alembic import op

import dbkit.types as dbt

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Rename the column."""
    rename("folder", "shelf")


def downgrade() -> None:
    """Give it its old name."""
    rename("shelf", "folder")


def rename(old: str, new: str) -> None:
    """Rename the column in place: it has no CHECK of its name, so that not even SQLite needs to build the table anew."""
    op.alter_column(
        "bookmarks",
        old,
        new_column_name=new,
        existing_type=dbt.v1.String(120),
        existing_server_default=dbt.v1.Literal("inbox", dbt.v1.String(120)),
        existing_nullable=False,
    )
