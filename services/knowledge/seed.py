"""Sample rows: a small tree of topics, four resources with what was cut from them, and what readers made of it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from services.base import seeded_id
from services.knowledge.models import Bookmark, Chunk, Citation, Resource, ResourceKind, ResourceTopic, Topic

__all__ = ["rows"]

_START: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)
_MODEL: Final = "sample-8"
_DIMENSIONS: Final = 8

_TOPICS: Final[tuple[tuple[str, str, str | None, list[str]], ...]] = (
    ("architecture", "Architecture", "How parts are cut and fit together.", ["design"]),
    ("architecture/patterns", "Patterns", None, []),
    ("architecture/patterns/cqrs", "CQRS", "Reading and writing by different models.", ["read model"]),
    ("architecture/patterns/outbox", "Transactional outbox", None, ["outbox"]),
    ("storage", "Storage", "Where data stays.", ["databases"]),
    ("storage/replication", "Replication", None, ["followers", "replicas"]),
)

_RESOURCES: Final[tuple[dict[str, Any], ...]] = (
    {
        "name": "sourcebook",
        "kind": ResourceKind.BOOK,
        "title": "A sourcebook of message patterns",
        "summary": "What to do when two services must agree and neither may wait.",
        "authors": ["Grace Hopper", "Linus Pauling"],
        "details": {"licence": "CC-BY-4.0", "edition": 2},
        "language": "en",
        "added_by": "ada",
        "published_on": date(2019, 5, 1),
        "page_count": 412,
        "quality_score": 0.9,
        "price": Decimal("39.90"),
        "topics": {"architecture/patterns": 1.0, "architecture/patterns/outbox": 0.75},
        "text": (
            ("The outbox", "A message is written in the transaction that it speaks of, and sent after it.", [101, 102]),
            ("The inbox", "Whoever receives writes down what was received, so that nothing is done twice.", [117]),
            ("Order", "Messages of one thing keep their order; messages of two things have none.", [130, 131]),
        ),
    },
    {
        "name": "replicas",
        "kind": ResourceKind.ARTICLE,
        "title": "What a replica may say",
        "summary": None,
        "source_url": "https://example.org/replicas",
        "authors": ["Margaret Hamilton"],
        "language": "en",
        "added_by": "grace",
        "published_on": date(2024, 2, 29),
        "quality_score": 0.7,
        "topics": {"storage/replication": 1.0, "storage": 0.5},
        "text": (
            (None, "A replica tells the truth of a moment ago.", []),
            (None, "Who has written reads where it was written, until the replica has caught up.", []),
        ),
    },
    {
        "name": "lesen",
        "kind": ResourceKind.PATTERN,
        "title": "Getrennt lesen und schreiben",
        "summary": "Ein Modell für Befehle, eines für Fragen.",
        "authors": ["Ada Lovelace"],
        "language": "de",
        "added_by": "linus",
        "topics": {"architecture/patterns/cqrs": 1.0},
        "text": (("Überblick", "Fragen ändern nichts, Befehle antworten nicht.", []),),
    },
    {
        "name": "stock",
        "kind": ResourceKind.DATASET,
        "title": "Stock movements of one year",
        "summary": "For the warehouse alone.",
        "authors": [],
        "details": {"rows": 120_431},
        "project": "warehouse",
        "is_public": False,
        "added_by": "ada",
        "topics": {"storage": 0.25},
        "text": (("Columns", "Every row has an article, a place, an amount and a moment.", []),),
    },
)

_CITATIONS: Final = (
    ("sourcebook", 1, "design", "[1]", "written in the transaction that it speaks of", "ada", 0.93),
    ("replicas", 2, "design", "[2]", "until the replica has caught up", "grace", None),
)

_BOOKMARKS: Final[tuple[tuple[str, str, str, list[str], str | None], ...]] = (
    ("grace", "sourcebook", "to read", ["messages"], "Chapter 4 first."),
    ("donald", "sourcebook", "inbox", [], None),
    ("margaret", "replicas", "own", ["databases", "mine"], None),
)


def rows() -> list[object]:
    """Give the sample rows, those that others refer to first; the same ones each time."""
    return [*_topics(), *_resources(), *_citations(), *_bookmarks()]


def _topics() -> Iterator[object]:
    for number, (path, name, description, synonyms) in enumerate(_TOPICS):
        at = _START + timedelta(minutes=number)
        yield Topic(
            id=seeded_id("knowledge", "topics", path),
            path=path,
            name=name,
            description=description,
            synonyms=list(synonyms),
            depth=path.count("/"),
            created_at=at,
            updated_at=at,
        )


def _resources() -> Iterator[object]:
    for number, sample in enumerate(_RESOURCES):
        values, at = dict(sample), _START + timedelta(days=1, hours=number)
        name, pieces, topics = (values.pop(key) for key in ("name", "text", "topics"))
        content = "\n\n".join(body for _, body, _ in pieces).encode()
        project = values.pop("project", None)
        key = seeded_id("knowledge", "resources", name)
        yield Resource(
            **{**values, "added_by": _user(values["added_by"])},
            id=key,
            content_hash=hashlib.sha256(content).digest(),
            size_bytes=len(content),
            project_id=project and seeded_id("project", "projects", project),
            created_at=at,
            updated_at=at,
        )
        for path, relevance in topics.items():
            yield ResourceTopic(resource_id=key, topic_id=seeded_id("knowledge", "topics", path), relevance=relevance)
        for position, (heading, body, pages) in enumerate(pieces, start=1):
            yield Chunk(
                id=_chunk(name, position),
                resource_id=key,
                position=position,
                heading=heading,
                body=body,
                token_count=len(body.split()),
                pages=list(pages),
                embedding=_embedding(body),
                embedding_model=_MODEL,
                created_at=at,
            )


def _citations() -> Iterator[object]:
    for number, (name, position, document, marker, quote, user, confidence) in enumerate(_CITATIONS):
        yield Citation(
            id=seeded_id("knowledge", "citations", f"{document}{marker}"),
            chunk_id=_chunk(name, position),
            document_id=seeded_id("project", "documents", document),
            marker=marker,
            quote=quote,
            pages=[],
            confidence=confidence,
            created_by=_user(user),
            created_at=_START + timedelta(days=2, hours=number),
        )


def _bookmarks() -> Iterator[object]:
    for number, (user, name, shelf, labels, note) in enumerate(_BOOKMARKS):
        at = _START + timedelta(days=3, hours=number)
        yield Bookmark(
            id=seeded_id("knowledge", "bookmarks", f"{user}/{name}"),
            user_id=_user(user),
            resource_id=seeded_id("knowledge", "resources", name),
            shelf=shelf,
            labels=list(labels),
            note=note,
            created_at=at,
            updated_at=at,
        )


def _user(name: str) -> uuid.UUID:
    return seeded_id("user", "users", name)


def _chunk(resource: str, position: int) -> uuid.UUID:
    return seeded_id("knowledge", "chunks", f"{resource}/{position}")


def _embedding(body: str) -> list[float]:
    """Make a vector out of a text as no model does: alike texts are not near, but it is always the same."""
    digest = hashlib.sha256(body.encode()).digest()
    return [(byte - 127.5) / 127.5 for byte in digest[:_DIMENSIONS]]
