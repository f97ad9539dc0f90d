"""Split the full name of a profile into given name and family name.

The last word is the family name, everything before it the given name. What is one word is a given name alone, and comes
back as one word. Nothing of a name is lost on the way, not even a second blank.

Revision ID: 0002
Revises: 0001
Create Date: 2026-11-22 09:00:00
"""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import context, op

import dbkit.types as dbt

revision: str = "0002"
down_revision: str | Sequence[str] | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NAME = dbt.v1.String(200)
BATCH = 500
PROFILES = sa.table(
    "profiles",
    sa.column("user_id", dbt.v1.Uuid()),
    sa.column("full_name", NAME),
    sa.column("given_name", NAME),
    sa.column("family_name", NAME),
)


def upgrade() -> None:
    """Add the two names, fill them, and drop the one."""
    op.add_column("profiles", sa.Column("given_name", NAME, nullable=True))
    op.add_column("profiles", sa.Column("family_name", NAME, nullable=True))
    move(["full_name"], split)
    with op.batch_alter_table("profiles", copy_from=profiles(["full_name"], ["given_name", "family_name"])) as batch:
        batch.alter_column("given_name", existing_type=NAME, nullable=False)
        batch.drop_column("full_name")


def downgrade() -> None:
    """Add the one name, fill it, and drop the two."""
    op.add_column("profiles", sa.Column("full_name", NAME, nullable=True))
    move(["given_name", "family_name"], joined)
    with op.batch_alter_table("profiles", copy_from=profiles([], ["given_name", "family_name", "full_name"])) as batch:
        batch.alter_column("full_name", existing_type=NAME, nullable=False)
        batch.drop_column("family_name")
        batch.drop_column("given_name")


def profiles(first: Sequence[str], last: Sequence[str]) -> sa.Table:
    """Say what the table is like in between: SQLite builds it anew, and offline there is none to look at."""
    zone, locale = dbt.v1.Literal("UTC", dbt.v1.String(64)), dbt.v1.Literal("en", dbt.v1.String(35))
    return sa.Table(
        "profiles",
        sa.MetaData(),
        sa.Column("user_id", dbt.v1.Uuid(), nullable=False),
        *(sa.Column(name, NAME, nullable=False) for name in first),
        sa.Column("job_title", dbt.v1.String(120), nullable=True),
        sa.Column("biography", dbt.v1.Text(), nullable=True),
        sa.Column("avatar", dbt.v1.Binary(), nullable=True),
        sa.Column("locale", dbt.v1.String(35), server_default=locale, nullable=False),
        sa.Column("time_zone", dbt.v1.String(64), server_default=zone, nullable=False),
        sa.Column("skills", dbt.v1.Array(dbt.v1.Text()), server_default=dbt.v1.EmptyArray(), nullable=False),
        sa.Column("settings", dbt.v1.Json(), server_default=dbt.v1.EmptyObject(), nullable=False),
        sa.Column("hourly_rate", dbt.v1.Numeric(10, 2), nullable=True),
        sa.Column("created_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        sa.Column("updated_at", dbt.v1.UtcDateTime(), server_default=dbt.v1.Now(), nullable=False),
        *(sa.Column(name, NAME, nullable=True) for name in last),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_profiles_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_profiles")),
    )


def split(row: sa.Row[Any]) -> dict[str, str | None]:
    """Take a name apart at its last blank."""
    given, blank, family = row.full_name.rpartition(" ")
    return {"given_name": given, "family_name": family} if blank else {"given_name": family, "family_name": None}


def joined(row: sa.Row[Any]) -> dict[str, str | None]:
    """Put a name together."""
    return {"full_name": row.given_name if row.family_name is None else f"{row.given_name} {row.family_name}"}


def move(read: Sequence[str], made: Callable[[sa.Row[Any]], dict[str, str | None]]) -> None:
    """Fill the new columns from the old ones, batch by batch in the order of the key."""
    if context.is_offline_mode():
        op.get_context().impl.static_output("-- names are carried over where there are any: by dbkit migrate")
        return
    bind, key = op.get_bind(), PROFILES.c.user_id
    query = sa.select(key, *(PROFILES.c[name] for name in read)).order_by(key).limit(BATCH)
    rows = bind.execute(query).all()
    while rows:
        values = [{"key": row.user_id, **made(row)} for row in rows]
        filled = {name: sa.bindparam(name) for name in values[0] if name != "key"}
        bind.execute(sa.update(PROFILES).where(key == sa.bindparam("key")).values(filled), values)
        rows = bind.execute(query.where(key > rows[-1].user_id)).all()
