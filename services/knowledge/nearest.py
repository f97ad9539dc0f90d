"""The nearest chunks by cosine, computed here: the same on every backend, in little memory however many there are."""

from __future__ import annotations

import heapq
import math
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import mul
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from services.errors import Invalid
from services.knowledge.models import Chunk, Resource
from services.knowledge.resources import readable

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["Hit", "Query", "nearest", "vector"]

# Lengths outside of these are brought near 1 first: their squares and products would leave the range of a double.
_SHORT: Final = math.sqrt(sys.float_info.min)
_LONG: Final = math.sqrt(sys.float_info.max)
_MOST_NUMBERS: Final = 16_384
"""Of an embedding; models give a few thousand at most."""


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A chunk that was found."""

    chunk: Chunk
    similarity: float
    """The cosine of the angle between the embeddings: from -1, opposite, to 1, the same direction."""


class Query:
    """What is near is measured from here."""

    def __init__(self, embedding: Sequence[float]) -> None:
        """Bring the embedding to the length 1.

        Raises:
            Invalid: it has no numbers, one that is not finite, or no direction.
        """
        found = _near_one(vector("embedding", embedding))
        if found is None:
            raise Invalid("embedding", "all of it is zero, which is near nothing")
        length = math.hypot(*found)
        self._unit = [value / length for value in found]

    def similarity(self, embedding: Sequence[float]) -> float | None:
        """Compute the cosine; None for an embedding of another length, or without a direction.

        The sum is rounded once (`math.fsum`), so that it is the same whatever Python adds up with.
        """
        if len(embedding) != len(self._unit):
            return None
        length = math.hypot(*embedding)
        if not _SHORT < length < _LONG:
            near_one = _near_one(embedding)
            if near_one is None:
                return None
            embedding, length = near_one, math.hypot(*near_one)
        return max(-1.0, min(1.0, math.fsum(map(mul, self._unit, embedding)) / length))


def vector(field: str, values: Sequence[float]) -> list[float]:
    """Check an embedding: numbers, all of them finite, and not too few or too many for a row. Raises Invalid."""
    try:
        found = [float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        raise Invalid(field, "it is not a list of numbers") from None
    if not found:
        raise Invalid(field, "it has no numbers")
    if len(found) > _MOST_NUMBERS:
        raise Invalid(field, f"it has {len(found)} numbers, and {_MOST_NUMBERS} is the most")
    if not all(map(math.isfinite, found)):
        raise Invalid(field, "it holds a number that is not finite")
    return found


def _near_one(values: Sequence[float]) -> Sequence[float] | None:
    """Scale a vector by a power of two so that its largest number is near 1; None where all are zero."""
    largest = max(map(abs, values))
    if largest == 0:
        return None
    _, exponent = math.frexp(largest)
    return [math.ldexp(value, -exponent) for value in values]


def nearest(  # noqa: PLR0913 - what a search is made of
    session: Session,
    query: Query,
    *,
    model: str,
    limit: int,
    project_id: uuid.UUID | None,
    batch: int,
) -> list[Hit]:
    """Find the chunks of a model that are nearest, the nearest first, equals by their keys."""
    best: list[tuple[float, int]] = []
    for row in _embeddings(session, model=model, project_id=project_id, batch=batch):
        similarity = query.similarity(row.embedding)
        if similarity is None:
            continue
        found = (similarity, -row.id.int)  # of equals the smaller key is the better
        if len(best) < limit:
            heapq.heappush(best, found)
        elif found > best[0]:
            heapq.heapreplace(best, found)
    ranked = [(uuid.UUID(int=-key), similarity) for similarity, key in sorted(best, reverse=True)]
    chunks = session.scalars(sa.select(Chunk).where(Chunk.id.in_([key for key, _ in ranked])))
    by_id = {chunk.id: chunk for chunk in chunks}
    # what somebody deleted in the meantime is no hit
    return [Hit(chunk=by_id[key], similarity=similarity) for key, similarity in ranked if key in by_id]


def _embeddings(session: Session, *, model: str, project_id: uuid.UUID | None, batch: int) -> Iterator[Any]:
    """Read the embeddings of a model in batches by key: two columns, and no instances."""
    query = sa.select(Chunk.id, Chunk.embedding).join(Resource, Resource.id == Chunk.resource_id)
    query = query.where(Chunk.embedding_model == model, Chunk.embedding.is_not(None), readable(project_id))
    query = query.order_by(Chunk.id).limit(batch)
    rows: Sequence[Any] = session.execute(query).all()
    while rows:
        yield from rows
        rows = session.execute(query.where(Chunk.id > rows[-1].id)).all() if len(rows) == batch else []
