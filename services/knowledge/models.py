"""The tables of the service `knowledge`: what has been read, by topic and in chunks that can be found, cited and kept."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, validates

import dbkit.types as dbt
from services.base import NAMING_CONVENTION, Id, Integers, JsonObject, Texts, Timestamps, Versioned, utc_now

if TYPE_CHECKING:
    from sqlalchemy.engine.default import DefaultExecutionContext

__all__ = [
    "FOR_ALL",
    "Base",
    "Bookmark",
    "Chunk",
    "Citation",
    "Resource",
    "ResourceKind",
    "ResourceTopic",
    "Topic",
    "scope_of",
]

FOR_ALL: Final = "all"
"""The scope of resources that belong to no project."""


def scope_of(project_id: uuid.UUID | None) -> str:
    """Word whose resources are told apart by their content: a project's, or those for all."""
    return FOR_ALL if project_id is None else str(project_id)


def _scope_of_row(context: DefaultExecutionContext) -> str:
    values: dict[str, Any] = context.get_current_parameters()  # type: ignore[no-untyped-call] # SQLAlchemy's is
    return scope_of(values.get("project_id"))


class Base(DeclarativeBase):
    """The models of this service, and with them its tables."""

    metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)


class ResourceKind(StrEnum):
    """What a resource is."""

    ARTICLE = "article"
    BOOK = "book"
    STANDARD = "standard"
    PATTERN = "pattern"
    VIDEO = "video"
    DATASET = "dataset"


class Resource(Versioned, Timestamps, Base):
    """Something to learn from: a book, a standard, a pattern and the like."""

    __tablename__ = "resources"
    __table_args__ = (sa.Index(None, "kind", "created_at"), sa.Index(None, "scope", "content_hash", unique=True))

    id: Mapped[Id]
    kind: Mapped[ResourceKind] = mapped_column(dbt.Enum(ResourceKind))
    title: Mapped[str] = mapped_column(dbt.String(300), info={"filled": True})
    summary: Mapped[str | None] = mapped_column(dbt.Text())
    source_url: Mapped[str | None] = mapped_column(dbt.Text(), info={"filled": True})
    authors: Mapped[Texts] = mapped_column(info={"filled": True})
    details: Mapped[JsonObject]
    """What the importer found out: licence, publisher, edition, …"""
    content_hash: Mapped[bytes] = mapped_column(dbt.Binary(32), index=True)
    """SHA-256 of the imported text, by which copies are found."""
    project_id: Mapped[uuid.UUID | None] = mapped_column(dbt.Uuid(), index=True)
    """The project that it was brought in for, in the service `project`; None where it is for all."""
    added_by: Mapped[uuid.UUID] = mapped_column(dbt.Uuid())
    """A user's id, in the service `user`."""
    is_public: Mapped[bool] = mapped_column(
        dbt.Boolean(), default=True, server_default=dbt.Literal(value=True, type=dbt.Boolean())
    )
    published_on: Mapped[date | None] = mapped_column(dbt.Date())
    page_count: Mapped[int | None] = mapped_column(dbt.Integer(), info={"least": 0})
    size_bytes: Mapped[int | None] = mapped_column(dbt.BigInteger())
    quality_score: Mapped[float | None] = mapped_column(dbt.Float(), info={"least": 0, "most": 1})
    """From 0, worthless, to 1; None where nobody has judged it."""
    price: Mapped[Decimal | None] = mapped_column(dbt.Numeric(10, 2), info={"least": 0})
    """What access to it costs, in EUR."""
    language: Mapped[str | None] = mapped_column(dbt.String(35), index=True, sort_order=110)
    """As BCP 47 has it: `en`, `de-AT`; the longest that it asks programs to keep has 35 characters."""
    scope: Mapped[str] = mapped_column(
        dbt.String(36),
        default=_scope_of_row,
        server_default=dbt.Literal(FOR_ALL, dbt.String(36)),
        sort_order=111,
    )
    """`project_id` as a text, `all` for None: a unique rule that holds for None too, which backends else differ about."""

    topics: Mapped[list[ResourceTopic]] = relationship(
        back_populates="resource", cascade="all, delete-orphan", passive_deletes=True
    )
    chunks: Mapped[list[Chunk]] = relationship(
        back_populates="resource", cascade="all, delete-orphan", passive_deletes=True, order_by="Chunk.position"
    )
    bookmarks: Mapped[list[Bookmark]] = relationship(
        back_populates="resource", cascade="all, delete-orphan", passive_deletes=True
    )

    @validates("project_id")
    def _follow(self, _key: str, project_id: uuid.UUID | None) -> uuid.UUID | None:
        """Have the scope go with the project."""
        self.scope = scope_of(project_id)
        return project_id


