"""The record of what was done and tried. It is added to, and never changed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from services.paging import Keyset, Page
from services.store import Store
from services.user.models import AuditEvent, Outcome
from services.values import accepted, equal, moment

__all__ = ["AuditTrail"]

_NEWEST_FIRST: Final[Keyset[AuditEvent]] = Keyset(columns=(AuditEvent.occurred_at, AuditEvent.id), descending=True)


class AuditTrail(Store):
    """The part of the store that is about what happened."""

    def record(  # noqa: PLR0913 - each is a column
        self,
        action: str,
        outcome: Outcome,
        *,
        actor_id: uuid.UUID | None = None,
        target: tuple[str, uuid.UUID] | None = None,
        details: Mapping[str, Any] | None = None,
        request_id: uuid.UUID | None = None,
    ) -> AuditEvent:
        """Write down what somebody did or tried; inside of `transaction()` it stays only if the rest does.

        Args:
            action: what, as `role.grant`.
            outcome: how it ended.
            actor_id: who; None for the platform itself.
            target: the kind and the id of what it was done to.
            details: what else is worth knowing.
            request_id: of the request that it was part of.

        Raises:
            Invalid: a value cannot be kept; it names the field.
            Unavailable: the database cannot do it now.
        """
        given = {
            "action": action,
            "outcome": outcome,
            "actor_id": actor_id,
            "target_type": target[0] if target else None,
            "target_id": target[1] if target else None,
            "details": dict(details or {}),
            "request_id": request_id,
        }
        event = AuditEvent(**accepted(AuditEvent, given), occurred_at=self._clock())
        with self.transaction() as session:
            session.add(event)
        return event

    def events(
        self,
        *,
        actor_id: uuid.UUID | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[AuditEvent]:
        """List what happened, the newest first.

        Args:
            actor_id: what this user did.
            since: from this moment on.
            until: before this moment.
            limit: how many at most, 1 to 200.
            cursor: where the page before ended.

        Raises:
            Invalid: the limit is out of range, or a moment has no time zone.
            InvalidCursor: the cursor is not from this list.
            Unavailable: the database cannot do it now.
        """
        query = sa.select(AuditEvent).where(*equal(AuditEvent, actor_id=actor_id))
        if since is not None:
            query = query.where(AuditEvent.occurred_at >= moment("since", since))
        if until is not None:
            query = query.where(AuditEvent.occurred_at < moment("until", until))
        with self.transaction() as session:
            return _NEWEST_FIRST.page(session, query, limit=limit, cursor=cursor, asked=(actor_id, since, until))
