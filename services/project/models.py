"""The tables of the service `project`: projects, who works on them, their phases and documents, what is said of them."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.associationproxy import AssociationProxy, association_proxy
from sqlalchemy.ext.orderinglist import ordering_list
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

import dbkit.types as dbt
from services.base import NAMING_CONVENTION, Flag, Id, Integers, JsonObject, Texts, Timestamps, Versioned, utc_now

__all__ = [
    "Activity",
    "Base",
    "Comment",
    "CommentMention",
    "Document",
    "DocumentKind",
    "DocumentStatus",
    "DocumentVersion",
    "Member",
    "MemberRole",
    "Phase",
    "PhaseKind",
    "Project",
    "ProjectStatus",
    "ProjectTag",
    "SubjectType",
    "Visibility",
]


class Base(DeclarativeBase):
    """The models of this service, and with them its tables."""

    metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)


class Visibility(StrEnum):
    """Who sees a project."""

    PRIVATE = "private"
    TEAM = "team"
    PUBLIC = "public"


class ProjectStatus(StrEnum):
    """How far a project has come."""

    DRAFT = "draft"
    ACTIVE = "active"
    ON_HOLD = "on_hold"
    DONE = "done"
    ARCHIVED = "archived"


class MemberRole(StrEnum):
    """What a member may do, from all to least."""

    OWNER = "owner"
    ARCHITECT = "architect"
    REVIEWER = "reviewer"
    VIEWER = "viewer"


class PhaseKind(StrEnum):
    """What is done in a phase."""

    DISCOVERY = "discovery"
    REQUIREMENTS = "requirements"
    DESIGN = "design"
    REVIEW = "review"
    DELIVERY = "delivery"


class DocumentKind(StrEnum):
    """What a document is."""

    BRIEF = "brief"
    REQUIREMENTS = "requirements"
    DIAGRAM = "diagram"
    DECISION = "decision"
    REPORT = "report"


class DocumentStatus(StrEnum):
    """How far a document has come."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    SUPERSEDED = "superseded"


class SubjectType(StrEnum):
    """What an activity is about."""

    PROJECT = "project"
    MEMBER = "member"
    PHASE = "phase"
    DOCUMENT = "document"
    COMMENT = "comment"


class Project(Versioned, Timestamps, Base):
    """One architecture that is being designed."""

    __tablename__ = "projects"
    __table_args__ = (
        sa.Index(None, "owner_id", "created_at"),
        sa.Index(None, "status", "created_at"),
        sa.Index(None, "visibility", "created_at"),
    )

    id: Mapped[Id]
    owner_id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid())
    """Whose the project is: a user's id, in the service `user`. Others may have the role of an owner beside them."""
    slug: Mapped[str] = mapped_column(dbt.String(80), unique=True)
    name: Mapped[str] = mapped_column(dbt.String(200), info={"filled": True})
    summary: Mapped[str | None] = mapped_column(dbt.Text())
    status: Mapped[ProjectStatus] = mapped_column(
        dbt.Enum(ProjectStatus),
        default=ProjectStatus.DRAFT,
        server_default=dbt.Literal(ProjectStatus.DRAFT, dbt.Enum(ProjectStatus)),
    )
    visibility: Mapped[Visibility] = mapped_column(
        dbt.Enum(Visibility),
        default=Visibility.TEAM,
        server_default=dbt.Literal(Visibility.TEAM, dbt.Enum(Visibility)),
    )
    settings: Mapped[JsonObject]
    budget: Mapped[Decimal | None] = mapped_column(dbt.Numeric(14, 2), info={"least": 0})
    currency: Mapped[str] = mapped_column(
        dbt.String(3), default="EUR", server_default=dbt.Literal("EUR", dbt.String(3))
    )
    starts_on: Mapped[date | None] = mapped_column(dbt.Date())
    due_on: Mapped[date | None] = mapped_column(dbt.Date())
    archived_at: Mapped[datetime | None] = mapped_column(dbt.UtcDateTime())
    status_note: Mapped[str | None] = mapped_column(dbt.String(20), sort_order=102)
    """What the status was called when it was any text; None where that was its label."""

    tag_rows: Mapped[list[ProjectTag]] = relationship(
        back_populates="project",
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="ProjectTag.position",
        collection_class=ordering_list("position", count_from=1),
        lazy="selectin",
    )
    tags: AssociationProxy[list[str]] = association_proxy("tag_rows", "tag", creator=lambda tag: ProjectTag(tag=tag))
    members: Mapped[list[Member]] = relationship(
        back_populates="project", cascade="all, delete-orphan", passive_deletes=True
    )
    phases: Mapped[list[Phase]] = relationship(
        back_populates="project", cascade="all, delete-orphan", passive_deletes=True, order_by="Phase.position"
    )
    activities: Mapped[list[Activity]] = relationship(
        back_populates="project", cascade="all, delete-orphan", passive_deletes=True
    )


