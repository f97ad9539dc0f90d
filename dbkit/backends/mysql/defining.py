"""CREATE, ALTER, DROP and RENAME of the MySQL family: what they touch shows in the catalogue."""

from __future__ import annotations

from typing import Final

from dbkit.backends.mysql.altering import altered
from dbkit.backends.mysql.lexer import Reader
from dbkit.backends.traces import Meaning, Object, Trace

_PREFIXES: Final = (
    *("OR", "REPLACE", "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR", "ONLINE", "OFFLINE", "IGNORE", "AGGREGATE", "GLOBAL"),
    *("SQL", "SECURITY", "INVOKER", "UNDEFINED", "MERGE", "TEMPTABLE"),
)
_KINDS: Final = {
    "TABLE": "table",
    "TABLES": "table",
    "VIEW": "table",
    "TRIGGER": "trigger",
    "SEQUENCE": "sequence",
    "PROCEDURE": "routine",
    "FUNCTION": "routine",
    "EVENT": "event",
    "DATABASE": "database",
    "SCHEMA": "database",
    "USER": "account",
    "ROLE": "account",
}


def define(reader: Reader, verb: str) -> Meaning:
    """CREATE, ALTER and DROP."""
    while reader.take(*_PREFIXES):
        pass
    if reader.take("DEFINER", "ALGORITHM"):
        reader.take("=")
        what = reader.skip_to("VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT") or ""
        return _defined(reader, verb, what)
    if reader.take("TEMPORARY"):
        return Meaning(verb=f"{verb} TEMPORARY TABLE", trace=Trace.BOUND)
    what = reader.word
    reader.step()
    return _defined(reader, verb, what)


def _defined(reader: Reader, verb: str, what: str) -> Meaning:
    named = f"{verb} {what}"
    if what == "INDEX":
        reader.skip_to("ON")
        return Meaning(verb=named, trace=Trace.SCHEMA, objects=listed(reader, "table")[:1])
    if what not in _KINDS:
        return Meaning(verb=named, trace=Trace.UNPROVED)
    reader.skip("IF", "NOT", "EXISTS")
    if verb == "ALTER" and what == "TABLE":
        return altered(reader, named)
    objects = listed(reader, _KINDS[what])
    trace = Trace.SCHEMA if objects else Trace.UNPROVED
    return Meaning(verb=named, trace=trace, objects=objects if verb == "DROP" else objects[:1])


def listed(reader: Reader, kind: str) -> tuple[Object, ...]:
    """Read names with commas between them."""
    reader.skip("TABLE", "TABLES", "IF", "EXISTS")
    found: list[Object] = []
    while (name := reader.name()) is not None:
        found.append(Object(kind=kind, name=name[1], database=name[0]))
        if not reader.take(","):
            break
    return tuple(found)


def rename(reader: Reader, verb: str) -> Meaning:
    """RENAME TABLE and RENAME USER."""
    what = reader.take("TABLE", "TABLES", "USER") or ""
    kind = "account" if what == "USER" else "table"
    reader.skip("IF", "EXISTS")
    objects: list[Object] = []
    while (name := reader.name()) is not None:
        objects.append(Object(kind=kind, name=name[1], database=name[0]))
        reader.skip("WAIT", "NOWAIT", "TO", ",")
    touched = tuple(dict.fromkeys(objects))
    # Tables that change places look as before where they are alike.
    swaps = len(touched) < len(objects)
    return Meaning(
        verb=f"{verb} {what}", trace=Trace.UNPROVED if swaps or not touched else Trace.SCHEMA, objects=touched
    )
