"""One spelling for each column type and default on MySQL; the base of its family."""

from __future__ import annotations

from dbkit.backends.wording import bare, column_type, is_number, number, outside_quotes

SYNONYMS = (
    (r"BOOL(EAN)?", "TINYINT(1)"),
    # The display width says nothing; TiDB and MySQL 8 no longer print it.
    (r"SMALLINT(\(\d+\))?", "SMALLINT"),
    (r"(INTEGER|INT)(\(\d+\))?", "INTEGER"),
    (r"BIGINT(\(\d+\))?", "BIGINT"),
    (r"NUMERIC", "DECIMAL"),
    (r"DOUBLE PRECISION", "DOUBLE"),
)


def canonical_type(text: str) -> str:
    """Reduce a column type's wording to one spelling."""
    return column_type(text, SYNONYMS)


def canonical_default(text: str | None) -> str | None:
    """Reduce a default's wording to one spelling. TiDB quotes numbers and MariaDB does not, so quotes around one say nothing."""
    if text is None:
        return None
    found = outside_quotes(bare(text), r"\s+", " ")
    if not found.startswith("'"):
        found = outside_quotes(found.lower(), r"^(now|localtimestamp)\b", "current_timestamp")
    elif is_number(found[1:-1]):
        found = found[1:-1]
    if found == "null":
        return None
    return number(found) if is_number(found) and "e" in found.lower() else found
