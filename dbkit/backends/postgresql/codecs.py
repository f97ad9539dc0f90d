"""How PostgreSQL keeps each kind: natively, for it has them all."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

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
from dbkit.backends.storage import KindCodecs, aware, plain_json, quoted, to_json

# A datetime is a date too, so it stands before it.
CASTS = ((uuid.UUID, "uuid"), (datetime, "timestamptz"), (date, "date"), (float, "float8"))
INTEGERS = {16: sa.SmallInteger, 32: sa.Integer, 64: sa.BigInteger}


class PostgresqlCodecs(KindCodecs):
    """The codecs of PostgreSQL."""

    name = "postgresql"
    # constants are one where a line's end stands between: https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-STRINGS
    parting = "%'\n'("

    def keep_uuid(self, _kind: UuidKind) -> Codec:
        """As UUID."""
        return Codec(column=pg.UUID(as_uuid=True))

    def keep_json(self, _kind: JsonKind) -> Codec:
        """As JSONB; it words doubles in digits, so large whole numbers are doubles."""
        return Codec(column=pg.JSONB(none_as_null=True), result=plain_json)

    def keep_array(self, kind: ArrayKind) -> Codec:
        """As a native array."""
        item = self.codec(kind.item)
        read = item.result
        result = None if read is None else lambda items: [None if one is None else read(one) for one in items]
        return Codec(column=pg.ARRAY(item.column, dimensions=1), result=result)

    def keep_utc_datetime(self, _kind: UtcDateTimeKind) -> Codec:
        """As TIMESTAMP WITH TIME ZONE: microseconds, and no zone is kept."""
        return Codec(column=sa.TIMESTAMP(timezone=True), result=aware)

    def keep_date(self, _kind: DateKind) -> Codec:
        """As DATE."""
        return Codec(column=sa.DATE())

    def keep_string(self, kind: StringKind) -> Codec:
        """As VARCHAR, whose length counts code points."""
        return Codec(column=sa.VARCHAR(kind.length))

    def keep_text(self, _kind: TextKind) -> Codec:
        """As TEXT."""
        return Codec(column=sa.TEXT())

    def keep_enum(self, kind: EnumKind) -> Codec:
        """As text, checked: a native type cannot lose a label, and sorts by declaration."""
        return Codec(column=sa.VARCHAR(64), check=f"{{column}} IN ({', '.join(map(quoted, kind.labels))})")

    def keep_numeric(self, kind: NumericKind) -> Codec:
        """As NUMERIC."""
        return Codec(column=sa.NUMERIC(kind.precision, kind.scale))

    def keep_binary(self, _kind: BinaryKind) -> Codec:
        """As BYTEA, which has no length."""
        return Codec(column=pg.BYTEA())

    def keep_boolean(self, _kind: BooleanKind) -> Codec:
        """As BOOLEAN."""
        return Codec(column=sa.BOOLEAN())

    def keep_integer(self, kind: IntegerKind) -> Codec:
        """As SMALLINT, INTEGER or BIGINT."""
        return Codec(column=INTEGERS[kind.bits]())

    def keep_float(self, _kind: FloatKind) -> Codec:
        """As DOUBLE PRECISION."""
        return Codec(column=pg.DOUBLE_PRECISION(), result=float)

    def default(self, default: Default, kind: Kind) -> str:
        """Word a server default; an empty array is `{}` in a native array and `[]` in JSON."""
        array = "'{}'" if isinstance(kind, ArrayKind) else "'[]'"
        return {Default.NOW: "now()", Default.EMPTY_OBJECT: "'{}'", Default.EMPTY_ARRAY: array}[default]

    def literal(self, value: Any, kind: Kind) -> str:  # noqa: ANN401 - a value of that kind
        """Word a value as a constant, with its type where text alone would leave it open."""
        if isinstance(kind, ArrayKind) and value is not None:
            items = ", ".join(self.literal(item, kind.item) for item in value)
            dialect = pg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's is
            return f"ARRAY[{items}]::{self.codec(kind).column.compile(dialect=dialect)}"
        return super().literal(value, kind)

    def word(self, value: Any, kind: Kind) -> str:  # noqa: ANN401 - whatever `bind` gives
        """Word a bound value as a constant."""
        if isinstance(kind, JsonKind):
            return f"{quoted(to_json(value))}::jsonb"
        if isinstance(value, bytes):
            return f"decode('{value.hex()}', 'hex')"
        for python, cast in CASTS:
            if isinstance(value, python):
                return f"'{value}'::{cast}"
        if isinstance(value, Decimal):
            return f"{value:f}"
        return quoted(value) if isinstance(value, str) else str(value).lower()


CODECS: Codecs = PostgresqlCodecs()
