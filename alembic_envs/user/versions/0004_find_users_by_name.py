"""Keep a key that names are found by, whatever their case, and index the order in which users are listed.

No two servers fold the case of all letters alike, so the key is folded before it is kept. It follows from the names: nothing
is lost when it is dropped.

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-24 09:00:00
"""

import unicodedata
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import context, op

import dbkit.types as dbt

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KEY = dbt.v1.String(600)
BATCH = 500
PROFILES = sa.table(
    "profiles",
    sa.column("user_id", dbt.v1.Uuid()),
    sa.column("given_name", dbt.v1.String(200)),
    sa.column("family_name", dbt.v1.String(200)),
    sa.column("name_key", KEY),
)


def upgrade() -> None:
    """Add the key, fill it, and add the index."""
    op.add_column("profiles", sa.Column("name_key", KEY, server_default=dbt.v1.Literal("", KEY), nullable=False))
    fill()
    op.create_index(op.f("ix_users_created_at_id"), "users", ["created_at", "id"])


def downgrade() -> None:
    """Drop both."""
    op.drop_index(op.f("ix_users_created_at_id"), table_name="users")
    with op.batch_alter_table("profiles") as batch:
        batch.drop_column("name_key", mssql_drop_default=True)


def fill() -> None:
    """Fold the names, batch by batch in the order of the users."""
    if context.is_offline_mode():
        op.get_context().impl.static_output("-- keys are made for the names that there are: by dbkit migrate")
        return
    bind, table = op.get_bind(), PROFILES.c
    query = sa.select(table.user_id, table.given_name, table.family_name).order_by(table.user_id).limit(BATCH)
    filled = sa.update(PROFILES).where(table.user_id == sa.bindparam("key")).values(name_key=sa.bindparam("folded"))
    rows = bind.execute(query).all()
    while rows:
        bind.execute(filled, [{"key": row.user_id, "folded": folded(row.given_name, row.family_name)} for row in rows])
        rows = bind.execute(query.where(table.user_id > rows[-1].user_id)).all()


def folded(given: str, family: str | None) -> str:
    """Make the key of a name: composed, its case folded, and cut in the rare case that this made it too long."""
    name = given if family is None else f"{given} {family}"
    return unicodedata.normalize("NFC", name).casefold()[:600]
