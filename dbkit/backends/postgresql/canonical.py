"""One spelling for each column type and default on PostgreSQL."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from dbkit.backends.wording import bare, column_type, is_number, number, outside_quotes

SYNONYMS = (
    (r"CHARACTER VARYING", "VARCHAR"),
    (r"CHARACTER", "CHAR"),
    (r"(FLOAT|DOUBLE PRECISION)(\(53\))?|FLOAT8", "DOUBLE PRECISION"),
    (r"DECIMAL", "NUMERIC"),
    (r"BOOL", "BOOLEAN"),
    (r"SMALLSERIAL|INT2", "SMALLINT"),
    (r"BIGSERIAL|INT8", "BIGINT"),
    (r"SERIAL|INT4?", "INTEGER"),
    # Six digits are the default and the most: https://www.postgresql.org/docs/current/datatype-datetime.html
    (r"TIMESTAMPTZ(\(6\))?|TIMESTAMP\(6\) WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE"),
)
_CAST = r"::\s*\"?\w+\"?(?: (?:varying|precision|with(?:out)? time zone))*(?:\(\d+(?:,\s*\d+)?\))?(?:\[\])*"
_CONSTANT = re.compile(rf"'((?:[^']|'')*)'({_CAST})")
_NUMERIC = re.compile(r"::\s*(?:numeric|decimal|smallint|integer|bigint|int[248]?|real|float[48]?|double precision)\b")


def canonical_type(text: str) -> str:
    """Reduce a column type's wording to one spelling."""
    return column_type(text, SYNONYMS)


def canonical_default(text: str | None) -> str | None:
    """Reduce a default's wording to one spelling: casts say nothing that the column's type does not."""
    if text is None:
        return None
    found = bare(text)
    constant = _CONSTANT.fullmatch(found)
    if constant:
        found = _constant(constant[1], constant[2].lower())
    found = outside_quotes(found, _CAST, "")
    found = outside_quotes(found, r"current_timestamp|transaction_timestamp\(\)", "now()")
    if found.lower() == "null":
        return None
    return number(found) if is_number(found) else found


def _constant(value: str, cast: str) -> str:
    """Word a constant as its cast has it: numbers bare, moments in UTC whatever the session's zone."""
    if not cast.endswith("]"):
        if _NUMERIC.match(cast) and is_number(value):
            return value
        if re.match(r"::\s*(timestamptz|timestamp.* with time zone)", cast):
            return f"'{datetime.fromisoformat(value).astimezone(UTC).isoformat()}'"
    return f"'{value}'"
