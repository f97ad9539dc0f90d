"""What a statement of the MySQL family does, as far as its text says it, and how it is told whether it was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from dbkit.backends.mysql.defining import define, listed, rename
from dbkit.backends.mysql.lexer import Reader
from dbkit.backends.traces import Meaning, Object, Trace

# Functions that change something although they stand in a SELECT.
_ACTIVE: Final = frozenset(
    {"GET_LOCK", "RELEASE_LOCK", "RELEASE_ALL_LOCKS", "NEXTVAL", "SETVAL", "NEXT", "SLEEP", "LAST_INSERT_ID"}
)
_WRITES: Final = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE"})


def meaning(statement: str) -> Meaning:
    """Read what a statement does. What is not understood is unproved."""
    reader = Reader(statement)
    verb = reader.word
    reader.step()
    if verb == "(":
        return meaning(statement.replace("(", " ", 1))
    if verb == "WITH":
        verb = reader.skip_to("SELECT", *_WRITES) or "WITH"
    read = _VERBS.get(verb)
    return read(reader, verb) if read is not None else Meaning(verb=verb, trace=Trace.UNPROVED)


def _always(trace: Trace) -> Callable[[Reader, str], Meaning]:
    return lambda _reader, verb: Meaning(verb=verb, trace=trace)


def _read(reader: Reader, verb: str) -> Meaning:
    """Look for what makes a question change something: locks on rows are none of it, as they end with their transaction."""
    words = reader.words()
    acts = "INTO" in words or bool(_ACTIVE & set(words))
    return Meaning(verb=verb, trace=Trace.UNPROVED if acts else Trace.READ)


def _explain(reader: Reader, verb: str) -> Meaning:
    """EXPLAIN ANALYZE, and MariaDB's ANALYZE, carry out what they explain."""
    runs = "ANALYZE" in {verb, reader.word} and bool(_WRITES & set(reader.words()))
    return Meaning(verb=verb, trace=Trace.UNPROVED if runs else Trace.READ)


def _rows(reader: Reader, verb: str) -> Meaning:
    reader.skip("LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "QUICK", "IGNORE", "INTO", "FROM")
    found = reader.name()
    touched = () if found is None else (Object(kind="table", name=found[1], database=found[0]),)
    return Meaning(verb=verb, trace=Trace.ROWS, objects=touched)


def _set(reader: Reader, verb: str) -> Meaning:
    lasting = reader.word in {"GLOBAL", "PERSIST", "PASSWORD", "DEFAULT"} or reader.word.startswith("@@GLOBAL")
    return Meaning(verb=verb, trace=Trace.REPEATABLE if lasting else Trace.SESSION)


def _analyze(reader: Reader, verb: str) -> Meaning:
    reader.skip("NO_WRITE_TO_BINLOG", "LOCAL", "NO", "WRITE", "TO", "BINLOG")
    if reader.word in {"TABLE", "TABLES", "INCREMENTAL"}:
        return Meaning(verb=f"{verb} TABLE", trace=Trace.REPEATABLE, objects=listed(reader, "table"))
    return _explain(reader, verb)  # MariaDB's ANALYZE SELECT


def _lock(reader: Reader, verb: str) -> Meaning:
    """LOCK TABLES; on TiDB LOCK STATS, which may come twice."""
    return Meaning(verb=verb, trace=Trace.REPEATABLE if reader.word == "STATS" else Trace.BOUND)


def _admin(reader: Reader, verb: str) -> Meaning:
    return Meaning(verb=verb, trace=Trace.READ if reader.word in {"SHOW", "CHECK", "CHECKSUM"} else Trace.UNPROVED)


_VERBS: Final[Mapping[str, Callable[[Reader, str], Meaning]]] = {
    **dict.fromkeys(("SELECT", "TABLE", "VALUES"), _read),
    **dict.fromkeys(("SHOW", "CHECKSUM", "CHECK", "HELP"), _always(Trace.READ)),
    **dict.fromkeys(("EXPLAIN", "DESCRIBE", "DESC", "TRACE"), _explain),
    **dict.fromkeys(_WRITES, _rows),
    **dict.fromkeys(("SET", "USE"), _set),
    **dict.fromkeys(("BEGIN", "START", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"), _always(Trace.CONTROL)),
    **dict.fromkeys(("TRUNCATE", "OPTIMIZE", "REPAIR", "FLUSH", "GRANT", "SPLIT"), _always(Trace.REPEATABLE)),
    **dict.fromkeys(("CREATE", "ALTER", "DROP"), define),
    **dict.fromkeys(("LOCK", "UNLOCK"), _lock),
    **dict.fromkeys(("PREPARE", "EXECUTE", "DEALLOCATE", "HANDLER", "XA", "CALL", "DO"), _always(Trace.BOUND)),
    "ANALYZE": _analyze,
    "RENAME": rename,
    "ADMIN": _admin,
}
