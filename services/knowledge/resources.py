"""Resources: brought in, found by what is known of them, changed by those who have seen the newest version, thrown out."""

from __future__ import annotations

import hashlib
import unicodedata
import uuid
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack

import sqlalchemy as sa

from services.errors import Conflict
from services.knowledge.models import Resource, ResourceKind, ResourceTopic, Topic, scope_of
from services.knowledge.paths import in_branch
from services.paging import Keyset, Page
from services.store import Store
from services.values import accepted, equal, folded, in_order, only, prove_language

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["AlreadyThere", "ResourceDetails", "ResourceFilter", "Resources", "readable"]


class AlreadyThere(Conflict):
    """The same content has been brought in before, for the same project or for all."""

    def __init__(self, resource_id: uuid.UUID) -> None:
        """Keep which resource has it."""
        super().__init__(f"resource '{resource_id}' has the same content")
        self.resource_id = resource_id


class ResourceDetails(TypedDict, total=False):
    """What is known of a resource beside its text, and can change."""

    kind: ResourceKind
    title: str
    summary: str | None
    source_url: str | None
    authors: list[str]
    details: dict[str, Any]
    language: str | None
    project_id: uuid.UUID | None
    is_public: bool
    published_on: date | None
    page_count: int | None
    quality_score: float | None
    price: Decimal | None


class ResourceFilter(TypedDict, total=False):
    """Which resources a list is of; what is None does not matter."""

    kind: ResourceKind | None
    project_id: uuid.UUID | None
    """Brought in for this project."""
    readable_in: uuid.UUID | None
    """Public, or brought in for this project."""
    is_public: bool | None
    language: str | None
    topic: str | None
    """Speaking of the topic of this path, or of one below it."""
    title_contains: str | None
    """In whatever case."""


_NEWEST_FIRST: Final[Keyset[Resource]] = Keyset(columns=(Resource.created_at, Resource.id), descending=True)
_CHANGEABLE: Final = ResourceDetails.__optional_keys__


def readable(project_id: uuid.UUID | None) -> sa.ColumnElement[bool]:
    """Word which resources a project may read: those that are public and its own; without a project the public ones."""
    public = Resource.is_public.is_(sa.true())
    return public if project_id is None else sa.or_(public, Resource.project_id == project_id)


class Resources(Store):
    """Operations on resources."""

    def add_resource(self, text: str, *, added_by: uuid.UUID, **details: Unpack[ResourceDetails]) -> Resource:
        """Bring in a resource; `kind` and `title` must be among what is said of it.

        The text itself is not kept: its chunks are, once they have been cut (`replace_chunks`).

        Args:
            text: what it says in full, by which a copy is known.
            added_by: a user's id.
            details: what is known of it.

        Raises:
            AlreadyThere: the same text is there, for the same project or for all.
            Invalid: a value cannot be kept, or is missing.
            Unavailable: the database cannot do it now.
        """
        content = text.encode("utf-8", errors="surrogatepass")
        now, project_id = self._clock(), details.get("project_id")
        values = {
            "kind": None,
            "title": None,
            **only(details, _CHANGEABLE),
            "added_by": added_by,
            "size_bytes": len(content),
        }
        found = accepted(Resource, {**values, "content_hash": hashlib.sha256(content).digest()})
        prove_language("language", found.get("language"))
        resource = Resource(id=uuid.uuid4(), created_at=now, updated_at=now, **{"project_id": project_id, **found})
        try:
            if self._outer is not None:
                # a transaction of several operations would be ended by what the database refuses
                with self.transaction() as session:
                    self._refuse_copy(session, resource.content_hash, project_id)
            with self.transaction() as session, self._conflicting(session, "a resource has the same content"):
                session.add(resource)
        except Conflict as error:
            if not isinstance(error, AlreadyThere) and self._outer is None:
                with self.transaction() as session:
                    self._refuse_copy(session, resource.content_hash, project_id)
            raise
        return resource

    def resource(self, resource_id: uuid.UUID) -> Resource:
        """Fetch a resource. Raises NotFound, Unavailable."""
        with self.transaction() as session:
            return self._get(session, Resource, resource_id, kind="resource")

    def resources(
        self, *, limit: int = 50, cursor: str | None = None, **wanted: Unpack[ResourceFilter]
    ) -> Page[Resource]:
        """List resources, the newest first.

        A text in the title is looked for here, row by row, for no two backends agree on what is the same letter.

        Args:
            limit: how many at most, 1 to 200.
            cursor: where the page before ended.
            wanted: which ones.

        Raises:
            Invalid: the limit is out of range, or nothing could be what is wanted.
            InvalidCursor: the cursor is not from this list.
            Unavailable: the database cannot do it now.
        """
        asked = ("resources", *in_order(wanted, ResourceFilter.__annotations__))
        query = sa.select(Resource).where(*_conditions(wanted))
        text = wanted.get("title_contains")
        keep = None if text is None else (lambda resource: folded(text) in folded(resource.title))
        with self.transaction() as session:
            return _NEWEST_FIRST.page(session, query, limit=limit, cursor=cursor, asked=asked, keep=keep)

    def update_resource(self, resource_id: uuid.UUID, *, version: int, **changes: Unpack[ResourceDetails]) -> Resource:
        """Change what is known of a resource, seen at this version.

        Raises:
            NotFound: there is no such resource.
            VersionConflict: somebody has changed it since.
            Conflict: in the project that it would belong to there is a copy of it.
            Invalid: a value cannot be kept, or there is no such field.
            Unavailable: the database cannot do it now.
        """
        values = accepted(Resource, only(changes, _CHANGEABLE))
        prove_language("language", values.get("language"))
        if "project_id" in values:
            values["scope"] = scope_of(values["project_id"])
        taken = "a resource with the same content is there, in the project that it would belong to"
        with self.transaction() as session, self._conflicting(session, taken):
            return self._update(session, Resource, resource_id, version=version, changes=values, kind="resource")

    def delete_resource(self, resource_id: uuid.UUID) -> None:
        """Throw a resource out, with its chunks, their citations, its bookmarks, and what it was filed under.

        Raises:
            NotFound: there is no such resource.
            Unavailable: the database cannot do it now.
        """
        with self.transaction() as session:
            self._delete(session, Resource, resource_id, kind="resource")

    def _refuse_copy(self, session: Session, content_hash: bytes, project_id: uuid.UUID | None) -> None:
        """Raise AlreadyThere where the content is in its scope."""
        same = (Resource.scope == scope_of(project_id), Resource.content_hash == content_hash)
        found = session.scalar(sa.select(Resource.id).where(*same))
        if found is not None:
            raise AlreadyThere(found)


def _conditions(wanted: ResourceFilter) -> Sequence[sa.ColumnElement[bool]]:
    """Word a filter, save for the title."""
    readable_in, topic = wanted.get("readable_in"), wanted.get("topic")
    exact = {field: wanted.get(field) for field in ("kind", "project_id", "language", "is_public")}
    found = equal(Resource, **exact)
    if readable_in is not None:
        found.append(readable(readable_in))
    if topic is not None:
        filed = sa.select(ResourceTopic.resource_id).join(Topic, Topic.id == ResourceTopic.topic_id)
        found.append(Resource.id.in_(filed.where(in_branch(unicodedata.normalize("NFC", topic)))))
    return found
