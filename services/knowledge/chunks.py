"""Chunks: the pieces of a resource, with what makes them findable."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from services.errors import Conflict, Invalid, NotFound
from services.knowledge.models import Chunk, Citation, Resource
from services.knowledge.nearest import Hit, Query, nearest, vector
from services.paging import LARGEST_PAGE, Keyset, Page
from services.store import Store, written
from services.values import accepted, prove_within

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["Chunks", "Piece"]

_IN_ORDER: Final[Keyset[Chunk]] = Keyset(columns=(Chunk.position,))
_BATCH: Final = 250
_LARGEST_BATCH: Final = 5000


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A piece that a resource's text was cut into."""

    body: str
    token_count: int
    heading: str | None = None
    pages: tuple[int, ...] = ()


class Chunks(Store):
    """Operations on chunks."""

    def replace_chunks(
        self, resource_id: uuid.UUID, pieces: Sequence[Piece], *, drop_citations: bool = False
    ) -> list[Chunk]:
        """Put pieces in place of a resource's chunks, all of them or none; they count from 1, and have no embeddings yet.

        Args:
            resource_id: of what.
            pieces: in their order.
            drop_citations: lose the citations of the chunks that go; else there must be none.

        Raises:
            NotFound: there is no such resource.
            Conflict: a chunk that would go is cited.
            Invalid: a value cannot be kept.
            Unavailable: the database cannot do it now.
        """
        now = self._clock()
        values = [_checked(piece) for piece in pieces]
        chunks = [
            Chunk(id=uuid.uuid4(), resource_id=resource_id, position=position, created_at=now, **value)
            for position, value in enumerate(values, start=1)
        ]
        with self.transaction() as session:
            if not self._hold_rows(session, Resource, Resource.id == resource_id):
                raise NotFound("resource", resource_id)
            if not drop_citations:
                _refuse_cited(session, resource_id)
            written(session, sa.delete(Chunk).where(Chunk.resource_id == resource_id))
            session.add_all(chunks)
            session.flush()
        return chunks

    def chunks(self, resource_id: uuid.UUID, *, limit: int = 50, cursor: str | None = None) -> Page[Chunk]:
        """Read a resource's chunks in their order.

        Raises:
            Invalid: the limit is out of range.
            InvalidCursor: the cursor is not from this list.
            Unavailable: the database cannot do it now.
        """
        query = sa.select(Chunk).where(Chunk.resource_id == resource_id)
        with self.transaction() as session:
            return _IN_ORDER.page(session, query, limit=limit, cursor=cursor, asked=(resource_id,))

    def set_embeddings(self, vectors: Mapping[uuid.UUID, Sequence[float]], *, model: str) -> None:
        """Give chunks their embeddings, all of them or none.

        Args:
            vectors: by the chunk's key; all of one length, finite. One of zeros alone is kept and never found.
            model: what computed them.

        Raises:
            NotFound: there is no chunk of such a key.
            Invalid: a vector is empty, holds a number that is not finite, or has another length than the others.
            Unavailable: the database cannot do it now.
        """
        accepted(Chunk, {"embedding_model": model})
        embeddings = {key: vector("vectors", values) for key, values in vectors.items()}
        lengths = {len(values) for values in embeddings.values()}
        if len(lengths) > 1:
            raise Invalid("vectors", f"they are of {min(lengths)} and of {max(lengths)} numbers")
        table: Any = Chunk.__table__
        changed = {"embedding": sa.bindparam("vector"), "embedding_model": model}
        write = sa.update(table).where(table.c.id == sa.bindparam("row")).values(changed)
        with self.transaction() as session:
            for keys in _batches(list(embeddings)):
                there = set(session.scalars(sa.select(Chunk.id).where(Chunk.id.in_(keys))))
                if missing := [key for key in keys if key not in there]:
                    raise NotFound("chunk", missing[0])
            for keys in _batches(list(embeddings)):
                session.execute(write, [{"row": key, "vector": embeddings[key]} for key in keys])

    def nearest(
        self,
        embedding: Sequence[float],
        *,
        model: str,
        limit: int = 10,
        project_id: uuid.UUID | None = None,
        batch: int = _BATCH,
    ) -> list[Hit]:
        """Find the chunks whose embeddings of a model are nearest by their cosine, the nearest first, equals by their keys.

        Every embedding of the model is read, in batches, for not every backend can compute this; the memory that it takes is
        that of one batch. Chunks whose embedding is of another length than the one that is asked with, or is all zero, are
        not found.

        Args:
            embedding: what is to be near; computed by the same model.
            model: whose embeddings are compared.
            limit: how many at most, 1 to 200.
            project_id: find what is public and what was brought in for this project; without one what is public.
            batch: how many embeddings are read at once, 1 to 5000.

        Raises:
            Invalid: the embedding is empty, all zero or not finite, or the limit or batch is out of range.
            Unavailable: the database cannot do it now.
        """
        query = Query(embedding)
        prove_within("limit", limit, least=1, most=LARGEST_PAGE)
        prove_within("batch", batch, least=1, most=_LARGEST_BATCH)
        with self.transaction() as session:
            return nearest(session, query, model=model, limit=limit, project_id=project_id, batch=batch)


def _checked(piece: Piece) -> dict[str, Any]:
    """Check a piece's values. Raises Invalid."""
    values = {"body": piece.body, "heading": piece.heading, "pages": list(piece.pages)}
    return accepted(Chunk, {**values, "token_count": piece.token_count, "embedding": None, "embedding_model": None})


def _refuse_cited(session: Session, resource_id: uuid.UUID) -> None:
    """Raise Conflict where a chunk of the resource is cited.

    By a locking read: TiDB and MySQL would show what was cited before this transaction began.
    """
    cited = sa.select(Citation.id).join(Chunk, Chunk.id == Citation.chunk_id).where(Chunk.resource_id == resource_id)
    count = len(session.scalars(cited.with_for_update()).all())
    if count:
        raise Conflict(f"resource '{resource_id}' has {count} citations, which would go with its chunks")


def _batches(keys: Sequence[uuid.UUID]) -> Iterator[Sequence[uuid.UUID]]:
    return (keys[begin : begin + _BATCH] for begin in range(0, len(keys), _BATCH))
