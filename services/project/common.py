"""What the operations on projects have in common: values that a column takes, rows that are held, what is written down of it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import sqlalchemy as sa

import dbkit.types as dbt
from dbkit.errors import ValueRefusedError
from services.errors import Invalid, NotFound, VersionConflict
from services.project.models import Activity, Comment, Document, Phase, Project, SubjectType
from services.store import Store

if TYPE_CHECKING:
    from sqlalchemy.orm import InstrumentedAttribute, Session

__all__ = ["Common", "prove_order", "prove_slug", "unique_texts"]

H = TypeVar("H", Project, Phase, Document, Comment)

_SLUG: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class Common(Store):
    """The base of the parts of the store."""

    def _hold(self, session: Session, model: type[H], key: uuid.UUID, *, kind: str) -> H:
        """Lock a row until the transaction ends, and give it as it is now. Raises NotFound.

        Written before it is read: SQLite has no FOR UPDATE and gives up on a reader that would write. Then read with FOR
        UPDATE: TiDB shows a plain SELECT what was there when the transaction began, not what came while it waited.
        """
        touch = sa.update(model).where(model.id == key).values(updated_at=model.updated_at)
        done: Any = session.execute(touch.execution_options(synchronize_session=False))
        if done.rowcount == 0:
            raise NotFound(kind, key)
        query = sa.select(model).where(model.id == key).with_for_update()
        return session.scalars(query.execution_options(populate_existing=True)).one()

    def _delete(
        self, session: Session, model: type[Project | Document], key: uuid.UUID, *, version: int, kind: str
    ) -> None:
        """Delete a row that is still at this version, and by the database's cascades what hangs on it.

        Raises:
            NotFound: there is no such row.
            VersionConflict: it is at another version.
        """
        guarded = sa.delete(model).where(model.id == key, model.version == version)
        done: Any = session.execute(guarded.execution_options(synchronize_session=False))
        if done.rowcount == 1:
            return
        found = session.scalars(sa.select(model.version).where(model.id == key).with_for_update()).first()
        if found is None:
            raise NotFound(kind, key)
        raise VersionConflict(kind, key, expected=version, found=found)

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


def unique_texts(field: str, texts: Iterable[str], *, column: InstrumentedAttribute[str]) -> list[str]:
    """Give texts in their order, each once, as the column keeps one. Raises Invalid where one is blank or too long."""
    if isinstance(texts, str):
        raise Invalid(field, "it is one text, not several")
    found: dict[str, None] = {}
    for text in texts:
        try:
            kept = str(cast("dbt.String", column.type).accept(text))
        except ValueRefusedError as error:
            raise Invalid(field, error.message) from error
        if not kept.strip():
            raise Invalid(field, "one of them is blank")
        found[kept] = None
    return list(found)


def prove_slug(slug: str) -> None:
    """Refuse what cannot stand in an address. Raises Invalid."""
    if not _SLUG.fullmatch(slug):
        raise Invalid("slug", f"{slug[:80]!r} is not made of small letters, digits and single hyphens between them")


def prove_order(first: date | None, last: date | None, *, field: str) -> None:
    """Refuse what ends before it begins. Raises Invalid."""
    if first is not None and last is not None and last < first:
        raise Invalid(field, f"{last} is before {first}")
