"""Give mentions a table.

Whom a comment mentions becomes rows of their own, in the same order, so that comments are found by them on every backend. Of a
name that is there twice the first place counts, and empty ones are left out; neither comes back when this is taken back. A name of
over 200 characters stops it before anything is changed.

Revision ID: 0006
Revises: 0005
Create Date: 2026-11-21 20:50:00
"""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import context, op

import dbkit.types as dbt

revision: str = "0006"
down_revision: str | Sequence[str] | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MENTIONS = dbt.v1.Array(dbt.v1.Text())
NAME_CHARACTERS = 200
BATCH_ROWS = 500

comments = sa.table("comments", sa.column("id", dbt.v1.Uuid()), sa.column("mentions", MENTIONS))
comment_mentions = sa.table(
    "comment_mentions",
    sa.column("comment_id", dbt.v1.Uuid()),
    sa.column("mention", dbt.v1.String(NAME_CHARACTERS)),
    sa.column("position", dbt.v1.Integer()),
)


def upgrade() -> None:
    """Make the table, carry the mentions over, and drop the column."""
    if not context.is_offline_mode():
        refuse_long_names()
    op.create_table(
        "comment_mentions",
        sa.Column("comment_id", dbt.v1.Uuid(), nullable=False),
        sa.Column("mention", dbt.v1.String(NAME_CHARACTERS), nullable=False),
        sa.Column("position", dbt.v1.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["comment_id"], ["comments.id"], name=op.f("fk_comment_mentions_comment_id_comments"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("comment_id", "mention", name=op.f("pk_comment_mentions")),
    )
    op.create_index(op.f("ix_comment_mentions_mention"), "comment_mentions", ["mention"])
    if not context.is_offline_mode():
        for found in batches(sa.select(comments)):
            write(
                sa.insert(comment_mentions),
                [
                    {"comment_id": row.id, "mention": name, "position": position}
                    for row in found
                    for position, name in enumerate(kept(row.mentions), start=1)
                ],
            )
    op.drop_column("comments", "mentions", mssql_drop_default=True, mssql_drop_check=True)


def downgrade() -> None:
    """Make the column, carry the mentions back, and drop the table."""
    op.add_column("comments", sa.Column("mentions", MENTIONS, nullable=True))
    if not context.is_offline_mode():
        for found in batches(sa.select(comments.c.id)):
            names = names_in([row.id for row in found])
            write(
                sa.update(comments)
                .where(comments.c.id == sa.bindparam("row_id"))
                .values(mentions=sa.bindparam("kept", type_=MENTIONS)),
                [{"row_id": row.id, "kept": names.get(row.id, [])} for row in found],
            )
    with op.batch_alter_table("comments") as batch:
        batch.alter_column("mentions", existing_type=MENTIONS, nullable=False, server_default=dbt.v1.EmptyArray())
    op.drop_table("comment_mentions")


def kept(names: list[str | None]) -> list[str]:
    """Leave out what is empty, and what was there before."""
    return list(dict.fromkeys(name for name in names if name and name.strip()))


def refuse_long_names() -> None:
    """Find names that would have to be cut."""
    for found in batches(sa.select(comments)):
        for row in found:
            for name in kept(row.mentions):
                if len(name) > NAME_CHARACTERS:
                    message = f"comment {row.id} mentions {name[:40]!r}…, {len(name)} characters: shorten it to 200"
                    raise ValueError(message)


def names_in(comment_ids: list[Any]) -> dict[Any, list[str]]:
    """Read the names in some comments, in order."""
    found: dict[Any, list[str]] = {}
    query = sa.select(comment_mentions).where(comment_mentions.c.comment_id.in_(comment_ids))
    for row in op.get_bind().execute(query.order_by(comment_mentions.c.comment_id, comment_mentions.c.position)):
        found.setdefault(row.comment_id, []).append(row.mention)
    return found


def batches(query: sa.Select[Any]) -> Iterator[Sequence[Any]]:
    """Read comments by their key, some at a time."""
    query = query.order_by(comments.c.id).limit(BATCH_ROWS)
    found = op.get_bind().execute(query).all()
    while found:
        yield found
        found = op.get_bind().execute(query.where(comments.c.id > found[-1].id)).all()


def write(statement: sa.Insert | sa.Update, rows: list[dict[str, Any]]) -> None:
    """Write rows, where there are any."""
    if rows:
        op.get_bind().execute(statement, rows)
