"""What the codecs of all backends share: finding the one of a kind, the text of JSON documents, and plain column types."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from dbkit.backends.kinds import ArrayKind, Kind
from dbkit.backends.protocol import Codec
from dbkit.errors import TypeRefusedError, ValueRefusedError

__all__ = [
    "INT64_MIN",
    "UINT64_MAX",
    "KindCodecs",
    "WordedType",
    "as_statement",
    "aware",
    "double_percents",
    "from_json",
    "items_from_json",
    "items_to_json",
    "moment_text",
    "naive",
    "plain_json",
    "quoted",
    "single_percents",
    "to_json",
]

INT64_MIN = -(2**63)
UINT64_MAX = 2**64 - 1


class WordedType(sa.types.UserDefinedType[Any]):
    """A column type that is its wording: values pass it untouched, whatever SQLAlchemy does with a type of that name."""

    cache_ok = True

    def __init__(self, wording: str) -> None:
        """Keep how it stands in CREATE TABLE."""
        self.wording = wording


@compiles(WordedType)
def _worded(type_: WordedType, compiler: Any, **_kw: object) -> str:  # noqa: ANN401 - SQLAlchemy's compiler
    return as_statement(type_.wording, compiler.dialect)


def as_statement(text: str, dialect: sa.Dialect) -> str:
    """Turn SQL into the text of a statement, as SQLAlchemy does with its own constants.

    Backslashes are doubled where the server takes them as escapes, percent signs where the driver formats the statement.
    """
    if getattr(dialect, "_backslash_escapes", False):
        text = text.replace("\\", "\\\\")
    return double_percents(text, dialect)


def double_percents(text: str, dialect: sa.Dialect) -> str:
    """Double each percent sign where the driver formats every statement, as SQLAlchemy does with its own."""
    return text.replace("%", "%%") if dialect.identifier_preparer._double_percents else text  # noqa: SLF001 - no public word for it


def single_percents(text: str, dialect: sa.Dialect) -> str:
    """Take back what `double_percents` does, of a text that SQLAlchemy's compiler has worded."""
    return text.replace("%%", "%") if dialect.identifier_preparer._double_percents else text  # noqa: SLF001 - as above


def quoted(text: str) -> str:
    """Quote a string constant as the standard has it."""
    return "'" + text.replace("'", "''") + "'"


class KindCodecs:
    """Base of a backend's codecs: the codec of the kind `uuid` is made by the method `keep_uuid`, once."""

    name: ClassVar[str]
    # What parts "%(" in a constant where the driver counts its parameters: SQLAlchemy 2.0 would take it for one of them.
    parting: ClassVar[str] = "%("

    def __init__(self) -> None:
        """Begin without any codec made."""
        self._made: dict[Kind, Codec] = {}

    def codec(self, kind: Kind) -> Codec:
        """Answer how this kind is kept; a kind of a third party answers for itself. Raises TypeRefusedError."""
        found = self._made.get(kind)
        if found is None:
            found = self._made[kind] = kind.codec_for(self.name) or self._make(kind)
        return found

    def literal(self, value: Any, kind: Kind) -> str:  # noqa: ANN401 - a value of that kind
        """Word a value as a constant, for a column of this kind."""
        if value is None:
            return "NULL"
        text = self.default_literal(value, kind)
        return f"({text.replace('%(', self.parting)})" if "%(" in text and self.parting != "%(" else text

    def default_literal(self, value: Any, kind: Kind) -> str:  # noqa: ANN401 - a value of that kind
        """Word a value as it stands behind DEFAULT."""
        bind = self.codec(kind).bind
        return self.word(bind(value) if bind else value, kind)

    def word(self, value: Any, kind: Kind) -> str:  # noqa: ANN401 - whatever `bind` gives
        """Word what `bind` made of a value."""
        raise NotImplementedError

    def _make(self, kind: Kind) -> Codec:
        make: Callable[[Any], Codec] | None = getattr(self, f"keep_{kind.name}", None)
        if make is None:
            message = f"{self.name} cannot keep values of the kind {kind.name!r}"
            raise TypeRefusedError(message, hint=f"give {type(kind).__name__} a codec_for({self.name!r})")
        return make(kind)


