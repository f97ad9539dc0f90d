"""Keep the versions of documents.

Each document as it stands becomes the first version that is kept of it, under the number that it has. When this is taken back,
the documents stay as they are, and their earlier versions are gone for good.

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-21 20:40:00
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import context, op

import dbkit.types as dbt

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BATCH_ROWS = 50  # with their bodies

documents = sa.table(
    "documents",
    sa.column("id", dbt.v1.Uuid()),
    sa.column("version", dbt.v1.Integer()),
    sa.column("author_id", dbt.v1.Uuid()),
    sa.column("title", dbt.v1.String(200)),
    sa.column("body", dbt.v1.Json()),
    sa.column("updated_at", dbt.v1.UtcDateTime()),
)
document_versions = sa.table(
    "document_versions",
    sa.column("document_id", dbt.v1.Uuid()),
    sa.column("version", dbt.v1.Integer()),
    sa.column("author_id", dbt.v1.Uuid()),
    sa.column("title", dbt.v1.String(200)),
    sa.column("body", dbt.v1.Json()),
    sa.column("checksum", dbt.v1.Binary(32)),
    sa.column("size_bytes", dbt.v1.BigInteger()),
    sa.column("saved_at", dbt.v1.UtcDateTime()),
)


def upgrade() -> None:
    """Make the table, and put every document into it as it stands."""
    op.create_table(
        "document_versions",
        sa.Column("document_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("version", dbt.v1.Integer(), autoincrement=False, nullable=False),
        sa.Column("author_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("title", dbt.v1.String(200), nullable=False),
        sa.Column("body", dbt.v1.Json(), nullable=False),
        sa.Column("checksum", dbt.v1.Binary(32), nullable=False),
        sa.Column("size_bytes", dbt.v1.BigInteger(), nullable=False),
        sa.Column("saved_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["documents.id"],
            name=op.f("fk_document_versions_document_id_documents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("document_id", "version", name=op.f("pk_document_versions")),
    )
    if not context.is_offline_mode():
        for found in batches():
            op.get_bind().execute(sa.insert(document_versions), [version_of(row) for row in found])


def downgrade() -> None:
    """Drop the table, and with it what was kept."""
    op.drop_table("document_versions")


def version_of(row: sa.Row[Any]) -> dict[str, Any]:
    """Make of a document the version that is kept of it."""
    text = json.dumps(row.body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return {
        "document_id": row.id,
        "version": row.version,
        "author_id": row.author_id,
        "title": row.title,
        "body": row.body,
        "checksum": hashlib.sha256(text).digest(),
        "size_bytes": len(text),
        "saved_at": row.updated_at,
    }


def batches() -> Iterator[Sequence[Any]]:
    """Read the documents by their key, some at a time."""
    query = sa.select(documents).order_by(documents.c.id).limit(BATCH_ROWS)
    found = op.get_bind().execute(query).all()
    while found:
        yield found
        found = op.get_bind().execute(query.where(documents.c.id > found[-1].id)).all()
