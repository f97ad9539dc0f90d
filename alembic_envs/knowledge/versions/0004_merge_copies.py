"""Merge copies of a resource, and refuse further ones.

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-21 20:10:00

Of the resources of one scope with one content the oldest stays, of equally old ones that with the smallest key. Its topics,
chunks and bookmarks stay as they are, and are joined by what only the copies have:

- a topic that it does not speak of, as the oldest copy weighed it;
- the chunks of the oldest copy that has some, where it has none itself; all others go;
- citations of chunks that go: they move to the chunk of the same text, or else to the one that stands at that position or
  last before it;
- the bookmarks of users who have none on it; where a user has several, the oldest takes over the labels and notes of the others.

This cannot be undone: going back drops the rule, and the copies do not come back.
"""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import context, op

import dbkit.types as dbt

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BATCH = 100

resources = sa.table(
    "resources",
    sa.column("id", dbt.v1.Uuid()),
    sa.column("scope", dbt.v1.String(36)),
    sa.column("content_hash", dbt.v1.Binary(32)),
    sa.column("created_at", dbt.v1.UtcDateTime()),
)
topics = sa.table("resource_topics", sa.column("resource_id", dbt.v1.Uuid()), sa.column("topic_id", dbt.v1.Uuid()))
chunks = sa.table(
    "chunks",
    sa.column("id", dbt.v1.Uuid()),
    sa.column("resource_id", dbt.v1.Uuid()),
    sa.column("position", dbt.v1.Integer()),
    sa.column("body", dbt.v1.Text()),
)
citations = sa.table("citations", sa.column("id", dbt.v1.Uuid()), sa.column("chunk_id", dbt.v1.Uuid()))
bookmarks = sa.table(
    "bookmarks",
    sa.column("id", dbt.v1.Uuid()),
    sa.column("user_id", dbt.v1.Uuid()),
    sa.column("resource_id", dbt.v1.Uuid()),
    sa.column("labels", dbt.v1.Array(dbt.v1.Text())),
    sa.column("note", dbt.v1.Text()),
    sa.column("created_at", dbt.v1.UtcDateTime()),
)


def upgrade() -> None:
    """Merge, and then make the rule: where that is not one transaction, it can be run again after a failure in between."""
    if not context.is_offline_mode():  # a database that is made from nothing has no rows
        for family in families():
            merge(family)
    op.create_index(op.f("ix_resources_scope_content_hash"), "resources", ["scope", "content_hash"], unique=True)


def downgrade() -> None:
    """Drop the rule; the copies that were merged do not come back."""
    op.drop_index(op.f("ix_resources_scope_content_hash"), "resources")


def families() -> Iterator[list[uuid.UUID]]:
    """Give the keys of resources that are copies of each other, the one that stays first; read in batches of contents."""
    content, scope = resources.c.content_hash, resources.c.scope
    copied = sa.select(content).group_by(content).having(sa.func.count() > sa.func.count(scope.distinct()))
    copied = copied.order_by(content).limit(BATCH)
    found = op.get_bind().scalars(copied).all()
    while found:
        by_content: dict[Any, list[sa.Row[Any]]] = {}
        for row in op.get_bind().execute(sa.select(resources).where(content.in_(found))):
            by_content.setdefault((row.content_hash, row.scope), []).append(row)
        for rows in by_content.values():
            yield [row.id for row in sorted(rows, key=lambda row: (row.created_at, row.id))]
        found = op.get_bind().scalars(copied.where(content > found[-1])).all()


def merge(family: list[uuid.UUID]) -> None:
    """Make one resource of several."""
    stays, *copies = family
    if not copies:
        return  # alone in its scope
    merge_chunks(stays, copies)
    merge_topics(stays, copies)
    merge_bookmarks(stays, copies)
    op.get_bind().execute(sa.delete(resources).where(resources.c.id.in_(copies)))


def merge_chunks(stays: uuid.UUID, copies: list[uuid.UUID]) -> None:
    """Keep one resource's chunks, and have citations of the others speak of them."""
    bind, place = op.get_bind(), chunks.c.resource_id
    rows = bind.execute(sa.select(chunks).where(place.in_([stays, *copies])).order_by(chunks.c.position)).all()
    having = {row.resource_id for row in rows}
    kept = next((one for one in (stays, *copies) if one in having), stays)
    staying = [row for row in rows if row.resource_id == kept]
    going = {row.id: row for row in rows if row.resource_id != kept}
    if kept != stays:
        bind.execute(sa.update(chunks).where(place == kept).values(resource_id=stays))
    others = [one for one in (stays, *copies) if one != kept]
    cited = sa.select(citations.c.id, citations.c.chunk_id).join(chunks, chunks.c.id == citations.c.chunk_id)
    moved = [
        {"row": row.id, "place": counterpart(going[row.chunk_id], staying)}
        for row in bind.execute(cited.where(place.in_(others)))
        if row.chunk_id in going
    ]
    if moved:
        change = sa.update(citations).where(citations.c.id == sa.bindparam("row"))
        bind.execute(change.values(chunk_id=sa.bindparam("place")), moved)
    ids = list(going)
    for begin in range(0, len(ids), BATCH):
        bind.execute(sa.delete(chunks).where(chunks.c.id.in_(ids[begin : begin + BATCH])))


def counterpart(chunk: sa.Row[Any], staying: list[sa.Row[Any]]) -> uuid.UUID:
    """Find the chunk that says what this one says: by its text, or else by where it stands."""
    same = next((one for one in staying if one.body == chunk.body), None)
    before = [one for one in staying if one.position <= chunk.position]
    return (same or (before[-1] if before else staying[0])).id


def merge_topics(stays: uuid.UUID, copies: list[uuid.UUID]) -> None:
    """Have the one that stays speak of what any of them speaks of."""
    bind, place = op.get_bind(), topics.c.resource_id
    rows = bind.execute(sa.select(topics).where(place.in_([stays, *copies]))).all()
    spoken = {row.topic_id for row in rows if row.resource_id == stays}
    for row in sorted(rows, key=lambda row: [stays, *copies].index(row.resource_id)):
        if row.topic_id not in spoken:
            spoken.add(row.topic_id)
            one = sa.and_(place == row.resource_id, topics.c.topic_id == row.topic_id)
            bind.execute(sa.update(topics).where(one).values(resource_id=stays))
        elif row.resource_id != stays:
            one = sa.and_(place == row.resource_id, topics.c.topic_id == row.topic_id)
            bind.execute(sa.delete(topics).where(one))


def merge_bookmarks(stays: uuid.UUID, copies: list[uuid.UUID]) -> None:
    """Leave each user one bookmark, that on the one that stays or else the oldest, with the labels and notes of all."""
    bind = op.get_bind()
    rows = bind.execute(sa.select(bookmarks).where(bookmarks.c.resource_id.in_([stays, *copies]))).all()
    by_user: dict[Any, list[sa.Row[Any]]] = {}
    for row in sorted(rows, key=lambda row: (row.resource_id != stays, row.created_at, row.id)):
        by_user.setdefault(row.user_id, []).append(row)
    for first, *further in by_user.values():
        if not further and first.resource_id == stays:
            continue
        labels = list(dict.fromkeys(label for row in (first, *further) for label in row.labels))
        notes = dict.fromkeys(row.note for row in (first, *further) if row.note)
        values = {"resource_id": stays, "labels": labels, "note": "\n\n".join(notes) or first.note}
        bind.execute(sa.delete(bookmarks).where(bookmarks.c.id.in_([row.id for row in further])))
        bind.execute(sa.update(bookmarks).where(bookmarks.c.id == first.id).values(values))