class ProjectTag(Base):
    """A word that a project is found by."""

    __tablename__ = "project_tags"

    project_id: Mapped[uuid.UUID] = mapped_column(
        dbt.Uuid(), sa.ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True
    )
    tag: Mapped[str] = mapped_column(dbt.String(200), primary_key=True, index=True)
    position: Mapped[int] = mapped_column(dbt.Integer())
    """Its place among the project's tags, from 1."""

    project: Mapped[Project] = relationship(back_populates="tag_rows")


class Member(Base):
    """A user who works on a project."""

    __tablename__ = "members"

    project_id: Mapped[uuid.UUID] = mapped_column(
        dbt.Uuid(), sa.ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid(), primary_key=True, index=True)
    role: Mapped[MemberRole] = mapped_column(dbt.Enum(MemberRole))
    capacity_percent: Mapped[int | None] = mapped_column(dbt.SmallInteger(), info={"least": 0, "most": 100})
    """How much of their time is planned for this project."""
    invited_by: Mapped[uuid.UUID | None] = mapped_column(dbt.Uuid())
    joined_at: Mapped[datetime] = mapped_column(dbt.UtcDateTime(), default=utc_now, server_default=dbt.Now())

    project: Mapped[Project] = relationship(back_populates="members")


class Phase(Timestamps, Base):
    """A stretch of a project's work, in its order."""

    __tablename__ = "phases"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "position"),
        # what the documents' foreign key refers to
        sa.UniqueConstraint("project_id", "id"),
    )

    id: Mapped[Id]
    project_id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid(), sa.ForeignKey("projects.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(dbt.SmallInteger())
    name: Mapped[str] = mapped_column(dbt.String(120), info={"filled": True})
    kind: Mapped[PhaseKind] = mapped_column(dbt.Enum(PhaseKind))
    is_milestone: Mapped[Flag]
    needs: Mapped[Integers]
    """The positions of the phases that must be done before this one."""
    cost_estimate: Mapped[Decimal] = mapped_column(
        dbt.Numeric(14, 2),
        default=Decimal(0),
        server_default=dbt.Literal(Decimal(0), dbt.Numeric(14, 2)),
        info={"least": 0},
    )
    starts_on: Mapped[date | None] = mapped_column(dbt.Date())
    ends_on: Mapped[date | None] = mapped_column(dbt.Date())

    project: Mapped[Project] = relationship(back_populates="phases")
    documents: Mapped[list[Document]] = relationship(
        back_populates="phase", cascade="all, delete-orphan", passive_deletes=True
    )


class Document(Versioned, Timestamps, Base):
    """Something that was written or drawn in a phase.

    One foreign key of two columns proves that the phase is one of the project's and is the only path of cascades from
    the project: SQL Server takes no second one.
    """

    __tablename__ = "documents"
    __table_args__ = (
        sa.ForeignKeyConstraint(["project_id", "phase_id"], ["phases.project_id", "phases.id"], ondelete="CASCADE"),
        sa.UniqueConstraint("project_id", "phase_id", "slug"),
        sa.Index(None, "project_id", "status", "created_at"),
        sa.Index(None, "author_id", "created_at"),
    )

    id: Mapped[Id]
    project_id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid())
    phase_id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid())
    author_id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid())
    slug: Mapped[str] = mapped_column(dbt.String(120))
    title: Mapped[str] = mapped_column(dbt.String(200), info={"filled": True})
    kind: Mapped[DocumentKind] = mapped_column(dbt.Enum(DocumentKind))
    status: Mapped[DocumentStatus] = mapped_column(
        dbt.Enum(DocumentStatus),
        default=DocumentStatus.DRAFT,
        server_default=dbt.Literal(DocumentStatus.DRAFT, dbt.Enum(DocumentStatus)),
    )
    # TiDB takes 6 MiB in a row, and keeps a list of small numbers in over six times its text
    body: Mapped[JsonObject] = mapped_column(info={"largest_bytes": 512 * 2**10})
    """The blocks of the document, as the editor keeps them."""
    tags: Mapped[Texts] = mapped_column(info={"filled": True})
    checksum: Mapped[bytes | None] = mapped_column(dbt.Binary(32))
    """SHA-256 of the body's canonical text."""
    size_bytes: Mapped[int] = mapped_column(
        dbt.BigInteger(), default=0, server_default=dbt.Literal(0, dbt.BigInteger())
    )

    phase: Mapped[Phase] = relationship(back_populates="documents")
    versions: Mapped[list[DocumentVersion]] = relationship(
        back_populates="document", cascade="all, delete-orphan", passive_deletes=True
    )
    comments: Mapped[list[Comment]] = relationship(
        back_populates="document", cascade="all, delete-orphan", passive_deletes=True
    )


