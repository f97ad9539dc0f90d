"""What the operations on projects have in common: values that a column takes, rows that are held, what is written down of it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

import dbkit.types as dbt
from dbkit.backends import backend_of
from dbkit.backends.protocol import Fault
from dbkit.errors import ValueRefusedError
from services.errors import Conflict, Invalid, NotFound, VersionConflict
from services.project.models import Activity, Base, Comment, Document, Phase, Project, SubjectType
from services.store import Store

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["Common", "accepted", "prove_order", "prove_slug", "unique_texts"]

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

    @contextmanager
    def _unless_taken(self, session: Session, what: str) -> Iterator[None]:
        """Say what is there already, where a unique rule refuses what is written inside."""
        errors = backend_of(session.connection().dialect).errors
        try:
            yield
            session.flush()
        except IntegrityError as error:
            if errors.fault(error) is not Fault.DUPLICATE:
                raise
            raise Conflict(what) from error

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


def accepted(model: type[Base], values: Mapping[str, Any], *, allowed: Collection[str]) -> dict[str, Any]:
    """Give the values as the columns keep them. Raises Invalid, naming the field that is not one, or what does not fit it."""
    columns = sa.inspect(model).columns
    found: dict[str, Any] = {}
    for field, value in values.items():
        if field not in allowed:
            raise Invalid(field, "there is no such field")
        found[field] = _accepted(columns[field], field, value)
    return found


def _accepted(column: sa.Column[Any], field: str, value: object) -> object:
    if value is None:
        if not column.nullable:
            raise Invalid(field, "it cannot be None")
        return None
    if not isinstance(column.type, dbt.PortableType):
        return value
    try:
        return column.type.restore(column.type.accept(value))
    except ValueRefusedError as error:
        raise Invalid(field, error.message) from error


def unique_texts(field: str, column: sa.Column[Any], texts: Iterable[str]) -> list[str]:
    """Give texts in their order, each once. Raises Invalid where one is blank or too long."""
    found = [_accepted(column, field, text) for text in texts]
    if any(not str(text).strip() for text in found):
        raise Invalid(field, "one of them is blank")
    return list(dict.fromkeys(map(str, found)))


def prove_slug(slug: str) -> None:
    """Refuse what cannot stand in an address. Raises Invalid."""
    if not _SLUG.fullmatch(slug):
        raise Invalid("slug", f"{slug[:80]!r} is not made of small letters, digits and single hyphens between them")


def prove_order(first: date | None, last: date | None, *, field: str) -> None:
    """Refuse what ends before it begins. Raises Invalid."""
    if first is not None and last is not None and last < first:
        raise Invalid(field, f"{last} is before {first}")
