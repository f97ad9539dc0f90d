"""One spelling for each column type and default on SQL Server."""

from __future__ import annotations

import re

from dbkit.backends.wording import bare, column_type, is_number, number, outside_quotes

SYNONYMS = (
    (r"NUMERIC", "DECIMAL"),
    (r"FLOAT", "FLOAT(53)"),
    (r"FLOAT\(53\)\(53\)", "FLOAT(53)"),
    (r"INT", "INTEGER"),
    (r"NVARCHAR(?!\()", "NVARCHAR(MAX)"),
    (r"VARBINARY(?!\()", "VARBINARY(MAX)"),
)
# The server rewrites CAST('x' AS DATE) to CONVERT([date],'x').
_CAST = re.compile(r"cast\((.*) as [\w()]+\)|convert\(\[?\w+\]?(?:\(\d+\))?,(.*)\)", re.IGNORECASE | re.DOTALL)


def canonical_type(text: str) -> str:
    """Reduce a column type's wording to one spelling."""
    return column_type(text, SYNONYMS)


def canonical_default(text: str | None) -> str | None:
    """Reduce a default's wording to one spelling; the server keeps each in two pairs of parentheses."""
    if text is None:
        return None
    found = bare(text)
    cast = _CAST.fullmatch(found)
    if cast:
        found = bare(cast[1] or cast[2])
    if found.startswith(("N'", "n'")):
        found = found[1:]
    found = _in_lower_case(outside_quotes(found, r"\s*,\s*", ","))
    if found == "null":
        return None
    if is_number(found) and "e" in found:
        # the server prints doubles with 17 digits
        found = repr(float(found))
    return number(found) if is_number(found) else found


def _in_lower_case(text: str) -> str:
    return "".join(part if part.startswith("'") else part.lower() for part in re.split(r"('(?:[^']|'')*')", text))
