"""Create users, roles, profiles, sessions and audit events.

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
    create_users()
    create_roles()
    create_user_roles()
    create_profiles()
    create_sessions()
    create_audit_events()


def downgrade() -> None:
    """Drop the tables, the referring ones first; their indexes go with them (MySQL drops none that a foreign key needs)."""
    op.drop_table("audit_events")
    op.drop_table("sessions")
    op.drop_table("profiles")
    op.drop_table("user_roles")
    op.drop_table("roles")
    op.drop_table("users")


def create_users() -> None:
    """Create the accounts."""
    status = dbt.v1.Enum("invited", "active", "suspended", "closed")
    op.create_table(
        "users",
        sa.Column("id", dbt.v1.Uuid(), nullable=False),
        sa.Column("email", dbt.v1.String(320), nullable=False),
        sa.Column("password_hash", dbt.v1.String(255), nullable=True),
        sa.Column("status", status, server_default=dbt.v1.Literal("invited", status), nullable=False),
        sa.Column("is_staff", dbt.v1.Boolean(), server_default=dbt.v1.Literal(False, dbt.v1.Boolean()), nullable=False),
        sa.Column("last_login_at", dbt.v1.UtcDateTime(), nullable=True),
        sa.Column("version", dbt.v1.Integer(), server_default=dbt.v1.Literal(1, dbt.v1.Integer()), nullable=False),
        sa.Column("created_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.Column("updated_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_index(op.f("ix_users_status_created_at"), "users", ["status", "created_at"])


def create_roles() -> None:
    """Create the roles."""
    op.create_table(
        "roles",
        sa.Column("id", dbt.v1.Uuid(), nullable=False),
        sa.Column("name", dbt.v1.String(60), nullable=False),
        sa.Column("description", dbt.v1.Text(), nullable=True),
        sa.Column("permissions", dbt.v1.Array(dbt.v1.Text()), server_default=dbt.v1.EmptyArray(), nullable=False),
        sa.Column(
            "is_builtin", dbt.v1.Boolean(), server_default=dbt.v1.Literal(False, dbt.v1.Boolean()), nullable=False
        ),
        sa.Column("created_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.Column("updated_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roles")),
        sa.UniqueConstraint("name", name=op.f("uq_roles_name")),
    )


def create_user_roles() -> None:
    """Create what says who holds which role."""
    op.create_table(
        "user_roles",
        sa.Column("user_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("role_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("granted_by", dbt.v1.Uuid(), nullable=True),
        sa.Column("granted_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.Column("expires_at", dbt.v1.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_user_roles_user_id_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name=op.f("fk_user_roles_role_id_roles")),
        sa.PrimaryKeyConstraint("user_id", "role_id", name=op.f("pk_user_roles")),
    )
    op.create_index(op.f("ix_user_roles_role_id"), "user_roles", ["role_id"])


def create_profiles() -> None:
    """Create the profiles."""
    op.create_table(
        "profiles",
        sa.Column("user_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("full_name", dbt.v1.String(200), nullable=False),
        sa.Column("job_title", dbt.v1.String(120), nullable=True),
        sa.Column("biography", dbt.v1.Text(), nullable=True),
        sa.Column("avatar", dbt.v1.Binary(), nullable=True),
        sa.Column("locale", dbt.v1.String(35), server_default=dbt.v1.Literal("en", dbt.v1.String(35)), nullable=False),
        sa.Column(
            "time_zone", dbt.v1.String(64), server_default=dbt.v1.Literal("UTC", dbt.v1.String(64)), nullable=False
        ),
        sa.Column("skills", dbt.v1.Array(dbt.v1.Text()), server_default=dbt.v1.EmptyArray(), nullable=False),
        sa.Column("settings", dbt.v1.Json(), server_default=dbt.v1.EmptyObject(), nullable=False),
        sa.Column("hourly_rate", dbt.v1.Numeric(10, 2), nullable=True),
        sa.Column("created_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.Column("updated_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_profiles_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_profiles")),
    )


def create_sessions() -> None:
    """Create the places where users are signed in."""
    op.create_table(
        "sessions",
        sa.Column("id", dbt.v1.Uuid(), nullable=False),
        sa.Column("user_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("token_hash", dbt.v1.Binary(32), nullable=False),
        sa.Column("client", dbt.v1.Json(), server_default=dbt.v1.EmptyObject(), nullable=False),
        sa.Column("created_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.Column("last_seen_at", dbt.v1.UtcDateTime(), nullable=True),
        sa.Column("expires_at", dbt.v1.UtcDateTime(), nullable=False),
        sa.Column("revoked_at", dbt.v1.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
    )
    op.create_index(op.f("ix_sessions_user_id_expires_at"), "sessions", ["user_id", "expires_at"])
    op.create_index(op.f("ix_sessions_expires_at"), "sessions", ["expires_at"])


def create_audit_events() -> None:
    """Create the record of what was done."""
    op.create_table(
        "audit_events",
        sa.Column("id", dbt.v1.Uuid(), nullable=False),
        sa.Column("actor_id", dbt.v1.Uuid(), nullable=True),
        sa.Column("action", dbt.v1.String(80), nullable=False),
        sa.Column("target_type", dbt.v1.String(60), nullable=True),
        sa.Column("target_id", dbt.v1.Uuid(), nullable=True),
        sa.Column("outcome", dbt.v1.Enum("allowed", "denied", "failed"), nullable=False),
        sa.Column("details", dbt.v1.Json(), server_default=dbt.v1.EmptyObject(), nullable=False),
        sa.Column("request_id", dbt.v1.Uuid(), nullable=True),
        sa.Column("occurred_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    op.create_index(op.f("ix_audit_events_actor_id_occurred_at"), "audit_events", ["actor_id", "occurred_at"])
    op.create_index(op.f("ix_audit_events_occurred_at"), "audit_events", ["occurred_at"])
