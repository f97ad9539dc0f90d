"""Take relevance for half where nobody says.

Revision ID: 0007
Revises: 0006
Create Date: 2026-11-21 20:25:00

What stands there stays: a default speaks of rows to come.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import dbkit.types as dbt

revision: str = "0007"
down_revision: str | Sequence[str] | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Say neither hardly nor throughout."""
    change_default(1.0, 0.5)


def downgrade() -> None:
    """Say throughout."""
    change_default(0.5, 1.0)


def change_default(old: float, new: float) -> None:
    """Change the default; SQLite builds the table anew, as it is written here, because offline there is none to look at."""
    with op.batch_alter_table("resource_topics", copy_from=columns(old), table_args=foreign_keys()) as batch:
        batch.alter_column(
            "relevance",
            existing_type=dbt.v1.Float(),
            existing_server_default=dbt.v1.Literal(old, dbt.v1.Float()),
            server_default=dbt.v1.Literal(new, dbt.v1.Float()),
            existing_nullable=False,
        )


def columns(default: float) -> sa.Table:
    """Describe the table as it is before the change, without its foreign keys: of several, a batch loses the order."""
    relevance = dbt.v1.Literal(default, dbt.v1.Float())
    return sa.Table(
        "resource_topics",
        sa.MetaData(),
        sa.Column("resource_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("topic_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("relevance", dbt.v1.Float(), server_default=relevance, nullable=False),
        sa.PrimaryKeyConstraint("resource_id", "topic_id", name=op.f("pk_resource_topics")),
        sa.Index(op.f("ix_resource_topics_topic_id"), "topic_id"),
    )


def foreign_keys() -> list[sa.ForeignKeyConstraint]:
    """Describe the table's foreign keys."""
    resources, topics = (
        sa.Table(name, sa.MetaData(), sa.Column("id", dbt.v1.Uuid(), primary_key=True))
        for name in ("resources", "topics")
    )
    return [
        sa.ForeignKeyConstraint(
            ["resource_id"],
            [resources.c.id],
            name=op.f("fk_resource_topics_resource_id_resources"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["topic_id"], [topics.c.id], name=op.f("fk_resource_topics_topic_id_topics"), ondelete="CASCADE"
        ),
    ]
