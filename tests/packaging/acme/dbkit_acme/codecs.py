"""How Acme keeps values: as SQLite does, but for UUIDs and moments."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from dbkit.backends.kinds import Kind, UtcDateTimeKind, UuidKind
from dbkit.backends.protocol import Codec, Codecs, Default
from dbkit.backends.sqlite.codecs import SqliteCodecs

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# the clock of SQLite 3.40 gives milliseconds; the number of a Julian day is a double, whose last bits are finer
NOW = "(CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000)"


class AcmeCodecs(SqliteCodecs):
    """The codecs of Acme."""

    name = "acme"

    def keep_uuid(self, _kind: UuidKind) -> Codec:
        """As its 16 bytes, in half the room of its digits."""
        return Codec(column=sa.BLOB(), bind=lambda value: value.bytes, result=lambda data: uuid.UUID(bytes=data))

    def keep_utc_datetime(self, _kind: UtcDateTimeKind) -> Codec:
        """As microseconds since 1970, which sort and subtract."""
        return Codec(
            column=sa.INTEGER(),
            bind=lambda moment: (moment - EPOCH) // MICROSECOND,
            result=lambda number: EPOCH + number * MICROSECOND,
        )

    def default(self, default: Default, kind: Kind) -> str:
        """Word a server default."""
        return NOW if default is Default.NOW else super().default(default, kind)


CODECS: Codecs = AcmeCodecs()
