"""How a database of the MySQL family compares text: its character set and collation, tried on the server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from dbkit.backends.observing import advice, fine, problem
from dbkit.backends.protocol import Observation

if TYPE_CHECKING:
    import sqlalchemy as sa

# What a collation may make equal, and in which words.
_PAIRS: Final = (("a", "A", "case"), ("e", "é", "accents"), ("a", "a ", "trailing blanks"))
_WORD: Final = re.compile(r"\w+")


def observe_text(
    connection: sa.Connection, has: Mapping[str, str], *, exact: str, asked: str | None
) -> Iterator[Observation]:
    """Look at the character set, the collation, and how names of tables compare.

    Args:
        connection: in the database.
        has: the session's variables.
        exact: the product's collation that makes nothing equal.
        asked: the collation that was configured.
    """
    charset, collation = has["character_set_database"], has["collation_database"]
    wanted = asked or exact
    change = (
        f"ALTER DATABASE … CHARACTER SET utf8mb4 COLLATE {wanted}; it counts for new tables, existing ones keep theirs"
    )
    if charset == "utf8mb4":
        yield fine("database.charset", "the character set is utf8mb4")
    else:
        yield problem("database.charset", f"the character set is {charset}, which cannot keep every character", change)
    yield judge_collation(collation, wanted, alike(connection, charset, collation), hint=change)
    folded = has.get("lower_case_table_names", "0") != "0"
    yield fine("database.names", f"names of tables are compared {'without' if folded else 'with'} their case")


def judge_collation(collation: str, wanted: str, found: tuple[str, ...], *, hint: str) -> Observation:
    """Judge a collation by what it makes equal."""
    passed_over = f"passes over {_listed(found)}" if found else "passes over nothing"
    said = f"the collation is {collation}, which {passed_over} in comparisons"
    if collation == wanted or not found:
        return fine("database.collation", said)
    return advice("database.collation", f"{said}: keys that differ elsewhere are duplicates here", hint)


def alike(connection: sa.Connection, charset: str, collation: str) -> tuple[str, ...]:
    """Have the server compare pairs of texts, and tell in what it sees no difference."""
    if not (_WORD.fullmatch(charset) and _WORD.fullmatch(collation)):
        return ()

    def text(value: str) -> str:
        return f"CONVERT('{value}' USING {charset}) COLLATE {collation}"

    tried = ", ".join(f"{text(one)} = {text(other)}" for one, other, _ in _PAIRS)
    row = connection.exec_driver_sql(f"SELECT {tried}").one()
    return tuple(word for equal, (_, _, word) in zip(row, _PAIRS, strict=True) if equal)


def _listed(words: tuple[str, ...]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