# --- JSON -------------------------------------------------------------------------------------------------------------


def to_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Word a document in one canonical way: sorted keys, no blanks, no escapes beyond the needed.

    MariaDB compares the text of documents, so escapes would make equal ones differ (seen on 10.11).
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def _integer(digits: str) -> int | float:
    number = int(digits) if len(digits) <= len(str(UINT64_MAX)) else None
    return number if number is not None and INT64_MIN <= number <= UINT64_MAX else float(digits)


def from_json(text: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Read a document's text; whole numbers beyond 64 bits are doubles that the server has written out."""
    return json.loads(text, parse_int=_integer)


def plain_json(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Do the same with a document that the driver has already read."""
    if isinstance(value, dict):
        return {key: plain_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_json(item) for item in value]
    if type(value) is int and not INT64_MIN <= value <= UINT64_MAX:
        return float(value)
    return value


# --- dates ------------------------------------------------------------------------------------------------------------


def naive(moment: datetime) -> datetime:
    """Take the zone off a moment in UTC, for columns that know none."""
    return moment.replace(tzinfo=None)


def aware(moment: Any) -> datetime:  # noqa: ANN401 - what the driver gives
    """Put UTC on what a column without zone holds, or convert what has one."""
    if not isinstance(moment, datetime):
        message = f"{moment!r} is not a moment"
        raise ValueRefusedError(message, hint="correct the row by hand: it was not written through dbkit")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def moment_text(moment: datetime) -> str:
    """Word a moment in UTC in a fixed width that sorts: `2026-01-31 23:59:59.000000`."""
    return naive(moment).isoformat(sep=" ", timespec="microseconds")


# --- items of arrays that are kept as JSON -------------------------------------------------------------------------------


class _Item(NamedTuple):
    """How one item stands in a JSON array; None where it stands as itself."""

    write: Callable[[Any], Any] | None = None
    read: Callable[[Any], Any] | None = None


_ITEMS: dict[str, Callable[[Kind], _Item]] = {
    "string": lambda _: _Item(),
    "text": lambda _: _Item(),
    "enum": lambda _: _Item(),
    "boolean": lambda _: _Item(),
    "integer": lambda _: _Item(),
    # TiDB gives the double 1.0 back as the whole number 1 (seen on 8.5.3).
    "float": lambda _: _Item(read=float),
    "uuid": lambda _: _Item(str, uuid.UUID),
    # As text in full: its digits say the scale, and no context rounds it.
    "numeric": lambda _: _Item(lambda value: f"{value:f}", Decimal),
    "date": lambda _: _Item(date.isoformat, date.fromisoformat),
    "utc_datetime": lambda _: _Item(moment_text, lambda text: aware(datetime.fromisoformat(text))),
}


def _item(kind: ArrayKind) -> _Item:
    make = _ITEMS.get(kind.item.name)
    if make is None:
        message = f"an array cannot hold items of the kind {kind.item.name!r}"
        raise TypeRefusedError(message, hint="use a Json column, or a table of its own")
    return make(kind.item)


def _each(convert: Callable[[Any], Any] | None, items: Iterable[Any]) -> list[Any]:
    if convert is None:
        return list(items)
    items = list(items)
    if None not in items:
        return list(map(convert, items))
    return [None if item is None else convert(item) for item in items]


def items_to_json(kind: ArrayKind) -> Callable[[list[Any]], str]:
    """Make what words a list of such items as a JSON array."""
    write = _item(kind).write
    return lambda items: to_json(_each(write, items))


def items_from_json(kind: ArrayKind) -> Callable[[Any], list[Any]]:
    """Make what reads it back."""
    read = _item(kind).read
    return lambda text: _each(read, from_json(text))


def finite(value: float) -> str:
    """Word a finite double so that it is read as a double, never as a decimal number: with an exponent."""
    text = repr(value)
    if not math.isfinite(value):
        message = f"{text} is not finite"
        raise ValueRefusedError(message, hint="store None")
    return text if "e" in text else text + "e0"
