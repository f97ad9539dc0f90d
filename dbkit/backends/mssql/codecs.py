"""How SQL Server 2022 keeps each kind."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql

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
from dbkit.backends.storage import KindCodecs, aware, finite, from_json, items_from_json, items_to_json, quoted, to_json

COLLATION = "Latin1_General_100_BIN2"
# NVARCHAR(n) counts UTF-16 units, two for an emoji, and ends at 4000:
# https://learn.microsoft.com/sql/t-sql/data-types/nchar-and-nvarchar-transact-sql
UNITS_LIMIT = 4000
INTEGERS = {16: sa.SmallInteger, 32: sa.Integer, 64: sa.BigInteger}


def _nvarchar(units: int | None = None) -> sa.types.TypeEngine[str]:
    """Declare text; the length of NVARCHAR(max) is None."""
    return mssql.NVARCHAR(None if units is None or units > UNITS_LIMIT else units, collation=COLLATION)


class MssqlCodecs(KindCodecs):
    """The codecs of SQL Server."""

    name = "mssql"
    parting = "%' + N'("

    def keep_uuid(self, _kind: UuidKind) -> Codec:
        """As UNIQUEIDENTIFIER, which sorts by its last bytes first."""
        return Codec(column=mssql.UNIQUEIDENTIFIER(as_uuid=True))

    def keep_json(self, _kind: JsonKind) -> Codec:
        """As text, checked; ISJSON takes scalars since 2022: https://learn.microsoft.com/sql/t-sql/functions/isjson-transact-sql."""
        return Codec(column=_nvarchar(), bind=to_json, result=from_json, check="ISJSON({column}, VALUE) = 1")

    def keep_array(self, kind: ArrayKind) -> Codec:
        """As the text of a JSON array."""
        check = "ISJSON({column}, ARRAY) = 1"
        return Codec(column=_nvarchar(), bind=items_to_json(kind), result=items_from_json(kind), check=check)

    def keep_utc_datetime(self, _kind: UtcDateTimeKind) -> Codec:
        """As DATETIMEOFFSET(6)."""
        column = mssql.DATETIMEOFFSET(6)  # type: ignore[no-untyped-call]  # SQLAlchemy's is
        return Codec(column=column, result=aware)

    def keep_date(self, _kind: DateKind) -> Codec:
        """As DATE."""
        return Codec(column=sa.DATE())

    def keep_string(self, kind: StringKind) -> Codec:
        """As NVARCHAR of twice the length, for characters of two units."""
        return Codec(column=_nvarchar(kind.length * 2))

    def keep_text(self, _kind: TextKind) -> Codec:
        """As NVARCHAR(max); VARCHAR would put `?` for what its code page has not."""
        return Codec(column=_nvarchar())

    def keep_enum(self, kind: EnumKind) -> Codec:
        """As text, checked."""
        labels = ", ".join(f"N{quoted(label)}" for label in kind.labels)
        return Codec(column=_nvarchar(64 * 2), check=f"{{column}} IN ({labels})")

    def keep_numeric(self, kind: NumericKind) -> Codec:
        """As DECIMAL."""
        return Codec(column=sa.DECIMAL(kind.precision, kind.scale))

    def keep_binary(self, kind: BinaryKind) -> Codec:
        """As VARBINARY, or VARBINARY(max)."""
        column = mssql.VARBINARY(kind.length or "max")  # type: ignore[no-untyped-call]  # SQLAlchemy's is
        return Codec(column=column, result=bytes)

    def keep_boolean(self, _kind: BooleanKind) -> Codec:
        """As BIT."""
        return Codec(column=mssql.BIT())

    def keep_integer(self, kind: IntegerKind) -> Codec:
        """As SMALLINT, INTEGER or BIGINT."""
        return Codec(column=INTEGERS[kind.bits]())

    def keep_float(self, _kind: FloatKind) -> Codec:
        """As FLOAT(53)."""
        return Codec(column=sa.FLOAT(53), result=float)

    def default(self, default: Default, kind: Kind) -> str:
        """Word a server default; SYSDATETIMEOFFSET has the server's zone, so the moment in UTC is given its own."""
        del kind
        return {
            Default.NOW: "TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00')",
            Default.EMPTY_OBJECT: "N'{}'",
            Default.EMPTY_ARRAY: "N'[]'",
        }[default]

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
            return f"0x{value.hex()}"
        if isinstance(value, datetime):
            return f"CAST('{value.isoformat()}' AS DATETIMEOFFSET(6))"
        return f"CAST('{value.isoformat()}' AS DATE)" if isinstance(value, date) else f"N{quoted(str(value))}"


CODECS: Codecs = MssqlCodecs()
