"""Where users are signed in. A token is known to its holder alone: the database has its SHA-256."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import contains_eager
from sqlalchemy.orm.attributes import set_committed_value

from services.errors import Conflict, Invalid, NotFound, Unavailable
from services.store import Store, written
from services.user.models import AccountStatus, Session, User
from services.user.values import client_of
from services.values import moment, prove_within

__all__ = ["SignIns", "SignedIn"]

_TOKEN_BYTES: Final = 32
_SEEN_EVERY: Final = timedelta(minutes=1)
_LARGEST_BATCH: Final = 1000
# made once: to build it and to find what it was compiled to costs a third of a look-up
_BY_TOKEN: Final = (
    sa.select(Session)
    .join(Session.user)
    .options(contains_eager(Session.user))
    .where(
        Session.token_hash == sa.bindparam("digest"),
        Session.revoked_at.is_(None),
        Session.expires_at > sa.bindparam("now"),
        User.status == AccountStatus.ACTIVE,
    )
)


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A session that was just begun."""

    token: str = field(repr=False)
    """What its holder shows from now on. It is given this once."""
    session: Session


class SignIns(Store):
    """The part of the store that is about sessions."""

    def sign_in(
        self, user_id: uuid.UUID, *, lifetime: timedelta, address: str | None = None, user_agent: str | None = None
    ) -> SignedIn:
        """Begin a session of somebody who has proved who they are.

        Args:
            user_id: who.
            lifetime: after which the session ends by itself.
            address: the client's; its network is kept.
            user_agent: the client's name for itself.

        Raises:
            NotFound: there is no such user.
            Conflict: the account is not active.
            Invalid: the lifetime is not positive, or without end.
            Unavailable: the database cannot do it now.
        """
        now, token = self._clock(), secrets.token_urlsafe(_TOKEN_BYTES)
        begun = Session(
            user_id=user_id,
            token_hash=_digest(token),
            client=client_of(address, user_agent),
            created_at=now,
            last_seen_at=now,
            expires_at=_end(now, lifetime),
        )
        # written before it is read; it changes nothing that somebody edits, so neither version nor time of the change
        noted = sa.update(User).where(User.id == user_id, User.status == AccountStatus.ACTIVE)
        noted = noted.values(last_login_at=now, updated_at=User.updated_at)
        with self.transaction() as session:
            if written(session, noted) != 1:
                # a locking read: TiDB shows a plain one what was there before the other's change
                status = session.scalar(sa.select(User.status).where(User.id == user_id).with_for_update())
                if status is None:
                    raise NotFound("user", user_id)
                raise Conflict(f"the account is {status.value}, not active")
            session.add(begun)
        return SignedIn(token=token, session=begun)

    def session_of(self, token: str) -> Session:
        """Find the session of a token, with its user: one that has not ended, of somebody whose account is active.

        When it was last seen is noted once a minute at most, and not at all while the database takes no writes.

        Raises:
            NotFound: there is no such session, or no longer.
            Unavailable: the database cannot do it now.
        """
        now = self._clock()
        with self.transaction() as session:
            found = session.scalar(_BY_TOKEN, {"digest": _digest(token), "now": now})
        if found is None:
            raise _no_session()
        if found.last_seen_at is None or now - found.last_seen_at >= _SEEN_EVERY:
            with suppress(Unavailable):
                self._touch(found, now)
        return found

    def extend_session(self, token: str, *, lifetime: timedelta) -> Session:
        """Have the session of a token last this long from now.

        Raises:
            NotFound: there is no such session, or no longer.
            Invalid: the lifetime is not positive, or without end.
            Unavailable: the database cannot do it now.
        """
        now, digest = self._clock(), _digest(token)
        active = sa.select(User.id).where(User.id == Session.user_id, User.status == AccountStatus.ACTIVE)
        extended = sa.update(Session).where(Session.token_hash == digest, *_lasting(now), active.exists())
        extended = extended.values(expires_at=_end(now, lifetime), last_seen_at=now)
        with self.transaction() as session:
            if written(session, extended) != 1:
                raise _no_session()
            query = sa.select(Session).join(Session.user).options(contains_eager(Session.user))
            return session.scalars(
                query.where(Session.token_hash == digest).execution_options(populate_existing=True)
            ).one()

    def revoke_session(self, session_id: uuid.UUID) -> None:
        """End a session at once; one that has been ended stays so.

        Raises:
            NotFound: there is no such session.
            Unavailable: the database cannot do it now.
        """
        with self.transaction() as session:
            if self._revoke(session, Session.id == session_id):
                return
            found = session.scalar(sa.select(Session.id).where(Session.id == session_id))
        if found is None:
            raise NotFound("session", session_id)

    def revoke_sessions(self, user_id: uuid.UUID, *, keep: uuid.UUID | None = None) -> int:
        """End all sessions of a user at once, save one where that is wanted, and tell how many that were.

        Raises:
            Unavailable: the database cannot do it now.
        """
        theirs = Session.user_id == user_id
        with self.transaction() as session:
            return self._revoke(session, theirs if keep is None else sa.and_(theirs, Session.id != keep))

    def sessions(self, user_id: uuid.UUID) -> tuple[Session, ...]:
        """List where a user is signed in, the newest first.

        Raises:
            Unavailable: the database cannot do it now.
        """
        query = sa.select(Session).where(Session.user_id == user_id, *_lasting(self._clock()))
        with self.transaction() as session:
            return tuple(session.scalars(query.order_by(Session.created_at.desc(), Session.id)))

    def purge_sessions(self, *, ended_before: datetime | None = None, batch: int = 500) -> int:
        """Delete sessions whose time is over, batch by batch, each in a transaction, and tell how many that were.

        Args:
            ended_before: those that ended by themselves before this moment; by default before now.
            batch: how many at once, 1 to 1000.

        Raises:
            Invalid: the batch is out of range.
            Unavailable: the database cannot do it now; what was deleted before stays so.
        """
        prove_within("batch", batch, least=1, most=_LARGEST_BATCH)
        over = Session.expires_at <= moment("ended_before", ended_before or self._clock())
        query = sa.select(Session.id).where(over).order_by(Session.expires_at, Session.id).limit(batch)
        total = 0
        while True:
            with self.transaction() as session:
                ids = session.scalars(query).all()
            if not ids:
                return total
            deleted = sa.delete(Session).where(Session.id.in_(ids), over)
            with self.transaction() as session:
                total += written(session, deleted)

    def _revoke(self, session: Any, which: sa.ColumnElement[bool]) -> int:  # noqa: ANN401 - SQLAlchemy's session
        now = self._clock()
        return written(session, sa.update(Session).where(which, *_lasting(now)).values(revoked_at=now))

    def _touch(self, found: Session, now: datetime) -> None:
        """Note that a session was seen, unless somebody else has done so meanwhile."""
        stale = sa.or_(Session.last_seen_at.is_(None), Session.last_seen_at <= now - _SEEN_EVERY)
        touched = sa.update(Session).where(Session.id == found.id, stale).values(last_seen_at=now)
        with self.transaction() as session:
            written(session, touched)
        set_committed_value(found, "last_seen_at", now)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def _lasting(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Word that a session has neither ended by itself nor been ended."""
    return (Session.revoked_at.is_(None), Session.expires_at > now)


def _end(now: datetime, lifetime: timedelta) -> datetime:
    if lifetime <= timedelta(0):
        raise Invalid("lifetime", f"{lifetime} is not positive")
    try:
        return now + lifetime
    except OverflowError:
        raise Invalid("lifetime", f"{lifetime} goes beyond the year 9999") from None


def _no_session() -> NotFound:
    """Make the error without the token, which is a secret as long as it may be another database's."""
    return NotFound("session", "of this token")
