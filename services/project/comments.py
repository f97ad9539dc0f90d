"""What is said of documents: threads, replies, and who is called into them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from services.errors import NotFound
from services.paging import Keyset, Page
from services.project.common import Common
from services.project.models import Comment, CommentMention, Document
from services.values import accepted, each_once, equal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["Comments", "Thread"]

_FIRST_ONES: Final[Keyset[Comment]] = Keyset(columns=(Comment.created_at, Comment.id))
_NEWEST: Final[Keyset[Comment]] = Keyset(columns=(Comment.created_at, Comment.id), descending=True)


@dataclass(frozen=True, kw_only=True)
class Thread:
    """A conversation about a document."""

    first: Comment
    """Its id is the thread's, and it says whether the thread is resolved."""
    replies: tuple[Comment, ...]
    """In the order in which they were written."""


class Comments(Common):
    """Operations on comments."""

    def add_comment(
        self,
        document_id: uuid.UUID,
        *,
        author_id: uuid.UUID,
        body: str,
        mentions: Iterable[str] = (),
        anchor: dict[str, Any] | None = None,
    ) -> Comment:
        """Begin a thread; with an anchor about a place in the document, else about all of it.

        Raises:
            NotFound: there is no such document.
            Invalid: a value cannot be kept.
            Unavailable: the database cannot do it now.
        """
        comment = _comment(author_id, body, mentions)
        comment.anchor = accepted(Comment, {"anchor": anchor})["anchor"]
        with self.transaction() as session:
            comment.thread_id = comment.id
            return self._put(session, "comment.add", comment, document_id=document_id)

    def reply(self, thread_id: uuid.UUID, *, author_id: uuid.UUID, body: str, mentions: Iterable[str] = ()) -> Comment:
        """Answer in a thread; whether it is resolved stays as it is.

        Raises:
            NotFound: there is no such thread.
            Invalid: a value cannot be kept.
            Unavailable: the database cannot do it now.
        """
        comment = _comment(author_id, body, mentions)
        with self.transaction() as session:
            first = self._held_thread(session, thread_id)
            comment.thread_id = thread_id
            return self._put(session, "comment.reply", comment, document_id=first.document_id)

    def resolve_thread(self, thread_id: uuid.UUID, *, by: uuid.UUID | None = None, is_resolved: bool = True) -> Comment:
        """Say that a thread is done with, or that it is not, and give its first comment.

        Raises:
            NotFound: there is no such thread.
            Unavailable: the database cannot do it now.
        """
        with self.transaction() as session:
            first = self._held_thread(session, thread_id)
            if first.is_resolved is not is_resolved:
                first.is_resolved, first.updated_at = is_resolved, self._clock()
                document = self._get(session, Document, first.document_id, kind="document")
                verb = "comment.resolve" if is_resolved else "comment.reopen"
                self._record(session, verb, project_id=document.project_id, by=by, subject_id=thread_id)
            return first

    def threads(
        self,
        document_id: uuid.UUID,
        *,
        is_resolved: bool | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Thread]:
        """Give a page of a document's threads, the oldest first, each with all its comments in order.

        Raises:
            Invalid: the limit is out of range.
            InvalidCursor: the cursor is not from this list.
            Unavailable: the database cannot do it now.
        """
        query = sa.select(Comment).where(Comment.document_id == document_id, Comment.id == Comment.thread_id)
        query = query.where(*equal(Comment, is_resolved=is_resolved))
        asked = ("threads", document_id, is_resolved)
        with self.transaction() as session:
            page = _FIRST_ONES.page(session, query, limit=limit, cursor=cursor, asked=asked)
            replies = _replies(session, document_id, [first.id for first in page.items])
        threads = (Thread(first=first, replies=tuple(replies.get(first.id, ()))) for first in page.items)
        return Page(items=tuple(threads), cursor=page.cursor)

    def mentions(
        self, mention: str, *, project_id: uuid.UUID | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Comment]:
        """Give a page of the comments that mention somebody, the newest first.

        Raises:
            Invalid: the limit is out of range.
            InvalidCursor: the cursor is not from this list.
            Unavailable: the database cannot do it now.
        """
        mentioned = sa.select(CommentMention.comment_id).where(CommentMention.mention == mention)
        query = sa.select(Comment).where(Comment.id.in_(mentioned))
        if project_id is not None:
            documents = sa.select(Document.id).where(Document.project_id == project_id)
            query = query.where(Comment.document_id.in_(documents))
        asked = ("mentions", mention, project_id)
        with self.transaction() as session:
            return _NEWEST.page(session, query, limit=limit, cursor=cursor, asked=asked)

    def _put(self, session: Session, verb: str, comment: Comment, *, document_id: uuid.UUID) -> Comment:
        """Write a comment on a document that is there, and write down that it was."""
        document = self._hold(session, Document, document_id, kind="document")
        comment.document_id = document_id
        comment.created_at = comment.updated_at = self._clock()
        session.add(comment)
        self._record(session, verb, project_id=document.project_id, by=comment.author_id, subject_id=comment.id)
        return comment

    def _held_thread(self, session: Session, thread_id: uuid.UUID) -> Comment:
        """Hold the first comment of a thread. Raises NotFound; for a reply too, which is no thread."""
        first = self._hold(session, Comment, thread_id, kind="thread")
        if first.thread_id != first.id:
            raise NotFound("thread", thread_id)
        return first


def _comment(author_id: uuid.UUID, body: str, mentions: Iterable[str]) -> Comment:
    values = accepted(Comment, {"body": body})
    names = each_once("mentions", mentions, CommentMention.mention)
    return Comment(id=uuid.uuid4(), author_id=author_id, mentions=names, **values)


def _replies(session: Session, document_id: uuid.UUID, thread_ids: list[uuid.UUID]) -> dict[uuid.UUID, list[Comment]]:
    """Read what was said in some threads after their first comments."""
    found: dict[uuid.UUID, list[Comment]] = {}
    if not thread_ids:
        return found
    query = sa.select(Comment).where(Comment.document_id == document_id, Comment.thread_id.in_(thread_ids))
    query = query.where(Comment.id != Comment.thread_id).order_by(Comment.created_at, Comment.id)
    for reply in session.scalars(query):
        found.setdefault(reply.thread_id, []).append(reply)
    return found
