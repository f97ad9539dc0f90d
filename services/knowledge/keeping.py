"""What readers do with resources: cite their chunks in documents, and keep them on shelves."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from services.errors import NotFound
from services.knowledge.models import Bookmark, Chunk, Citation, Resource
from services.paging import Keyset, Page
from services.store import Store, written
from services.values import accepted, each_once, equal

__all__ = ["Keeping"]

_CITED_FIRST: Final[Keyset[Citation]] = Keyset(columns=(Citation.created_at, Citation.id))
_KEPT_LAST: Final[Keyset[Bookmark]] = Keyset(columns=(Bookmark.created_at, Bookmark.id), descending=True)


class Keeping(Store):
    """Operations on citations and bookmarks."""

    def cite(  # noqa: PLR0913 - what a citation is made of
        self,
        chunk_id: uuid.UUID,
        *,
        document_id: uuid.UUID,
        marker: str,
        quote: str,
        created_by: uuid.UUID,
        pages: Sequence[int] = (),
        locator: dict[str, Any] | None = None,
        confidence: float | None = None,
    ) -> Citation:
        """Say that a chunk stands behind a place in a document.

        Args:
            chunk_id: what is cited.
            document_id: in which document, of the service `project`.
            marker: what stands there: `[3]`.
            quote: the words that are cited.
            created_by: a user's id.
            pages: where the words stand in the resource.
            locator: the place in the chunk; None where the whole is meant.
            confidence: how sure the matcher was, from 0 to 1; None where a person cites.

        Raises:
            NotFound: there is no such chunk.
            Conflict: the marker stands for something else in the document.
            Invalid: a value cannot be kept.
            Unavailable: the database cannot do it now.
        """
        values = {"document_id": document_id, "marker": marker, "quote": quote, "pages": list(pages)}
        values |= {"locator": locator, "confidence": confidence, "created_by": created_by, "chunk_id": chunk_id}
        found = accepted(Citation, values)
        citation = Citation(id=uuid.uuid4(), created_at=self._clock(), **found)
        taken = f"marker {marker!r} stands for something else in document '{document_id}'"
        of_chunk = sa.select(Chunk.resource_id).where(Chunk.id == chunk_id).scalar_subquery()
        with self.transaction() as session:
            # else its chunks might be replaced at this moment, and the citation go with them
            self._hold_rows(session, Resource, Resource.id == of_chunk)
            with self._conflicting(session, taken, missing=NotFound("chunk", chunk_id)):
                session.add(citation)
        return citation

    def citations_in(self, document_id: uuid.UUID, *, limit: int = 50, cursor: str | None = None) -> Page[Citation]:
        """List the citations of a document, the first made first.

        Raises:
            Invalid: the limit is out of range.
            InvalidCursor: the cursor is not from this list.
            Unavailable: the database cannot do it now.
        """
        query = sa.select(Citation).where(Citation.document_id == document_id)
        with self.transaction() as session:
            return _CITED_FIRST.page(session, query, limit=limit, cursor=cursor, asked=("document", document_id))

    def citations_of(self, chunk_id: uuid.UUID, *, limit: int = 50, cursor: str | None = None) -> Page[Citation]:
        """List the citations of a chunk, the first made first.

        Raises:
            Invalid: the limit is out of range.
            InvalidCursor: the cursor is not from this list.
            Unavailable: the database cannot do it now.
        """
        query = sa.select(Citation).where(Citation.chunk_id == chunk_id)
        with self.transaction() as session:
            return _CITED_FIRST.page(session, query, limit=limit, cursor=cursor, asked=("chunk", chunk_id))

    def withdraw(self, citation_id: uuid.UUID) -> None:
        """Take a citation back. Raises NotFound, Unavailable."""
        with self.transaction() as session:
            self._delete(session, Citation, citation_id, kind="citation")

    def keep(
        self,
        resource_id: uuid.UUID,
        *,
        user_id: uuid.UUID,
        shelf: str = "inbox",
        labels: Sequence[str] = (),
        note: str | None = None,
    ) -> Bookmark:
        """Put a resource on a user's shelf.

        Raises:
            NotFound: there is no such resource.
            Conflict: the user keeps it already.
            Invalid: a value cannot be kept.
            Unavailable: the database cannot do it now.
        """
        values = {"user_id": user_id, "resource_id": resource_id, "shelf": shelf, "note": note}
        values["labels"] = each_once("labels", labels)
        now, found = self._clock(), accepted(Bookmark, values)
        bookmark = Bookmark(id=uuid.uuid4(), created_at=now, updated_at=now, **found)
        taken = f"user '{user_id}' keeps resource '{resource_id}' already"
        missing = NotFound("resource", resource_id)
        with self.transaction() as session, self._conflicting(session, taken, missing=missing):
            session.add(bookmark)
        return bookmark

    def put_on_shelf(self, resource_id: uuid.UUID, *, user_id: uuid.UUID, shelf: str) -> Bookmark:
        """Move a bookmark to another shelf.

        Raises:
            NotFound: the user does not keep the resource.
            Invalid: the shelf's name is blank or too long.
            Unavailable: the database cannot do it now.
        """
        return self._change(user_id, resource_id, accepted(Bookmark, {"shelf": shelf}))

    def label(self, resource_id: uuid.UUID, *, user_id: uuid.UUID, labels: Sequence[str]) -> Bookmark:
        """Put these labels in place of a bookmark's; each is kept once.

        Raises:
            NotFound: the user does not keep the resource.
            Invalid: a label is no text.
            Unavailable: the database cannot do it now.
        """
        return self._change(user_id, resource_id, accepted(Bookmark, {"labels": each_once("labels", labels)}))

    def let_go(self, resource_id: uuid.UUID, *, user_id: uuid.UUID) -> None:
        """Take a resource from a user's shelf.

        Raises:
            NotFound: the user does not keep the resource.
            Unavailable: the database cannot do it now.
        """
        with self.transaction() as session:
            if written(session, sa.delete(Bookmark).where(*_of(user_id, resource_id))) != 1:
                raise NotFound("bookmark", resource_id)

    def bookmarks(
        self, user_id: uuid.UUID, *, shelf: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Bookmark]:
        """List what a user keeps, on one shelf or on all, the last put there first.

        Raises:
            Invalid: the limit is out of range.
            InvalidCursor: the cursor is not from this list.
            Unavailable: the database cannot do it now.
        """
        query = sa.select(Bookmark).where(Bookmark.user_id == user_id, *equal(Bookmark, shelf=shelf))
        with self.transaction() as session:
            return _KEPT_LAST.page(session, query, limit=limit, cursor=cursor, asked=(user_id, shelf))

    def _change(self, user_id: uuid.UUID, resource_id: uuid.UUID, values: dict[str, Any]) -> Bookmark:
        """Write first, so that no backend makes the transaction wait between reading and writing."""
        of = _of(user_id, resource_id)
        write = sa.update(Bookmark).where(*of).values(**values, updated_at=self._clock())
        with self.transaction() as session:
            if written(session, write) != 1:
                raise NotFound("bookmark", resource_id)
            return session.scalars(sa.select(Bookmark).where(*of).execution_options(populate_existing=True)).one()


def _of(user_id: uuid.UUID, resource_id: uuid.UUID) -> tuple[sa.ColumnElement[bool], ...]:
    return Bookmark.user_id == user_id, Bookmark.resource_id == resource_id
