"""How SQLite keeps each kind. Declared types are chosen for their affinity: https://sqlite.org/datatype3.html."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from dbkit.backends.kinds import (
    ArrayKind,
    BinaryKind,
    BooleanKind,
    DateKind,
    EnumKind,
    FloatKind,
    IntegerKind,
    JsonKind,
    Kind,
    NumericKind,
    StringKind,
    TextKind,
    UtcDateTimeKind,
    UuidKind,
)
from dbkit.backends.protocol import Codec, Codecs, Default
from dbkit.backends.sqlite.columns import PADDED_TEXT, SCALED_INT, padded, scaled, unpadded, unscaled, whole
from dbkit.backends.sqlite.constants import float_constant
from dbkit.backends.storage import (
    KindCodecs,
    aware,
    from_json,
    items_from_json,
    items_to_json,
    moment_text,
    quoted,
    to_json,
)

# 10**18 - 1 is the largest power's predecessor that 64 bits hold.
INTEGER_DIGITS = 18
# %f is milliseconds; the fixed width of six digits keeps the column sortable.
NOW = "(strftime('%Y-%m-%d %H:%M:%f', 'now') || '000')"


class SqliteCodecs(KindCodecs):
    """The codecs of SQLite."""

    name = "sqlite"
    parting = "%' || '("

    def keep_uuid(self, _kind: UuidKind) -> Codec:
        """As 32 hexadecimal digits. Never declared UUID: that is numeric affinity, and 1 in 700 000 becomes a number."""
        return Codec(column=sa.CHAR(32), bind=lambda value: value.hex, result=uuid.UUID)

    def keep_json(self, _kind: JsonKind) -> Codec:
        """As text. Never declared JSON: that is numeric affinity."""
        return Codec(column=sa.TEXT(), bind=to_json, result=from_json, check="{column} IS NULL OR json_valid({column})")

    def keep_array(self, kind: ArrayKind) -> Codec:
        """As the text of a JSON array."""
        check = "{column} IS NULL OR (json_valid({column}) AND json_type({column}) = 'array')"
        return Codec(column=sa.TEXT(), bind=items_to_json(kind), result=items_from_json(kind), check=check)

    def keep_utc_datetime(self, _kind: UtcDateTimeKind) -> Codec:
        """As text of a fixed width, in UTC."""
        return Codec(column=sa.TEXT(), bind=moment_text, result=lambda text: aware(datetime.fromisoformat(text)))

    def keep_date(self, _kind: DateKind) -> Codec:
        """As text: `2026-01-31`."""
        return Codec(column=sa.TEXT(), bind=date.isoformat, result=date.fromisoformat)

    def keep_string(self, kind: StringKind) -> Codec:
        """As text; the length is for readers, the type checks it."""
        return Codec(column=sa.VARCHAR(kind.length))

    def keep_text(self, _kind: TextKind) -> Codec:
        """As text."""
        return Codec(column=sa.TEXT())

    def keep_enum(self, kind: EnumKind) -> Codec:
        """As text, checked."""
        return Codec(column=sa.VARCHAR(64), check=f"{{column}} IN ({', '.join(map(quoted, kind.labels))})")

    def keep_numeric(self, kind: NumericKind) -> Codec:
        """As a whole number without the point, which sorts and sums; beyond 18 digits as text that sorts."""
        scale, width = kind.scale, kind.precision
        if width <= INTEGER_DIGITS:
            return Codec(
                column=SCALED_INT(width, scale), bind=unscaled, result=lambda number: scaled(whole(number), scale)
            )
        return Codec(
            column=PADDED_TEXT(width, scale),
            bind=lambda value: padded(unscaled(value), width),
            result=lambda text: scaled(unpadded(text, width), scale),
        )

    def keep_binary(self, _kind: BinaryKind) -> Codec:
        """As a blob."""
        return Codec(column=sa.BLOB(), result=bytes)

    def keep_boolean(self, _kind: BooleanKind) -> Codec:
        """As 0 and 1, checked."""
        return Codec(column=sa.BOOLEAN(), check="{column} IN (0, 1)")

    def keep_integer(self, _kind: IntegerKind) -> Codec:
        """As INTEGER, whatever the width: only a key of that name counts up by itself."""
        return Codec(column=sa.INTEGER())

    def keep_float(self, _kind: FloatKind) -> Codec:
        """As REAL."""
        return Codec(column=sa.REAL(), result=float)

    def default(self, default: Default, kind: Kind) -> str:
        """Word a server default."""
        del kind
        return {Default.NOW: NOW, Default.EMPTY_OBJECT: "'{}'", Default.EMPTY_ARRAY: "'[]'"}[default]

    def word(self, value: Any, kind: Kind) -> str:  # noqa: ANN401 - whatever `bind` gives
        """Word a bound value as a constant."""
        del kind
        if isinstance(value, bool):
            return str(int(value))
        if isinstance(value, float):
            return float_constant(value)
        if isinstance(value, bytes):
            return f"X'{value.hex()}'"
        return quoted(value) if isinstance(value, str) else repr(value)


CODECS: Codecs = SqliteCodecs()
