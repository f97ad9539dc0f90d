"""How a PostgreSQL database keeps and orders text: https://www.postgresql.org/docs/current/collation.html."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from dbkit.backends.names import quote
from dbkit.backends.observing import advice, fine, problem
from dbkit.backends.protocol import Observation

_BY_CODE_POINT: Final = frozenset({"C", "POSIX", "C.UTF-8", "C.UTF8"})


def judge_text(has: Mapping[str, str], row: Mapping[str, Any], *, asked: str | None) -> Iterator[Observation]:
    """Judge the encoding and the collation of a database.

    Args:
        has: the settings.
        row: the database's entry in pg_database.
        asked: the collation that was configured.
    """
    encoding = has["server_encoding"]
    if encoding == "UTF8":
        yield fine("database.charset", "the encoding is UTF8")
    else:
        yield problem(
            "database.charset",
            f"the encoding is {encoding}, which cannot keep every character",
            "it cannot be changed: dump into a new database with ENCODING 'UTF8' (dbkit create makes one)",
        )
    yield judge_order(row["collate"], row["ctype"], asked)
    if row.get("ordered_by") is not None and row["ordered_by"] != row["orders_by"]:
        name = quote(row["database"], '"', '"')
        yield problem(
            "database.collation_version",
            f"indexes on text were built by version {row['ordered_by']} of the collation, and are searched by {row['orders_by']}",
            f"REINDEX DATABASE {name}; ALTER DATABASE {name} REFRESH COLLATION VERSION",
        )


def judge_order(collate: str, ctype: str, asked: str | None) -> Observation:
    """Judge by what text is ordered, a locale of ICU or LC_COLLATE; a database's own collation tells case and accents apart."""
    said = f"text is compared exactly and ordered by {collate}; LC_CTYPE is {ctype}"
    if collate == asked or (asked is None and collate in _BY_CODE_POINT):
        return fine("database.collation", said)
    return advice(
        "database.collation",
        f"{said}; other backends order by {asked or 'code point'}",
        f"it cannot be changed: dump into a new database with LC_COLLATE '{asked or 'C'}', or set DATABASE_COLLATION={collate}",
    )
