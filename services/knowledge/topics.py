"""The tree of topics, and what is filed under them."""

from __future__ import annotations

import heapq
import unicodedata
import uuid
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from services.errors import Invalid, NotFound
from services.knowledge.models import ResourceTopic, Topic
from services.knowledge.paths import below, depth_of, in_branch, joined, parent_of, split
from services.paging import LARGEST_PAGE, Keyset, Page
from services.store import Store, written
from services.values import accepted, each_once, folded, prove_within

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["Topics"]

_BY_PATH: Final[Keyset[Topic]] = Keyset(columns=(Topic.path,))
_BATCH: Final = 500
_SAME, _BEGINS, _WITHIN = range(3)


class Topics(Store):
    """Operations on topics."""

    def create_topic(
        self,
        part: str,
        *,
        name: str,
        under: str | None = None,
        description: str | None = None,
        synonyms: Sequence[str] = (),
    ) -> Topic:
        """Create a topic.

        Args:
            part: its name in the path: `cqrs`.
            name: its name for readers.
            under: the path of the topic above it; None for one at the top.
            description: what it is about.
            synonyms: other names that it is found by.

        Raises:
            NotFound: there is no topic above it.
            Conflict: the path is taken.
            Invalid: a value cannot be kept; the path would be too long; the part has a slash.
            Unavailable: the database cannot do it now.
        """
        if "/" in part:
            raise Invalid("part", f"{part!r} has a slash")
        path, now = split(joined(under, part)), self._clock()
        values = {"name": name, "description": description, "synonyms": each_once("synonyms", synonyms)}
        found = accepted(Topic, {**values, "path": path, "depth": depth_of(path)})
        topic = Topic(id=uuid.uuid4(), created_at=now, updated_at=now, **found)
        with self.transaction() as session:
            self._hold_parent(session, path)
            with self._conflicting(session, f"topic {path!r} is there already"):
                session.add(topic)
        return topic

    def topic(self, path: str) -> Topic:
        """Fetch a topic by its path. Raises NotFound, Unavailable."""
        with self.transaction() as session:
            return self._at(session, unicodedata.normalize("NFC", path))

    def move_topic(self, path: str, *, to: str) -> Topic:
        """Give a topic another path, and with it all that stand below it.

        Args:
            path: where it is.
            to: where it is to be; the topic above that place must be there.

        Raises:
            NotFound: there is no such topic, or none above its new place.
            Conflict: the new path is taken.
            Invalid: the new place is within the branch itself, or some path would be too long.
            Unavailable: the database cannot do it now.
        """
        old, new = unicodedata.normalize("NFC", path), split(to, field="to")
        if new == old or new.startswith(old + "/"):
            raise Invalid("to", f"{to!r} is within the branch {path!r} itself")
        with self.transaction() as session:
            self._hold_parent(session, new)
            self._hold_branch(session, old)
            branch = session.execute(sa.select(Topic.id, Topic.path).where(in_branch(old)).with_for_update()).all()
            if not any(row.path == old for row in branch):
                raise NotFound("topic", path)
            places = [{"row": row.id, "place": split(new + row.path[len(old) :], field="to")} for row in branch]
            changed = {"path": sa.bindparam("place"), "depth": sa.bindparam("above"), "updated_at": self._clock()}
            table: Any = Topic.__table__
            write = sa.update(table).where(table.c.id == sa.bindparam("row")).values(changed)
            with self._conflicting(session, f"topic {new!r} is there already"):
                session.execute(write, [{**place, "above": depth_of(place["place"])} for place in places])
            moved = sa.select(Topic).where(in_branch(new)).execution_options(populate_existing=True)
            return next(topic for topic in session.scalars(moved).all() if topic.path == new)

    def remove_topic(self, path: str) -> int:
        """Remove a topic with all that stand below it, and tell how many those were; no resource goes with them.

        Raises:
            NotFound: there is no such topic.
            Unavailable: the database cannot do it now.
        """
        old = unicodedata.normalize("NFC", path)
        with self.transaction() as session:
            self._hold_branch(session, old)
            gone = written(session, sa.delete(Topic).where(in_branch(old)))
            if not gone:
                raise NotFound("topic", path)
            return gone

    def topics_under(
        self, path: str | None = None, *, limit: int = LARGEST_PAGE, cursor: str | None = None
    ) -> Page[Topic]:
        """List the topics right below one, or at the top, in the order of their paths.

        Raises:
            Invalid: the limit is out of range.
            InvalidCursor: the cursor is not from this list.
            Unavailable: the database cannot do it now.
        """
        query = sa.select(Topic).where(Topic.depth == 0)
        if path is not None:
            found = unicodedata.normalize("NFC", path)
            query = sa.select(Topic).where(below(found), Topic.depth == depth_of(found) + 1)
        with self.transaction() as session:
            return _BY_PATH.page(session, query, limit=limit, cursor=cursor, asked=("under", path))

    def branch(self, path: str, *, limit: int = LARGEST_PAGE, cursor: str | None = None) -> Page[Topic]:
        """List a topic and all that stand below it, in the order of their paths.

        Raises:
            Invalid: the limit is out of range.
            InvalidCursor: the cursor is not from this list.
            Unavailable: the database cannot do it now.
        """
        query = sa.select(Topic).where(in_branch(unicodedata.normalize("NFC", path)))
        with self.transaction() as session:
            return _BY_PATH.page(session, query, limit=limit, cursor=cursor, asked=("branch", path))

    def search_topics(self, text: str, *, limit: int = 20) -> list[Topic]:
        """Find topics by a text in their name, a synonym or their path, in whatever case.

        First those that are called so, then those where a name, synonym or part of the path begins so, then the others; equals
        by their paths. All topics are read for it, in batches: backends do not agree on what is the same letter.

        Raises:
            Invalid: the text is blank, or the limit is not within 1 and 200.
            Unavailable: the database cannot do it now.
        """
        wanted = folded(text.strip())
        if not wanted:
            raise Invalid("text", "it is blank")
        prove_within("limit", limit, least=1, most=LARGEST_PAGE)
        with self.transaction() as session:
            ranked = ((_rank(wanted, row), row.path, row.id) for row in _all_topics(session))
            best = heapq.nsmallest(limit, (found for found in ranked if found[0] is not None))
            topics = session.scalars(sa.select(Topic).where(Topic.id.in_([key for _, _, key in best])))
            by_id = {topic.id: topic for topic in topics}
        # what somebody removed in the meantime is not found
        return [by_id[key] for _, _, key in best if key in by_id]

    def file_under(self, resource_id: uuid.UUID, path: str, *, relevance: float = 0.5) -> ResourceTopic:
        """Say that a resource speaks of a topic, or how much it does.

        Args:
            resource_id: of what.
            path: of which topic.
            relevance: from 0, hardly, to 1, throughout.

        Raises:
            NotFound: there is no such resource or topic.
            Invalid: the relevance is not within 0 and 1.
            Conflict: somebody else said so at the same moment.
            Unavailable: the database cannot do it now.
        """
        relevance = accepted(ResourceTopic, {"relevance": relevance})["relevance"]
        with self.transaction() as session:
            write = sa.update(ResourceTopic).where(*_filed(resource_id, path)).values(relevance=relevance)
            done = written(session, write)
            topic = self._at(session, unicodedata.normalize("NFC", path))
            if done == 1:
                return session.get_one(ResourceTopic, (resource_id, topic.id), populate_existing=True)
            found = ResourceTopic(resource_id=resource_id, topic_id=topic.id, relevance=relevance)
            taken = f"resource '{resource_id}' is filed under {path!r} already"
            with self._conflicting(session, taken, missing=NotFound("resource", resource_id)):
                session.add(found)
            return found

    def take_from(self, resource_id: uuid.UUID, path: str) -> None:
        """Say that a resource does not speak of a topic. Raises NotFound where nobody said it does, Unavailable."""
        with self.transaction() as session:
            delete = sa.delete(ResourceTopic).where(*_filed(resource_id, path))
            if written(session, delete) != 1:
                raise NotFound("topic of the resource", path)

    def topics_of(self, resource_id: uuid.UUID) -> list[tuple[Topic, float]]:
        """List what a resource speaks of with how much, the most relevant first, equals by their paths. Raises Unavailable."""
        query = sa.select(Topic, ResourceTopic.relevance).join(ResourceTopic, ResourceTopic.topic_id == Topic.id)
        order = (ResourceTopic.relevance.desc(), Topic.path)
        with self.transaction() as session:
            rows = session.execute(query.where(ResourceTopic.resource_id == resource_id).order_by(*order))
            return [(row.Topic, row.relevance) for row in rows]

    def _at(self, session: Session, path: str) -> Topic:
        found: Topic = self._one(session, sa.select(Topic).where(Topic.path == path), path, kind="topic")
        return found

    def _hold_parent(self, session: Session, path: str) -> None:
        """Have the topic above stay where it is until this transaction ends. Raises NotFound."""
        above = parent_of(path)
        if above is not None and not self._hold_rows(session, Topic, Topic.path == above):
            raise NotFound("topic", above)

    def _hold_branch(self, session: Session, path: str) -> None:
        """Have a branch stay as it is until this transaction ends.

        Written again until it does not grow: whoever adds a topic holds the one above it.
        """
        before, found = -1, self._hold_rows(session, Topic, in_branch(path))
        while found != before:
            before, found = found, self._hold_rows(session, Topic, in_branch(path))


def _filed(resource_id: uuid.UUID, path: str) -> tuple[sa.ColumnElement[bool], ...]:
    topic = sa.select(Topic.id).where(Topic.path == unicodedata.normalize("NFC", path)).scalar_subquery()
    return ResourceTopic.resource_id == resource_id, ResourceTopic.topic_id == topic


def _all_topics(session: Session) -> Iterator[Any]:
    """Read what topics are found by, in batches by path."""
    query = sa.select(Topic.id, Topic.path, Topic.name, Topic.synonyms).order_by(Topic.path).limit(_BATCH)
    rows: Sequence[Any] = session.execute(query).all()
    while rows:
        yield from rows
        rows = session.execute(query.where(Topic.path > rows[-1].path)).all()


def _rank(wanted: str, row: sa.Row[Any]) -> int | None:
    """Tell how well a topic is what is looked for, 0 the best; None where it is not."""
    path = folded(row.path)
    names = [folded(name) for name in (row.name, *row.synonyms)]
    if wanted in (path, *names):
        return _SAME
    if any(name.startswith(wanted) for name in (path, *path.split("/"), *names)):
        return _BEGINS
    return _WITHIN if any(wanted in name for name in (path, *names)) else None
