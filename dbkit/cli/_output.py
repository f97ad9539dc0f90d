"""The only writer of stdout: answers as tables for people, as JSON for programs."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO, cast


def write(text: str) -> None:
    """Write text as it is. Once the reader has closed the pipe, what follows is dropped without a word."""
    with _unread():
        sys.stdout.write(text)
        sys.stdout.flush()


@contextmanager
def shared() -> Iterator[None]:
    """Have what others print dropped likewise."""
    real = sys.stdout
    sys.stdout = cast("TextIO", _Shared(real))
    try:
        yield
    finally:
        sys.stdout = real


class _Shared:
    """Stands in the place of stdout."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever it has
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with _unread():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with _unread():
            self._stream.flush()


@contextmanager
def _unread() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        # `dbkit history | head -1` is no error; without this Python complains once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def line(text: str) -> None:
    """Write one line."""
    write(text + "\n")


def document(value: Mapping[str, Any]) -> None:
    """Write the one JSON document of `--format json`."""
    line(json.dumps(value, indent=2, ensure_ascii=False))


def record(value: Mapping[str, Any]) -> None:
    """Write one line of `--format jsonl`."""
    line(json.dumps(value, ensure_ascii=False))


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write aligned columns under their names; a column of numbers is aligned to the right."""
    if not rows:
        return
    columns = list(zip(headers, *rows, strict=True))
    widths = [max(len(cell) for cell in column) for column in columns]
    right = [all(cell.replace(".", "").isdecimal() for cell in column[1:]) for column in columns]
    line(strong(_aligned(headers, widths, right)))
    for row in rows:
        line(_aligned(row, widths, right))


def strong(text: str) -> str:
    """Make text bold where it is for eyes."""
    return f"\x1b[1m{text}\x1b[0m" if _decorated() else text


def columns() -> int:
    """Give the width to write in: the terminal's, at most 120; in a pipe 100."""
    return min(shutil.get_terminal_size((100, 24)).columns, 120) if sys.stdout.isatty() else 100


def _aligned(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = [
        cell.rjust(width) if to_right else cell.ljust(width)
        for cell, width, to_right in zip(cells, widths, right, strict=True)
    ]
    return "  ".join(padded).rstrip()


def _decorated() -> bool:
    """Decorate only for eyes: on a terminal, and where nobody said no (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
