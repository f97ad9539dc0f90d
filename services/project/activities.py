"""The time line of a project: what the operations wrote down."""

from __future__ import annotations

import uuid
from typing import Final

import sqlalchemy as sa

from services.paging import Keyset, Page
from services.project.common import Common
from services.project.models import Activity
from services.values import equal

__all__ = ["Activities"]

_ACTIVITIES: Final[Keyset[Activity]] = Keyset(columns=(Activity.occurred_at, Activity.id), descending=True)


class Activities(Common):
    """Operations on activities; they are written by the other operations, each in its own transaction."""

    def time_line(
        self,
        project_id: uuid.UUID,
        *,
        actor_id: uuid.UUID | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Activity]:
        """Give a page of what happened in a project, the newest first; with an actor only what they did.

        Raises:
            Invalid: the limit is out of range.
            InvalidCursor: the cursor is not from this list.
            Unavailable: the database cannot do it now.
        """
        query = sa.select(Activity).where(Activity.project_id == project_id, *equal(Activity, actor_id=actor_id))
        asked = ("activities", project_id, actor_id)
        with self.transaction() as session:
            return _ACTIVITIES.page(session, query, limit=limit, cursor=cursor, asked=asked)
