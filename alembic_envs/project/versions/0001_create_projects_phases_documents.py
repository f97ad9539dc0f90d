"""Create projects, members, phases, documents, comments and activities.

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
    create_projects()
    create_members()
    create_phases()
    create_documents()
    create_comments()
    create_activities()


def downgrade() -> None:
    """Drop the tables, the referring ones first; their indexes go with them (MySQL drops none that a foreign key needs)."""
    op.drop_table("activities")
    op.drop_table("comments")
    op.drop_table("documents")
    op.drop_table("phases")
    op.drop_table("members")
    op.drop_table("projects")


def create_projects() -> None:
    """Create the projects."""
    visibility = dbt.v1.Enum("private", "team", "public")
    op.create_table(
        "projects",
        sa.Column("id", dbt.v1.Uuid(), nullable=False),
        sa.Column("owner_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("slug", dbt.v1.String(80), nullable=False),
        sa.Column("name", dbt.v1.String(200), nullable=False),
        sa.Column("summary", dbt.v1.Text(), nullable=True),
        sa.Column(
            "status", dbt.v1.String(20), server_default=dbt.v1.Literal("draft", dbt.v1.String(20)), nullable=False
        ),
        sa.Column("visibility", visibility, server_default=dbt.v1.Literal("private", visibility), nullable=False),
        sa.Column("tags", dbt.v1.Array(dbt.v1.Text()), server_default=dbt.v1.EmptyArray(), nullable=False),
        sa.Column("settings", dbt.v1.Json(), server_default=dbt.v1.EmptyObject(), nullable=False),
        sa.Column("budget", dbt.v1.Numeric(14, 2), nullable=True),
        sa.Column("currency", dbt.v1.String(3), server_default=dbt.v1.Literal("EUR", dbt.v1.String(3)), nullable=False),
        sa.Column("starts_on", dbt.v1.Date(), nullable=True),
        sa.Column("due_on", dbt.v1.Date(), nullable=True),
        sa.Column("archived_at", dbt.v1.UtcDateTime(), nullable=True),
        sa.Column("version", dbt.v1.Integer(), server_default=dbt.v1.Literal(1, dbt.v1.Integer()), nullable=False),
        sa.Column("created_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.Column("updated_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
        sa.UniqueConstraint("slug", name=op.f("uq_projects_slug")),
    )
    op.create_index(op.f("ix_projects_owner_id_created_at"), "projects", ["owner_id", "created_at"])
    op.create_index(op.f("ix_projects_status_created_at"), "projects", ["status", "created_at"])


def create_members() -> None:
    """Create what says who works on which project."""
    op.create_table(
        "members",
        sa.Column("project_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("user_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("role", dbt.v1.Enum("owner", "architect", "reviewer", "viewer"), nullable=False),
        sa.Column("capacity_percent", dbt.v1.SmallInteger(), nullable=True),
        sa.Column("invited_by", dbt.v1.Uuid(), nullable=True),
        sa.Column("joined_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_members_project_id_projects"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "user_id", name=op.f("pk_members")),
    )
    op.create_index(op.f("ix_members_user_id"), "members", ["user_id"])


def create_phases() -> None:
    """Create the phases of projects."""
    no_cost = dbt.v1.Literal("0.00", dbt.v1.Numeric(14, 2))
    op.create_table(
        "phases",
        sa.Column("id", dbt.v1.Uuid(), nullable=False),
        sa.Column("project_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("position", dbt.v1.SmallInteger(), nullable=False),
        sa.Column("name", dbt.v1.String(120), nullable=False),
        sa.Column("kind", dbt.v1.Enum("discovery", "requirements", "design", "review", "delivery"), nullable=False),
        sa.Column(
            "is_milestone", dbt.v1.Boolean(), server_default=dbt.v1.Literal(False, dbt.v1.Boolean()), nullable=False
        ),
        sa.Column("needs", dbt.v1.Array(dbt.v1.Integer()), server_default=dbt.v1.EmptyArray(), nullable=False),
        sa.Column("cost_estimate", dbt.v1.Numeric(14, 2), server_default=no_cost, nullable=False),
        sa.Column("starts_on", dbt.v1.Date(), nullable=True),
        sa.Column("ends_on", dbt.v1.Date(), nullable=True),
        sa.Column("created_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.Column("updated_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_phases_project_id_projects"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phases")),
        sa.UniqueConstraint("project_id", "position", name=op.f("uq_phases_project_id_position")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_phases_project_id_id")),
    )


def create_documents() -> None:
    """Create the documents of phases."""
    status = dbt.v1.Enum("draft", "in_review", "approved", "superseded")
    op.create_table(
        "documents",
        sa.Column("id", dbt.v1.Uuid(), nullable=False),
        sa.Column("project_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("phase_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("author_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("slug", dbt.v1.String(120), nullable=False),
        sa.Column("title", dbt.v1.String(200), nullable=False),
        sa.Column("kind", dbt.v1.Enum("brief", "requirements", "diagram", "decision", "report"), nullable=False),
        sa.Column("status", status, server_default=dbt.v1.Literal("draft", status), nullable=False),
        sa.Column("body", dbt.v1.Json(), server_default=dbt.v1.EmptyObject(), nullable=False),
        sa.Column("tags", dbt.v1.Array(dbt.v1.Text()), server_default=dbt.v1.EmptyArray(), nullable=False),
        sa.Column("checksum", dbt.v1.Binary(32), nullable=True),
        sa.Column(
            "size_bytes", dbt.v1.BigInteger(), server_default=dbt.v1.Literal(0, dbt.v1.BigInteger()), nullable=False
        ),
        sa.Column("version", dbt.v1.Integer(), server_default=dbt.v1.Literal(1, dbt.v1.Integer()), nullable=False),
        sa.Column("created_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.Column("updated_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "phase_id"],
            ["phases.project_id", "phases.id"],
            name=op.f("fk_documents_project_id_phase_id_phases"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
        sa.UniqueConstraint("project_id", "phase_id", "slug", name=op.f("uq_documents_project_id_phase_id_slug")),
    )
    op.create_index(
        op.f("ix_documents_project_id_status_created_at"), "documents", ["project_id", "status", "created_at"]
    )
    op.create_index(op.f("ix_documents_author_id_created_at"), "documents", ["author_id", "created_at"])


def create_comments() -> None:
    """Create the comments on documents."""
    op.create_table(
        "comments",
        sa.Column("id", dbt.v1.Uuid(), nullable=False),
        sa.Column("document_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("thread_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("author_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("body", dbt.v1.Text(), nullable=False),
        sa.Column("anchor", dbt.v1.Json(), nullable=True),
        sa.Column("mentions", dbt.v1.Array(dbt.v1.Text()), server_default=dbt.v1.EmptyArray(), nullable=False),
        sa.Column(
            "is_resolved", dbt.v1.Boolean(), server_default=dbt.v1.Literal(False, dbt.v1.Boolean()), nullable=False
        ),
        sa.Column("created_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.Column("updated_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_comments_document_id_documents"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comments")),
    )
    op.create_index(
        op.f("ix_comments_document_id_thread_id_created_at"), "comments", ["document_id", "thread_id", "created_at"]
    )
    op.create_index(op.f("ix_comments_author_id_created_at"), "comments", ["author_id", "created_at"])


def create_activities() -> None:
    """Create the time lines of projects."""
    op.create_table(
        "activities",
        sa.Column("id", dbt.v1.Uuid(), nullable=False),
        sa.Column("project_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("actor_id", dbt.v1.Uuid(), nullable=True),
        sa.Column("verb", dbt.v1.String(60), nullable=False),
        sa.Column("subject_type", dbt.v1.Enum("project", "member", "phase", "document", "comment"), nullable=False),
        sa.Column("subject_id", dbt.v1.Uuid(), nullable=True),
        sa.Column("payload", dbt.v1.Json(), server_default=dbt.v1.EmptyObject(), nullable=False),
        sa.Column("occurred_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_activities_project_id_projects"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activities")),
    )
    op.create_index(op.f("ix_activities_project_id_occurred_at"), "activities", ["project_id", "occurred_at"])
    op.create_index(op.f("ix_activities_actor_id_occurred_at"), "activities", ["actor_id", "occurred_at"])
