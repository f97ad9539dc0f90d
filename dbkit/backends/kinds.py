"""What a value is, whatever stores it: the kinds that portable types ask a backend's codec for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from dbkit.backends.protocol import Codec


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a value is. A subclass names itself and carries its parameters.

    A third party adds a kind by a subclass whose ``codec_for`` answers for the backends that it knows.
    """

    name: ClassVar[str]

    def codec_for(self, backend: str) -> Codec | None:
        """Answer with an own codec for this backend, or None to let the backend choose."""
        del backend
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class UuidKind(Kind):
    """A `uuid.UUID`, any of the 2**128."""

    name = "uuid"


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonKind(Kind):
    """A JSON document; the top-level null is SQL NULL."""

    name = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayKind(Kind):
    """A list, one dimension deep, of one kind of item; items may be None."""

    name = "array"
    item: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class UtcDateTimeKind(Kind):
    """An aware moment in UTC, microseconds, years 1 to 9999."""

    name = "utc_datetime"


@dataclass(frozen=True, slots=True, kw_only=True)
class DateKind(Kind):
    """A `datetime.date`, years 1 to 9999."""

    name = "date"


@dataclass(frozen=True, slots=True, kw_only=True)
class StringKind(Kind):
    """Text of at most `length` characters (code points), compared by case and accent."""

    name = "string"
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TextKind(Kind):
    """Text of any length that the backend takes (TiDB: 6 MiB a row)."""

    name = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumKind(Kind):
    """One of a set of labels, kept as text."""

    name = "enum"
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericKind(Kind):
    """An exact decimal number of `precision` digits, `scale` of them behind the point."""

    name = "numeric"
    precision: int
    scale: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryKind(Kind):
    """Bytes, at most `length` of them, or any number when it is None."""

    name = "binary"
    length: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BooleanKind(Kind):
    """True or False."""

    name = "boolean"


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegerKind(Kind):
    """A signed whole number of `bits` bits: 16, 32 or 64."""

    name = "integer"
    bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatKind(Kind):
    """A finite IEEE 754 double."""

    name = "float"