class Topic(Timestamps, Base):
    """A subject in the tree of subjects, whose place is its path: `architecture/patterns/cqrs`.

    A path finds a whole branch by one range of its index, on every backend and without a table that refers to itself.
    """

    __tablename__ = "topics"

    id: Mapped[Id]
    # the longest path that SQL Server indexes: 425 characters of up to 4 bytes are its 1700 bytes
    path: Mapped[str] = mapped_column(dbt.String(400), unique=True)
    name: Mapped[str] = mapped_column(dbt.String(120), index=True, info={"filled": True})
    description: Mapped[str | None] = mapped_column(dbt.Text())
    synonyms: Mapped[Texts] = mapped_column(info={"filled": True})
    depth: Mapped[int] = mapped_column(dbt.SmallInteger())
    """How many topics stand above it."""


class ResourceTopic(Base):
    """A topic that a resource speaks of."""

    __tablename__ = "resource_topics"

    resource_id: Mapped[uuid.UUID] = mapped_column(
        dbt.Uuid(), sa.ForeignKey("resources.id", ondelete="CASCADE"), primary_key=True
    )
    topic_id: Mapped[uuid.UUID] = mapped_column(
        dbt.Uuid(), sa.ForeignKey("topics.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    relevance: Mapped[float] = mapped_column(
        dbt.Float(), default=0.5, server_default=dbt.Literal(0.5, dbt.Float()), info={"least": 0, "most": 1}
    )
    """From 0, hardly, to 1, throughout."""

    resource: Mapped[Resource] = relationship(back_populates="topics")
    topic: Mapped[Topic] = relationship()


class Chunk(Base):
    """A piece of a resource's text, small enough to be found and cited, with its embedding."""

    __tablename__ = "chunks"
    # nearest chunks are looked for model by model, in batches by key
    __table_args__ = (sa.UniqueConstraint("resource_id", "position"), sa.Index(None, "embedding_model", "id"))

    id: Mapped[Id]
    resource_id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid(), sa.ForeignKey("resources.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(dbt.Integer())
    heading: Mapped[str | None] = mapped_column(dbt.String(300))
    body: Mapped[str] = mapped_column(dbt.Text())
    token_count: Mapped[int] = mapped_column(dbt.Integer(), info={"least": 0})
    pages: Mapped[Integers] = mapped_column(info={"least": 0})
    embedding: Mapped[list[float] | None] = mapped_column(dbt.Array(dbt.Float()))
    """None until it has been computed; vectors of one model have one length."""
    embedding_model: Mapped[str | None] = mapped_column(dbt.String(80), info={"filled": True})
    created_at: Mapped[datetime] = mapped_column(dbt.UtcDateTime(), default=utc_now, server_default=dbt.Now())

    resource: Mapped[Resource] = relationship(back_populates="chunks")
    citations: Mapped[list[Citation]] = relationship(
        back_populates="chunk", cascade="all, delete-orphan", passive_deletes=True
    )


class Citation(Base):
    """A place in a document that a chunk stands behind."""

    __tablename__ = "citations"
    __table_args__ = (sa.UniqueConstraint("document_id", "marker"),)

    id: Mapped[Id]
    chunk_id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid(), sa.ForeignKey("chunks.id", ondelete="CASCADE"), index=True)
    document_id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid())
    """A document's id, in the service `project`."""
    marker: Mapped[str] = mapped_column(dbt.String(40), info={"filled": True})
    """What stands in the document: `[3]`."""
    quote: Mapped[str] = mapped_column(dbt.Text())
    pages: Mapped[Integers] = mapped_column(info={"least": 0})
    locator: Mapped[dict[str, Any] | None] = mapped_column(dbt.Json())
    """The place in the chunk; None where the whole is meant."""
    confidence: Mapped[float | None] = mapped_column(dbt.Float(), info={"least": 0, "most": 1})
    """How sure the matcher was, from 0 to 1; None where a person made the citation."""
    created_by: Mapped[uuid.UUID] = mapped_column(dbt.Uuid())
    created_at: Mapped[datetime] = mapped_column(dbt.UtcDateTime(), default=utc_now, server_default=dbt.Now())

    chunk: Mapped[Chunk] = relationship(back_populates="citations")


class Bookmark(Timestamps, Base):
    """A resource that a user keeps."""

    __tablename__ = "bookmarks"
    __table_args__ = (sa.UniqueConstraint("user_id", "resource_id"),)

    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid())
    resource_id: Mapped[uuid.UUID] = mapped_column(
        dbt.Uuid(), sa.ForeignKey("resources.id", ondelete="CASCADE"), index=True
    )
    shelf: Mapped[str] = mapped_column(
        dbt.String(120), default="inbox", server_default=dbt.Literal("inbox", dbt.String(120)), info={"filled": True}
    )
    labels: Mapped[Texts] = mapped_column(info={"filled": True})
    note: Mapped[str | None] = mapped_column(dbt.Text())

    resource: Mapped[Resource] = relationship(back_populates="bookmarks")
