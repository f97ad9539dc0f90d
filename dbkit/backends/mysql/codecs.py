"""How MySQL keeps each kind; the base of its family."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

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
from dbkit.backends.storage import (
    KindCodecs,
    WordedType,
    aware,
    finite,
    from_json,
    items_from_json,
    items_to_json,
    moment_text,
    naive,
    quoted,
    to_json,
)
from dbkit.backends.wording import number

INTEGERS = {16: sa.SmallInteger, 32: sa.Integer, 64: sa.BigInteger}


class MysqlCodecs(KindCodecs):
    """The codecs of MySQL 8."""

    name = "mysql"
    parting = "%' '("  # constants beside each other are one
    # Compares nothing as equal that differs, trailing blanks included: PostgreSQL's equality.
    collation: ClassVar[str] = "utf8mb4_0900_bin"
    # A document never equals a text: https://dev.mysql.com/doc/refman/8.0/en/json.html#json-comparison
    document: ClassVar[str | None] = "CAST({value} AS JSON)"

    def keep_uuid(self, _kind: UuidKind) -> Codec:
        """As 16 bytes, in their own order."""
        return Codec(column=sa.BINARY(16), bind=lambda value: value.bytes, result=lambda value: uuid.UUID(bytes=value))

    def keep_json(self, _kind: JsonKind) -> Codec:
        """As JSON."""
        return Codec(column=WordedType("JSON"), bind=to_json, result=from_json, operand=self.document)

    def keep_array(self, kind: ArrayKind) -> Codec:
        """As a JSON array. No CHECK: TiDB ignores it, and a MODIFY takes it away on MariaDB."""
        bind, result = items_to_json(kind), items_from_json(kind)
        return Codec(column=WordedType("JSON"), bind=bind, result=result, operand=self.document)

    def keep_utc_datetime(self, _kind: UtcDateTimeKind) -> Codec:
        """As DATETIME(6) in UTC; TIMESTAMP ends in 2038."""
        return Codec(column=mysql.DATETIME(fsp=6), bind=naive, result=aware)

    def keep_date(self, _kind: DateKind) -> Codec:
        """As DATE."""
        return Codec(column=sa.DATE())

    def keep_string(self, kind: StringKind) -> Codec:
        """As VARCHAR, whose length counts code points."""
        return Codec(column=mysql.VARCHAR(kind.length, charset="utf8mb4", collation=self.collation))

    def keep_text(self, _kind: TextKind) -> Codec:
        """As LONGTEXT; TEXT ends at 64 KiB."""
        return Codec(column=mysql.LONGTEXT(charset="utf8mb4", collation=self.collation))

    def keep_enum(self, kind: EnumKind) -> Codec:
        """As ENUM, which sorts by position: so the labels stand in their own order."""
        labels = ", ".join(map(quoted, sorted(kind.labels)))
        return Codec(column=WordedType(f"ENUM({labels}) CHARACTER SET utf8mb4 COLLATE {self.collation}"))

    def keep_numeric(self, kind: NumericKind) -> Codec:
        """As DECIMAL."""
        return Codec(column=sa.DECIMAL(kind.precision, kind.scale))

    def keep_binary(self, kind: BinaryKind) -> Codec:
        """As VARBINARY, or LONGBLOB; BLOB ends at 64 KiB."""
        column = mysql.LONGBLOB() if kind.length is None else sa.VARBINARY(kind.length)
        return Codec(column=column, result=bytes)

    def keep_boolean(self, _kind: BooleanKind) -> Codec:
        """As BOOL, which is TINYINT(1)."""
        return Codec(column=sa.BOOLEAN())

    def keep_integer(self, kind: IntegerKind) -> Codec:
        """As SMALLINT, INTEGER or BIGINT."""
        return Codec(column=INTEGERS[kind.bits]())

    def keep_float(self, _kind: FloatKind) -> Codec:
        """As DOUBLE; FLOAT is single precision."""
        return Codec(column=mysql.DOUBLE(asdecimal=False), result=float)

    def default(self, default: Default, kind: Kind) -> str:
        """Word a server default. The fraction of CURRENT_TIMESTAMP must be the column's."""
        del kind
        return {
            Default.NOW: "CURRENT_TIMESTAMP(6)",
            Default.EMPTY_OBJECT: "(JSON_OBJECT())",
            Default.EMPTY_ARRAY: "(JSON_ARRAY())",
        }[default]

    def default_literal(self, value: Any, kind: Kind) -> str:  # noqa: ANN401 - a value of that kind
        """Quote what has a sign or a point: SQLAlchemy would put it in parentheses, which TiDB refuses around constants."""
        text = number(repr(value)) if isinstance(value, float) else super().default_literal(value, kind)
        return text if text.isalnum() or text.startswith("'") else quoted(text)

    def literal(self, value: Any, kind: Kind) -> str:  # noqa: ANN401 - a value of that kind
        """Word a value as a constant; numbers bare, for in an expression they are no text."""
        return "NULL" if value is None else super().default_literal(value, kind).replace("%(", self.parting)

    def word(self, value: Any, kind: Kind) -> str:  # noqa: ANN401 - whatever `bind` gives
        """Word a bound value as a constant."""
        del kind
        if isinstance(value, bool | int):
            return str(int(value))
        if isinstance(value, float):
            return finite(value)
        if isinstance(value, Decimal):
            return f"{value:f}"
        if isinstance(value, bytes):
            return f"0x{value.hex()}" if value else "''"
        return quoted(_text(value))


def _text(value: object) -> str:
    day = value.isoformat() if isinstance(value, date) else str(value)
    return moment_text(value) if isinstance(value, datetime) else day


CODECS: Codecs = MysqlCodecs()
