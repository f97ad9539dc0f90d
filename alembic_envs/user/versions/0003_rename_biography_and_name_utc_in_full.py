"""Call the biography what the form calls it, and name UTC as the time zone database does.

Profiles that are there keep their time zone: only the default changes.

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-23 09:00:00
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import dbkit.types as dbt

revision: str = "0003"
down_revision: str | Sequence[str] | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ZONE = dbt.v1.String(64)


def upgrade() -> None:
    """Rename the column and change the default."""
    change(name=("biography", "about"), zone=("UTC", "Etc/UTC"))


def downgrade() -> None:
    """Give both back what they had."""
    change(name=("about", "biography"), zone=("Etc/UTC", "UTC"))


def change(*, name: tuple[str, str], zone: tuple[str, str]) -> None:
    """Go from the first of each pair to the second."""
    with op.batch_alter_table("profiles", copy_from=profiles(name[0], zone[0])) as batch:
        batch.alter_column(name[0], new_column_name=name[1], existing_type=dbt.v1.Text(), existing_nullable=True)
        batch.alter_column(
            "time_zone",
            existing_type=ZONE,
            existing_nullable=False,
            existing_server_default=dbt.v1.Literal(zone[0], ZONE),
            server_default=dbt.v1.Literal(zone[1], ZONE),
        )


def profiles(about: str, zone: str) -> sa.Table:
    """Say what the table is like before: SQLite builds it anew, and offline there is none to look at."""
    return sa.Table(
        "profiles",
        sa.MetaData(),
        sa.Column("user_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("job_title", dbt.v1.String(120), nullable=True),
        sa.Column(about, dbt.v1.Text(), nullable=True),
        sa.Column("avatar", dbt.v1.Binary(), nullable=True),
        sa.Column("locale", dbt.v1.String(35), server_default=dbt.v1.Literal("en", dbt.v1.String(35)), nullable=False),
        sa.Column("time_zone", ZONE, server_default=dbt.v1.Literal(zone, ZONE), nullable=False),
        sa.Column("skills", dbt.v1.Array(dbt.v1.Text()), server_default=dbt.v1.EmptyArray(), nullable=False),
        sa.Column("settings", dbt.v1.Json(), server_default=dbt.v1.EmptyObject(), nullable=False),
        sa.Column("hourly_rate", dbt.v1.Numeric(10, 2), nullable=True),
        sa.Column("created_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.Column("updated_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.Column("given_name", dbt.v1.String(200), nullable=False),
        sa.Column("family_name", dbt.v1.String(200), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_profiles_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_profiles")),
    )
