"""One spelling for each column type and default on SQLite, which keeps what was written."""

from __future__ import annotations

import dbkit.backends.sqlite.columns  # noqa: F401 - so that reflection knows them wherever wordings are compared
from dbkit.backends.wording import bare, column_type, is_number, number, outside_quotes

# A name that dbkit never writes can stand for one that it does, where the affinity is the same.
SYNONYMS = (
    ("INT", "INTEGER"),
    ("BIGINT", "INTEGER"),
    ("SMALLINT", "INTEGER"),
    ("BOOL", "BOOLEAN"),
    ("DOUBLE( PRECISION)?", "REAL"),
)


def canonical_type(text: str) -> str:
    """Reduce a column type's wording to one spelling."""
    return column_type(text, SYNONYMS)


def canonical_default(text: str | None) -> str | None:
    """Reduce a default's wording to one spelling."""
    if text is None:
        return None
    found = (
        outside_quotes(bare(text), r"\s+", "").lower() if "'" not in text else outside_quotes(bare(text), r"\s+", "")
    )
    if found.lower() == "null":
        return None
    return number(found) if is_number(found) else {"true": "1", "false": "0"}.get(found, found)
