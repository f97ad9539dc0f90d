"""What an ALTER TABLE of the MySQL family does: most of it shows in the table's definition, some of it shows nowhere."""

from __future__ import annotations

from typing import Final

from dbkit.backends.mysql.lexer import Reader
from dbkit.backends.traces import Meaning, Object, Trace

# First words of what leaves no trace, and may come twice.
_REPEATABLE: Final = frozenset(
    {
        *("AUTO_INCREMENT", "AUTO_ID_CACHE", "AUTO_RANDOM_BASE", "ENGINE", "FORCE", "ORDER", "ENABLE", "DISABLE"),
        *(
            "ALGORITHM",
            "LOCK",
            "ANALYZE",
            "OPTIMIZE",
            "REBUILD",
            "REPAIR",
            "TRUNCATE",
            "COMPACT",
            "SET",
            "STATS_OPTIONS",
        ),
    }
)
# Done twice it is undone, or another one.
_UNPROVED: Final = frozenset({"EXCHANGE", "DISCARD", "IMPORT"})


def altered(reader: Reader, verb: str) -> Meaning:
    """Read what follows ALTER TABLE."""
    name = reader.name()
    if name is None:
        return Meaning(verb=verb, trace=Trace.UNPROVED)
    table = Object(kind="table", name=name[1], database=name[0])
    reader.skip("WAIT", "NOWAIT")
    objects, traces = [table], set[Trace]()
    while not reader.ended:
        first = reader.word
        traces.add(Trace.UNPROVED if first in _UNPROVED else Trace.REPEATABLE if first in _REPEATABLE else Trace.SCHEMA)
        objects += _renamed(reader)
        if not reader.skip_to(","):
            break
    trace = next((one for one in (Trace.UNPROVED, Trace.SCHEMA) if one in traces), Trace.REPEATABLE)
    return Meaning(verb=verb, trace=trace, objects=tuple(objects))


def _renamed(reader: Reader) -> list[Object]:
    """Read the new name of RENAME [TO | AS]; columns and indexes are renamed inside of the table."""
    if not reader.take("RENAME"):
        return []
    reader.take("TO", "AS", "=")
    if reader.word in {"COLUMN", "INDEX", "KEY", "CONSTRAINT"}:
        return []
    name = reader.name()
    return [] if name is None else [Object(kind="table", name=name[1], database=name[0])]
