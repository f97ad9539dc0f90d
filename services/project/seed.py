"""Sample rows of the service `project`: two projects, who works on them, what they have written and what was said of it.

The same rows at every time and in every place. Whoever appears in them is a sample row of the service `user`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from services.base import seeded_id
from services.project.documents import measured
from services.project.models import (
    Activity,
    Comment,
    CommentMention,
    Document,
    DocumentKind,
    DocumentStatus,
    DocumentVersion,
    Member,
    MemberRole,
    Phase,
    PhaseKind,
    Project,
    ProjectStatus,
    ProjectTag,
    SubjectType,
    Visibility,
)

__all__ = ["rows"]

_BEGAN: Final = datetime(2026, 2, 2, 8, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class _Document:
    key: str
    phase: str
    author: str
    title: str
    kind: DocumentKind
    status: DocumentStatus = DocumentStatus.DRAFT
    body: dict[str, Any]
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Comment:
    key: str
    document: str
    author: str
    body: str
    thread: str | None = None
    """The key of the comment that is answered; None for one that begins a thread."""
    mentions: tuple[str, ...] = ()
    anchor: dict[str, Any] | None = None
    is_resolved: bool = False


@dataclass(frozen=True, kw_only=True)
class _Project:
    key: str
    name: str
    summary: str
    status: ProjectStatus
    visibility: Visibility
    tags: tuple[str, ...]
    budget: str | None
    starts_on: date
    members: tuple[tuple[str, MemberRole], ...]
    """The owner first."""
    phases: tuple[tuple[str, str, PhaseKind, str], ...]
    """Key, name, kind and cost, in their order."""
    documents: tuple[_Document, ...]
    comments: tuple[_Comment, ...]

    @property
    def id(self) -> uuid.UUID:
        return seeded_id("project", "projects", self.key)

    @property
    def owner(self) -> uuid.UUID:
        return _user(self.members[0][0])

    def phase_id(self, key: str) -> uuid.UUID:
        return seeded_id("project", "phases", f"{self.key}/{key}")


_PROJECTS: Final = (
    _Project(
        key="warehouse",
        name="Warehouse 4.0",
        summary="A warehouse that tells where things are.",
        status=ProjectStatus.ACTIVE,
        visibility=Visibility.TEAM,
        tags=("iot", "events", "倉庫"),
        budget="250000.00",
        starts_on=date(2026, 2, 2),
        members=(
            ("ada", MemberRole.OWNER),
            ("grace", MemberRole.ARCHITECT),
            ("linus", MemberRole.REVIEWER),
            ("donald", MemberRole.VIEWER),
        ),
        phases=(
            ("discovery", "Discovery", PhaseKind.DISCOVERY, "12500.00"),
            ("design", "Design", PhaseKind.DESIGN, "48000.50"),
            ("review", "Review", PhaseKind.REVIEW, "7999.99"),
        ),
        documents=(
            _Document(
                key="brief",
                phase="discovery",
                author="ada",
                title="What the warehouse is for",
                kind=DocumentKind.BRIEF,
                status=DocumentStatus.APPROVED,
                body={"blocks": [{"type": "text", "text": "Nobody shall look for a pallet any more."}]},
                tags=("goals",),
            ),
            _Document(
                key="design",
                phase="design",
                author="grace",
                title="Events in the warehouse",
                kind=DocumentKind.DIAGRAM,
                status=DocumentStatus.IN_REVIEW,
                body={
                    "blocks": [
                        {"type": "text", "text": "Each message is written with what it speaks of [1]."},
                        {"type": "text", "text": "Readers wait for their replica [2]."},
                        {"type": "diagram", "nodes": ["scanner", "broker", "stock"], "scale": 1.25},
                    ]
                },
                tags=("c4", "events"),
            ),
        ),
        comments=(
            _Comment(
                key="broker",
                document="design",
                author="linus",
                body="Who sees to it when the broker is away, @grace?",
                mentions=("grace",),
                anchor={"block": 2},
            ),
            _Comment(
                key="outbox",
                document="design",
                author="grace",
                thread="broker",
                body="The outbox keeps it; @ada and @linus, see block 1.",
                mentions=("ada", "linus"),
            ),
            _Comment(key="colour", document="design", author="ada", body="Green, please.", is_resolved=True),
        ),
    ),
    _Project(
        key="portal",
        name="Patient portal",
        summary="Findings and appointments in one place.",
        status=ProjectStatus.DRAFT,
        visibility=Visibility.PRIVATE,
        tags=("health",),
        budget=None,
        starts_on=date(2026, 4, 1),
        members=(("grace", MemberRole.OWNER), ("margaret", MemberRole.ARCHITECT), ("ada", MemberRole.REVIEWER)),
        phases=(("requirements", "Requirements", PhaseKind.REQUIREMENTS, "9000.00"),),
        documents=(
            _Document(
                key="access",
                phase="requirements",
                author="margaret",
                title="Who may see what",
                kind=DocumentKind.DECISION,
                body={"blocks": [{"type": "list", "items": ["patients: their own", "doctors: their patients'"]}]},
            ),
        ),
        comments=(),
    ),
)


def rows() -> list[object]:
    """Give the sample rows, those that are referred to first."""
    return [row for number, project in enumerate(_PROJECTS) for row in _rows_of(project, number)]


def _rows_of(project: _Project, number: int) -> Iterator[object]:
    at = _BEGAN + timedelta(days=number)
    yield from _head(project, at)
    for hour, document in enumerate(project.documents, start=1):
        yield from _document(project, document, at + timedelta(hours=hour))
    for minute, comment in enumerate(project.comments, start=1):
        yield from _comment(project, comment, at + timedelta(hours=8, minutes=minute))


def _head(project: _Project, at: datetime) -> Iterator[object]:
    yield Project(
        id=project.id,
        owner_id=project.owner,
        slug=project.key,
        name=project.name,
        summary=project.summary,
        status=project.status,
        visibility=project.visibility,
        settings={"grid": 8},
        budget=None if project.budget is None else Decimal(project.budget),
        currency="EUR",
        starts_on=project.starts_on,
        created_at=at,
        updated_at=at,
    )
    for place, tag in enumerate(project.tags, start=1):
        yield ProjectTag(project_id=project.id, tag=tag, position=place)
    for name, role in project.members:
        yield Member(project_id=project.id, user_id=_user(name), role=role, invited_by=project.owner, joined_at=at)
    for place, (key, title, kind, cost) in enumerate(project.phases, start=1):
        yield Phase(
            id=project.phase_id(key),
            project_id=project.id,
            position=place,
            name=title,
            kind=kind,
            needs=[place - 1] if place > 1 else [],
            cost_estimate=Decimal(cost),
            created_at=at,
            updated_at=at,
        )
    yield _activity(project, "project.create", by=project.members[0][0], subject_id=project.id, at=at)


def _document(project: _Project, document: _Document, at: datetime) -> Iterator[object]:
    key = seeded_id("project", "documents", document.key)
    shared = {"title": document.title, "body": document.body, **measured(document.body)}
    yield Document(
        id=key,
        project_id=project.id,
        phase_id=project.phase_id(document.phase),
        author_id=_user(document.author),
        slug=document.key,
        kind=document.kind,
        status=document.status,
        tags=list(document.tags),
        created_at=at,
        updated_at=at,
        **shared,
    )
    yield DocumentVersion(document_id=key, version=1, author_id=_user(document.author), saved_at=at, **shared)
    yield _activity(project, "document.create", by=document.author, subject_id=key, at=at)


def _comment(project: _Project, comment: _Comment, at: datetime) -> Iterator[object]:
    key = _comment_id(project, comment.key)
    yield Comment(
        id=key,
        document_id=seeded_id("project", "documents", comment.document),
        thread_id=_comment_id(project, comment.thread or comment.key),
        author_id=_user(comment.author),
        body=comment.body,
        anchor=comment.anchor,
        is_resolved=comment.is_resolved,
        created_at=at,
        updated_at=at,
    )
    for place, mention in enumerate(comment.mentions, start=1):
        yield CommentMention(comment_id=key, mention=mention, position=place)
    verb = "comment.reply" if comment.thread else "comment.add"
    yield _activity(project, verb, by=comment.author, subject_id=key, at=at)


def _activity(project: _Project, verb: str, *, by: str, subject_id: uuid.UUID, at: datetime) -> Activity:
    return Activity(
        id=seeded_id("project", "activities", f"{verb} {subject_id}"),
        project_id=project.id,
        actor_id=_user(by),
        verb=verb,
        subject_type=SubjectType(verb.partition(".")[0]),
        subject_id=subject_id,
        payload={},
        occurred_at=at,
    )


def _user(name: str) -> uuid.UUID:
    return seeded_id("user", "users", name)


def _comment_id(project: _Project, key: str) -> uuid.UUID:
    return seeded_id("project", "comments", f"{project.key}/{key}")
