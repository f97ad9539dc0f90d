"""Keyset pages: a page begins behind the last row of the one before, so that it costs the same however far one has read."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import sqlalchemy as sa

from services.errors import InvalidCursor
from services.values import prove_within

if TYPE_CHECKING:
    from sqlalchemy.orm import InstrumentedAttribute, Session

__all__ = ["LARGEST_PAGE", "Keyset", "Page"]

LARGEST_PAGE: Final = 200
_DIGEST_BYTES: Final = 12

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T]):
    """Some rows of a list, and where it goes on."""

    items: tuple[T, ...]
    cursor: str | None = None
    """What the next page is asked for with; None where this is the last."""


@dataclass(frozen=True, kw_only=True)
class Keyset(Generic[T]):
    """An order that tells any two rows apart, in which a list is read page by page.

    A cursor holds the values of the last row and a digest over them and over what the list was asked for, so that one
    that was tampered with, or comes from another list, is refused.
    """

    columns: tuple[InstrumentedAttribute[Any], ...]
    """What rows are ordered by; the last one is the key, which decides between equals."""
    descending: bool = False
    key: bytes = b""
    """A secret that cursors are signed with; without one they are safe from accidents alone."""

    def __post_init__(self) -> None:
        """Refuse an order that would lose rows: nothing comes behind NULL.

        Raises:
            ValueError: a column may be NULL.
        """
        for column in self.columns:
            if getattr(column.expression, "nullable", False):
                raise ValueError(f"{column} may be NULL, and no page begins behind that")

    def page(  # noqa: PLR0913 - what a page of a list is made of
        self,
        session: Session,
        query: sa.Select[Any],
        *,
        limit: int,
        cursor: str | None,
        asked: Sequence[object] = (),
        keep: Callable[[T], bool] | None = None,
    ) -> Page[T]:
        """Read one page.

        Args:
            session: to read with.
            query: the list with its filters, without an order.
            limit: how many rows at most, 1 to 200.
            cursor: where the page before ended; None for the first.
            asked: what the filters were, by which a cursor of another list is known.
            keep: which rows the list is of, where the backends would not tell alike; all others are read and passed over.

        Raises:
            Invalid: the limit is out of range.
            InvalidCursor: the cursor was not given by this list.
        """
        prove_within("limit", limit, least=1, most=LARGEST_PAGE)
        name = repr([*map(str, self.columns), self.descending, *asked])
        behind = None if cursor is None else self._read(cursor, name)
        if keep is None:
            found = list(session.scalars(self._ordered(query, behind).limit(limit + 1)))
        else:
            found = self._sifted(session, query, keep=keep, behind=behind, enough=limit + 1)
        items = tuple(found[:limit])
        return Page(items=items, cursor=self._write(items[-1], name) if len(found) > limit else None)

    def _sifted(
        self,
        session: Session,
        query: sa.Select[Any],
        *,
        keep: Callable[[T], bool],
        behind: Sequence[object] | None,
        enough: int,
    ) -> list[T]:
        """Read on, in the largest of pages, until enough rows were kept or none are left."""
        found: list[T] = []
        while True:
            rows = session.scalars(self._ordered(query, behind).limit(LARGEST_PAGE)).all()
            found += filter(keep, rows)
            if len(found) >= enough or len(rows) < LARGEST_PAGE:
                return found[:enough]
            behind = self._values(rows[-1])

    def _ordered(self, query: sa.Select[Any], behind: Sequence[object] | None) -> sa.Select[Any]:
        order = [column.desc() if self.descending else column.asc() for column in self.columns]
        return (query if behind is None else query.where(self._behind(behind))).order_by(*order)

    def _values(self, row: T) -> list[object]:
        return [getattr(row, column.key) for column in self.columns]

    def _behind(self, values: Sequence[object]) -> sa.ColumnElement[bool]:
        """Word "comes after these values" without comparing rows, which SQL Server does not know."""
        found: sa.ColumnElement[bool] = sa.false()
        for column, value in reversed(list(zip(self.columns, values, strict=True))):
            further = column < value if self.descending else column > value
            found = further if column is self.columns[-1] else sa.or_(further, sa.and_(column == value, found))
        # says nothing more, and is what an index is entered by: of an OR alone, SQLite and PostgreSQL read all that came before
        first = self.columns[0]
        return sa.and_(first <= values[0] if self.descending else first >= values[0], found)

    def _write(self, row: T, name: str) -> str:
        data = json.dumps([_plain(value) for value in self._values(row)], separators=(",", ":")).encode()
        return _lettered(self._digest(data, name) + data)

    def _read(self, cursor: str, name: str) -> list[object]:
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise InvalidCursor from None
        digest, data = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
        # the last letter may hold bits that decode to nothing
        if _lettered(raw) != cursor or not hmac.compare_digest(digest, self._digest(data, name)):
            raise InvalidCursor
        try:
            values = [_restored(value) for value in json.loads(data)]
            return [column.type.accept(value) for column, value in zip(self.columns, values, strict=True)]
        except (
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
            RecursionError,
        ):  # signed by ourselves, and of another time
            raise InvalidCursor from None

    def _digest(self, data: bytes, name: str) -> bytes:
        return hashlib.blake2b(name.encode() + b"\0" + data, key=self.key[:64], digest_size=_DIGEST_BYTES).digest()


def _lettered(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _plain(value: object) -> object:
    """Make what JSON takes of a value, marked where JSON has no such kind."""
    mark = next((mark for mark, (kind, _) in _KINDS.items() if isinstance(value, kind)), None)
    return value if mark is None else {mark: value.isoformat() if isinstance(value, datetime) else str(value)}


def _restored(value: Any) -> object:  # noqa: ANN401 - what JSON gives
    """Make the value again."""
    if not isinstance(value, dict):
        return value
    ((mark, text),) = value.items()
    return _KINDS[mark][1](text)


_KINDS: Final[dict[str, tuple[type, Callable[[str], object]]]] = {
    "at": (datetime, datetime.fromisoformat),
    "id": (uuid.UUID, uuid.UUID),
}
