"""The versions of a document that were kept: listed, read, compared and restored."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.orm import defer

from services.errors import NotFound
from services.paging import Keyset, Page
from services.project.documents import Documents
from services.project.models import Document, DocumentVersion

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["Versions"]

_VERSIONS: Final[Keyset[DocumentVersion]] = Keyset(columns=(DocumentVersion.version,), descending=True)


class Versions(Documents):
    """Operations on the versions of documents."""

    def versions(self, document_id: uuid.UUID, *, limit: int = 50, cursor: str | None = None) -> Page[DocumentVersion]:
        """Give a page of a document's versions without their bodies, the newest first.

        Raises:
            Invalid: the limit is out of range.
            InvalidCursor: the cursor is not from this list.
            Unavailable: the database cannot do it now.
        """
        query = sa.select(DocumentVersion).where(DocumentVersion.document_id == document_id)
        query = query.options(defer(DocumentVersion.body, raiseload=True))
        with self.transaction() as session:
            return _VERSIONS.page(session, query, limit=limit, cursor=cursor, asked=("versions", document_id))

    def version_of(self, document_id: uuid.UUID, version: int) -> DocumentVersion:
        """Give a document as it was saved under a version.

        Raises:
            NotFound: nothing was saved under it.
            Unavailable: the database cannot do it now.
        """
        with self.transaction() as session:
            return _version(session, document_id, version)

    def same_content(self, document_id: uuid.UUID, one: int, other: int) -> bool:
        """Tell by their checksums whether two versions say the same; their titles do not count.

        Raises:
            NotFound: nothing was saved under one of them.
            Unavailable: the database cannot do it now.
        """
        query = sa.select(DocumentVersion.version, DocumentVersion.checksum)
        query = query.where(DocumentVersion.document_id == document_id, DocumentVersion.version.in_({one, other}))
        with self.transaction() as session:
            found = {row.version: row.checksum for row in session.execute(query)}
        for version in (one, other):
            if version not in found:
                raise NotFound("version", version)
        return bool(found[one] == found[other])

    def restore_version(self, document_id: uuid.UUID, kept: int, *, version: int, by: uuid.UUID) -> Document:
        """Save what a document said under an earlier version as its next one.

        Args:
            document_id: which document.
            kept: the version whose title and body it shall have again.
            version: the one that it is at, as far as the caller knows.
            by: who saves it.

        Raises:
            NotFound: there is no such document, or nothing was saved under the earlier version.
            VersionConflict: somebody has saved it, or changed its status, since it was read.
            Unavailable: the database cannot do it now.
        """
        with self.transaction() as session:
            document = self._hold(session, Document, document_id, version=version, kind="document")
            found = _version(session, document_id, kept)
            document.title, document.body, document.updated_at = found.title, found.body, self._clock()
            document.checksum, document.size_bytes = found.checksum, found.size_bytes
            self._keep(session, "document.restore", document, by=by)
            return document


def _version(session: Session, document_id: uuid.UUID, version: int) -> DocumentVersion:
    found = session.get(DocumentVersion, (document_id, version))
    if found is None:
        raise NotFound("version", version)
    return found
