"""Documents: written, saved, found and moved along; each version that was saved is kept."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack

import sqlalchemy as sa
from sqlalchemy.orm import defer

from services.errors import Conflict
from services.paging import Keyset, Page
from services.project.common import Common, prove_slug
from services.project.models import Document, DocumentKind, DocumentStatus, DocumentVersion, Phase
from services.values import accepted, canonical, equal, in_order, only

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["DocumentChanges", "DocumentFields", "DocumentFilter", "Documents", "measured"]

_DOCUMENTS: Final[Keyset[Document]] = Keyset(columns=(Document.created_at, Document.id), descending=True)
_STEPS: Final[Mapping[DocumentStatus, frozenset[DocumentStatus]]] = {
    DocumentStatus.DRAFT: frozenset({DocumentStatus.IN_REVIEW}),
    DocumentStatus.IN_REVIEW: frozenset({DocumentStatus.DRAFT, DocumentStatus.APPROVED}),
    DocumentStatus.APPROVED: frozenset({DocumentStatus.SUPERSEDED}),
    DocumentStatus.SUPERSEDED: frozenset(),
}
"""What a status may become."""


class DocumentFields(TypedDict, total=False):
    """What a document may be made with."""

    body: dict[str, Any]
    tags: list[str]


class DocumentChanges(DocumentFields, total=False):
    """What may be saved of a document."""

    title: str


class DocumentFilter(TypedDict, total=False):
    """Which documents a list is of; what is None does not matter."""

    project_id: uuid.UUID | None
    phase_id: uuid.UUID | None
    author_id: uuid.UUID | None
    status: DocumentStatus | None
    kind: DocumentKind | None


class Documents(Common):
    """Operations on documents."""

    def create_document(
        self,
        phase_id: uuid.UUID,
        *,
        author_id: uuid.UUID,
        slug: str,
        title: str,
        kind: DocumentKind,
        **fields: Unpack[DocumentFields],
    ) -> Document:
        """Begin a document in a phase, and keep it as its version 1.

        Raises:
            NotFound: there is no such phase.
            Conflict: the phase has a document of this slug.
            Invalid: a value cannot be kept.
            Unavailable: the database cannot do it now.
        """
        values = _proved({"title": title, "body": {}, "tags": [], **fields})
        place = accepted(Document, {"slug": slug, "kind": kind})
        prove_slug(slug)
        now = self._clock()
        with self.transaction() as session:
            phase = self._hold(session, Phase, phase_id, kind="phase")
            document = Document(
                project_id=phase.project_id, phase_id=phase_id, author_id=author_id, created_at=now, updated_at=now
            )
            for field, value in {**place, **values}.items():
                setattr(document, field, value)
            with self._conflicting(session, f"the phase has a document {slug!r} already"):
                session.add(document)
            self._keep(session, "document.create", document, by=author_id)
            return document

    def document(self, document_id: uuid.UUID) -> Document:
        """Give a document as it is now.

        Raises:
            NotFound: there is none.
            Unavailable: the database cannot do it now.
        """
        with self.transaction() as session:
            return self._get(session, Document, document_id, kind="document")

    def documents(
        self, *, limit: int = 50, cursor: str | None = None, **wanted: Unpack[DocumentFilter]
    ) -> Page[Document]:
        """Give a page of documents without their bodies, the newest first.

        Raises:
            Invalid: the limit is out of range, or nothing could be what is wanted.
            InvalidCursor: the cursor is not from this list.
            Unavailable: the database cannot do it now.
        """
        asked = ("documents", *in_order(wanted, DocumentFilter.__annotations__))
        query = sa.select(Document).where(*equal(Document, **wanted)).options(defer(Document.body, raiseload=True))
        with self.transaction() as session:
            return _DOCUMENTS.page(session, query, limit=limit, cursor=cursor, asked=asked)

    def save_document(
        self, document_id: uuid.UUID, *, version: int, by: uuid.UUID, **changes: Unpack[DocumentChanges]
    ) -> Document:
        """Save a document that is still at this version, and keep what it is then as its next one.

        Raises:
            NotFound: there is no such document.
            VersionConflict: somebody has saved it, or changed its status, since it was read.
            Invalid: a value cannot be kept.
            Unavailable: the database cannot do it now.
        """
        values = _proved(dict(changes))
        with self.transaction() as session:
            document = self._update(session, Document, document_id, version=version, changes=values, kind="document")
            self._keep(session, "document.save", document, by=by)
            return document

    def change_status(
        self, document_id: uuid.UUID, status: DocumentStatus, *, version: int, by: uuid.UUID | None = None
    ) -> Document:
        """Move a document along: from draft to review, from there back or to approved, and at last to superseded.

        It gets a new version by it, under which nothing is kept: what it says stays what it was.

        Raises:
            NotFound: there is no such document.
            VersionConflict: somebody has saved it, or changed its status, since it was read.
            Conflict: it cannot become that from what it is.
            Invalid: there is no such status.
            Unavailable: the database cannot do it now.
        """
        status = accepted(Document, {"status": status})["status"]
        with self.transaction() as session:
            document = self._hold(session, Document, document_id, version=version, kind="document")
            before = document.status
            if status not in _STEPS[before]:
                raise Conflict(f"a document that is {before.value} cannot become {status.value}")
            document.status, document.updated_at = status, self._clock()
            self._record(
                session,
                "document.change_status",
                project_id=document.project_id,
                by=by,
                subject_id=document_id,
                payload={"from": before.value, "to": status.value},
            )
            return document

    def delete_document(self, document_id: uuid.UUID, *, version: int, by: uuid.UUID | None = None) -> None:
        """Delete a document that is still at this version, with its versions and comments.

        Raises:
            NotFound: there is no such document.
            VersionConflict: somebody has saved it, or changed its status, since it was read.
            Unavailable: the database cannot do it now.
        """
        with self.transaction() as session:
            document = self._hold(session, Document, document_id, version=version, kind="document")
            project_id, payload = document.project_id, {"title": document.title}
            self._delete(session, Document, document_id, version=version, kind="document")
            self._record(
                session, "document.delete", project_id=project_id, by=by, subject_id=document_id, payload=payload
            )

    def _keep(self, session: Session, verb: str, document: Document, *, by: uuid.UUID) -> None:
        """Keep a document as it is now, and write down that it was saved."""
        session.flush()
        session.add(
            DocumentVersion(
                document_id=document.id,
                version=document.version,
                author_id=by,
                title=document.title,
                body=document.body,
                checksum=document.checksum,
                size_bytes=document.size_bytes,
                saved_at=document.updated_at,
            )
        )
        payload = {"version": document.version}
        self._record(session, verb, project_id=document.project_id, by=by, subject_id=document.id, payload=payload)


def _proved(values: dict[str, Any]) -> dict[str, Any]:
    """Give the values as they are kept; with a body, its size and its checksum."""
    found = accepted(Document, only(values, DocumentChanges.__annotations__))
    if "body" in found:
        found |= measured(found["body"])
    return found


def measured(body: Mapping[str, Any]) -> dict[str, Any]:
    """Give what is kept beside a body: its checksum and its size, both of its canonical text."""
    text = canonical(body)
    return {"checksum": hashlib.sha256(text).digest(), "size_bytes": len(text)}
