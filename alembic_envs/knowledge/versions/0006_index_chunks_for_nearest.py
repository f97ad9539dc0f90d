"""Index chunks as the search for the nearest reads them.

Revision ID: 0006
Revises: 0005
Create Date: 2026-11-21 20:20:00
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0006"
down_revision: str | Sequence[str] | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Index the chunks of a model by key; the index on the model alone has nothing more to do."""
    op.create_index(op.f("ix_chunks_embedding_model_id"), "chunks", ["embedding_model", "id"])
    op.drop_index(op.f("ix_chunks_embedding_model"), "chunks")


def downgrade() -> None:
    """Index the model alone."""
    op.create_index(op.f("ix_chunks_embedding_model"), "chunks", ["embedding_model"])
    op.drop_index(op.f("ix_chunks_embedding_model_id"), "chunks")
