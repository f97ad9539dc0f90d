"""What the operations on projects have in common: values that a column takes, and what is written down of it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from services.errors import Invalid
from services.project.models import Activity, SubjectType
from services.store import Store

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["Common", "prove_order", "prove_slug"]

_SLUG: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class Common(Store):
    """The base of the parts of the store."""

    def _record(  # noqa: PLR0913 - what an activity is made of
        self,
        session: Session,
        verb: str,
        *,
        project_id: uuid.UUID,
        by: uuid.UUID | None,
        subject_id: uuid.UUID,
        payload: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down what happened, in the same transaction; what it is about is the first word of the verb."""
        session.add(
            Activity(
                project_id=project_id,
                actor_id=by,
                verb=verb,
                subject_type=SubjectType(verb.partition(".")[0]),
                subject_id=subject_id,
                payload=dict(payload or {}),
                occurred_at=self._clock(),
            )
        )


def prove_slug(slug: str) -> None:
    """Refuse what cannot stand in an address. Raises Invalid."""
    if not _SLUG.fullmatch(slug):
        raise Invalid("slug", f"{slug[:80]!r} is not made of small letters, digits and single hyphens between them")


def prove_order(first: date | None, last: date | None, *, field: str) -> None:
    """Refuse what ends before it begins. Raises Invalid."""
    if first is not None and last is not None and last < first:
        raise Invalid(field, f"{last} is before {first}")
