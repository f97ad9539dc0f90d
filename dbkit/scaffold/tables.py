"""Adds tables to a TOML file and leaves every other byte as it is; what was added is read back before it is believed."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any, Final

from dbkit.errors import UsageError

__all__ = ["added", "newline_of"]

_HEADER: Final = re.compile(r"[ \t]*\[\[?[ \t]*(?P<name>[^\]#]*?)[ \t]*\]")
_QUIET: Final = re.compile(r"[ \t]*(#.*)?[\r\n]*")
"""A line that is blank, or a comment."""


def newline_of(text: str) -> str:
    """Give the line ending that a text has; that of Unix where it has none."""
    return "\r\n" if "\r\n" in text else "\n"


def added(text: str, tables: str, *, file: str, behind: str = "") -> str:
    """Add tables to a TOML text.

    Args:
        text: the file's.
        tables: what to add, with lines ended as on Unix.
        file: its name, for an error.
        behind: the name of a table, behind which and whose sub-tables they are to stand where that is possible; else at the end.

    Raises:
        UsageError: the file says it in a form that cannot be added to, such as an inline table.
    """
    wanted = _canonical(_merged(tomllib.loads(text), tomllib.loads(tables)))
    for place in (*_behind(text, behind), len(text)):
        candidate = _inserted(text, tables, place)
        try:
            if _canonical(tomllib.loads(candidate)) == wanted:
                return candidate
        except tomllib.TOMLDecodeError:
            continue
    first = tables.partition("\n")[0]
    raise UsageError(
        f"{file} has a form that {first} cannot be added to",
        hint=f"write it in by hand: {'; '.join(tables.strip().splitlines())}",
    )


def _inserted(text: str, tables: str, place: int) -> str:
    newline = newline_of(text)
    before, after = text[:place], text[place:]
    if before and not before.endswith("\n"):
        before += newline
    blank = newline if before.strip() and not before.endswith(newline * 2) else ""
    apart = newline if after.strip() and not after.startswith(("\r", "\n")) else ""
    return before + blank + tables.replace("\n", newline) + apart + after


def _behind(text: str, name: str) -> Iterator[int]:
    """Find where the last of a table and its sub-tables ends, before the comments of what follows."""
    if not name:
        return
    lines, found = text.splitlines(keepends=True), None
    for number, line in enumerate(lines):
        header = _HEADER.match(line)
        if header is not None:
            inside = f"{_plain(header['name'])}.".startswith(f"{name}.")
            found = number if inside else found
    if found is None:
        return
    end = next((n for n in range(found + 1, len(lines)) if _HEADER.match(lines[n])), len(lines))
    while end > found + 1 and _QUIET.fullmatch(lines[end - 1]):
        end -= 1
    yield len("".join(lines[:end]))


def _plain(name: str) -> str:
    return re.sub(r"""["'\s]""", "", name)


def _merged(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Put two documents together; what both have, and is no table, is the second's."""
    both = dict(ours)
    for key, value in theirs.items():
        there = both.get(key)
        both[key] = _merged(there, value) if isinstance(there, dict) and isinstance(value, dict) else value
    return both


def _canonical(document: dict[str, Any]) -> str:
    """Word a document so that equal ones are equal, NaN among their values or not."""
    return json.dumps(document, sort_keys=True, default=repr)