class DocumentVersion(Base):
    """A document as it was saved once. A change of the status alone saves nothing, so their numbers may have gaps."""

    __tablename__ = "document_versions"

    document_id: Mapped[uuid.UUID] = mapped_column(
        dbt.Uuid(), sa.ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True
    )
    version: Mapped[int] = mapped_column(dbt.Integer(), primary_key=True, autoincrement=False)
    """The version that the document had by this."""
    author_id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid())
    """Who saved it."""
    title: Mapped[str] = mapped_column(dbt.String(200))
    body: Mapped[dict[str, Any]] = mapped_column(dbt.Json())
    checksum: Mapped[bytes] = mapped_column(dbt.Binary(32))
    size_bytes: Mapped[int] = mapped_column(dbt.BigInteger())
    saved_at: Mapped[datetime] = mapped_column(dbt.UtcDateTime(), default=utc_now, server_default=dbt.Now())

    document: Mapped[Document] = relationship(back_populates="versions")


class Comment(Timestamps, Base):
    """What somebody says about a document.

    The comments of one conversation share a `thread_id`, which is the id of the first. It is no foreign key: SQL Server
    refuses a table that cascades to itself, and without the cascade InnoDB refuses to delete the document.
    """

    __tablename__ = "comments"
    __table_args__ = (
        sa.Index(None, "document_id", "thread_id", "created_at"),
        sa.Index(None, "author_id", "created_at"),
    )

    id: Mapped[Id]
    document_id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid(), sa.ForeignKey("documents.id", ondelete="CASCADE"))
    thread_id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid())
    author_id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid())
    body: Mapped[str] = mapped_column(dbt.Text(), info={"filled": True})
    anchor: Mapped[dict[str, Any] | None] = mapped_column(dbt.Json())
    """The place in the document; None where the whole is meant."""
    is_resolved: Mapped[Flag]
    """Counts at the first of a conversation, for all of it."""

    document: Mapped[Document] = relationship(back_populates="comments")
    mention_rows: Mapped[list[CommentMention]] = relationship(
        back_populates="comment",
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="CommentMention.position",
        collection_class=ordering_list("position", count_from=1),
        lazy="selectin",
    )
    mentions: AssociationProxy[list[str]] = association_proxy(
        "mention_rows", "mention", creator=lambda mention: CommentMention(mention=mention)
    )


class CommentMention(Base):
    """Somebody who is called into a conversation."""

    __tablename__ = "comment_mentions"

    comment_id: Mapped[uuid.UUID] = mapped_column(
        dbt.Uuid(), sa.ForeignKey("comments.id", ondelete="CASCADE"), primary_key=True
    )
    mention: Mapped[str] = mapped_column(dbt.String(200), primary_key=True, index=True)
    """The name that stands behind the @."""
    position: Mapped[int] = mapped_column(dbt.Integer())

    comment: Mapped[Comment] = relationship(back_populates="mention_rows")


class Activity(Base):
    """Something that happened in a project, for its time line."""

    __tablename__ = "activities"
    __table_args__ = (sa.Index(None, "project_id", "occurred_at"), sa.Index(None, "actor_id", "occurred_at"))

    id: Mapped[Id]
    project_id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid(), sa.ForeignKey("projects.id", ondelete="CASCADE"))
    actor_id: Mapped[uuid.UUID | None] = mapped_column(dbt.Uuid())
    """The user; None where it was the platform itself."""
    verb: Mapped[str] = mapped_column(dbt.String(60))
    subject_type: Mapped[SubjectType] = mapped_column(dbt.Enum(SubjectType))
    subject_id: Mapped[uuid.UUID | None] = mapped_column(dbt.Uuid())
    payload: Mapped[JsonObject]
    occurred_at: Mapped[datetime] = mapped_column(dbt.UtcDateTime(), default=utc_now, server_default=dbt.Now())

    project: Mapped[Project] = relationship(back_populates="activities")
