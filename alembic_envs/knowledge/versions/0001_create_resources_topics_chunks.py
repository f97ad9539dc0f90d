"""Create resources, topics, chunks, citations and bookmarks.

Revision ID: 0001
Revises:
Create Date: 2026-11-21 14:00:00
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import dbkit.types as dbt

revision: str = "0001"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Create the tables, the referred ones first."""
    create_resources()
    create_topics()
    create_resource_topics()
    create_chunks()
    create_citations()
    create_bookmarks()


def downgrade() -> None:
    """Drop the tables, the referring ones first; their indexes go with them (MySQL drops none that a foreign key needs)."""
    op.drop_table("bookmarks")
    op.drop_table("citations")
    op.drop_table("chunks")
    op.drop_table("resource_topics")
    op.drop_table("topics")
    op.drop_table("resources")


def create_resources() -> None:
    """Create what has been read."""
    op.create_table(
        "resources",
        sa.Column("id", dbt.v1.Uuid(), nullable=False),
        sa.Column("kind", dbt.v1.Enum("article", "book", "standard", "pattern", "video", "dataset"), nullable=False),
        sa.Column("title", dbt.v1.String(300), nullable=False),
        sa.Column("summary", dbt.v1.Text(), nullable=True),
        sa.Column("source_url", dbt.v1.Text(), nullable=True),
        sa.Column("authors", dbt.v1.Array(dbt.v1.Text()), server_default=dbt.v1.EmptyArray(), nullable=False),
        sa.Column("details", dbt.v1.Json(), server_default=dbt.v1.EmptyObject(), nullable=False),
        sa.Column("content_hash", dbt.v1.Binary(32), nullable=False),
        sa.Column("project_id", dbt.v1.Uuid(), nullable=True),
        sa.Column("added_by", dbt.v1.Uuid(), nullable=False),
        sa.Column("is_public", dbt.v1.Boolean(), server_default=dbt.v1.Literal(True, dbt.v1.Boolean()), nullable=False),
        sa.Column("published_on", dbt.v1.Date(), nullable=True),
        sa.Column("page_count", dbt.v1.Integer(), nullable=True),
        sa.Column("size_bytes", dbt.v1.BigInteger(), nullable=True),
        sa.Column("quality_score", dbt.v1.Float(), nullable=True),
        sa.Column("price", dbt.v1.Numeric(10, 2), nullable=True),
        sa.Column("version", dbt.v1.Integer(), server_default=dbt.v1.Literal(1, dbt.v1.Integer()), nullable=False),
        sa.Column("created_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.Column("updated_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resources")),
    )
    op.create_index(op.f("ix_resources_kind_created_at"), "resources", ["kind", "created_at"])
    op.create_index(op.f("ix_resources_content_hash"), "resources", ["content_hash"])
    op.create_index(op.f("ix_resources_project_id"), "resources", ["project_id"])


def create_topics() -> None:
    """Create the tree of topics."""
    op.create_table(
        "topics",
        sa.Column("id", dbt.v1.Uuid(), nullable=False),
        sa.Column("path", dbt.v1.String(400), nullable=False),
        sa.Column("name", dbt.v1.String(120), nullable=False),
        sa.Column("description", dbt.v1.Text(), nullable=True),
        sa.Column("synonyms", dbt.v1.Array(dbt.v1.Text()), server_default=dbt.v1.EmptyArray(), nullable=False),
        sa.Column("depth", dbt.v1.SmallInteger(), nullable=False),
        sa.Column("created_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.Column("updated_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topics")),
        sa.UniqueConstraint("path", name=op.f("uq_topics_path")),
    )
    op.create_index(op.f("ix_topics_name"), "topics", ["name"])


def create_resource_topics() -> None:
    """Create what says which resource speaks of which topic."""
    op.create_table(
        "resource_topics",
        sa.Column("resource_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("topic_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("relevance", dbt.v1.Float(), server_default=dbt.v1.Literal(1.0, dbt.v1.Float()), nullable=False),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resources.id"], name=op.f("fk_resource_topics_resource_id_resources"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["topic_id"], ["topics.id"], name=op.f("fk_resource_topics_topic_id_topics"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("resource_id", "topic_id", name=op.f("pk_resource_topics")),
    )
    op.create_index(op.f("ix_resource_topics_topic_id"), "resource_topics", ["topic_id"])


def create_chunks() -> None:
    """Create the pieces of resources."""
    op.create_table(
        "chunks",
        sa.Column("id", dbt.v1.Uuid(), nullable=False),
        sa.Column("resource_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("position", dbt.v1.Integer(), nullable=False),
        sa.Column("heading", dbt.v1.String(300), nullable=True),
        sa.Column("body", dbt.v1.Text(), nullable=False),
        sa.Column("token_count", dbt.v1.Integer(), nullable=False),
        sa.Column("pages", dbt.v1.Array(dbt.v1.Integer()), server_default=dbt.v1.EmptyArray(), nullable=False),
        sa.Column("embedding", dbt.v1.Array(dbt.v1.Float()), nullable=True),
        sa.Column("embedding_model", dbt.v1.String(80), nullable=True),
        sa.Column("created_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resources.id"], name=op.f("fk_chunks_resource_id_resources"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chunks")),
        sa.UniqueConstraint("resource_id", "position", name=op.f("uq_chunks_resource_id_position")),
    )
    op.create_index(op.f("ix_chunks_embedding_model"), "chunks", ["embedding_model"])


def create_citations() -> None:
    """Create the places in documents that chunks stand behind."""
    op.create_table(
        "citations",
        sa.Column("id", dbt.v1.Uuid(), nullable=False),
        sa.Column("chunk_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("document_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("marker", dbt.v1.String(40), nullable=False),
        sa.Column("quote", dbt.v1.Text(), nullable=False),
        sa.Column("pages", dbt.v1.Array(dbt.v1.Integer()), server_default=dbt.v1.EmptyArray(), nullable=False),
        sa.Column("locator", dbt.v1.Json(), nullable=True),
        sa.Column("confidence", dbt.v1.Float(), nullable=True),
        sa.Column("created_by", dbt.v1.Uuid(), nullable=False),
        sa.Column("created_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["chunk_id"], ["chunks.id"], name=op.f("fk_citations_chunk_id_chunks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_citations")),
        sa.UniqueConstraint("document_id", "marker", name=op.f("uq_citations_document_id_marker")),
    )
    op.create_index(op.f("ix_citations_chunk_id"), "citations", ["chunk_id"])


def create_bookmarks() -> None:
    """Create what users keep."""
    op.create_table(
        "bookmarks",
        sa.Column("id", dbt.v1.Uuid(), nullable=False),
        sa.Column("user_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("resource_id", dbt.v1.Uuid(), nullable=False),
        sa.Column(
            "folder", dbt.v1.String(120), server_default=dbt.v1.Literal("inbox", dbt.v1.String(120)), nullable=False
        ),
        sa.Column("labels", dbt.v1.Array(dbt.v1.Text()), server_default=dbt.v1.EmptyArray(), nullable=False),
        sa.Column("note", dbt.v1.Text(), nullable=True),
        sa.Column("created_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.Column("updated_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resources.id"], name=op.f("fk_bookmarks_resource_id_resources"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bookmarks")),
        sa.UniqueConstraint("user_id", "resource_id", name=op.f("uq_bookmarks_user_id_resource_id")),
    )
    op.create_index(op.f("ix_bookmarks_resource_id"), "bookmarks", ["resource_id"])
