"""What a `.env` file says: names and values, with their lines. Nothing is interpolated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dbkit.errors import ConfigurationError

_START = re.compile(r"[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_]\w*)[ \t]*=[ \t]*")
_BLANK = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_QUOTED = re.compile(r"'(?P<single>[^']*)'|\"(?P<double>(?:[^\"\\]|\\.)*)\"", re.DOTALL)
# A comment needs a blank before its hash, so that a password may hold one.
_BARE = re.compile(r"(?P<bare>[^\n]*?)(?:[ \t]+#[^\n]*)?(?:\n|\Z)")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DotenvValue:
    """A value of a `.env` file; it does not print, because it may be a secret."""

    text: str
    line: int

    def __repr__(self) -> str:
        """Say where it stands only."""
        return f"DotenvValue(line={self.line})"


def read_dotenv(path: Path) -> dict[str, DotenvValue]:
    """Read a `.env` file; empty where there is none. Of a name that stands twice the last one counts.

    Raises:
        ConfigurationError: it cannot be read, or a line is no assignment; the message names the line and quotes nothing.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        message = f"{str(path)!r} cannot be read: {reason}"
    else:
        return dict(_assignments(text.replace("\r\n", "\n"), path))
    raise ConfigurationError(message, hint="save it as UTF-8 text that this process can read, or remove it")


def _assignments(text: str, path: Path) -> Iterator[tuple[str, DotenvValue]]:
    at = 0
    while at < len(text):
        blank = _BLANK.match(text, at)
        if blank is not None and blank.end() > at:
            at = blank.end()
            continue
        line = text.count("\n", 0, at) + 1
        start = _START.match(text, at)
        if start is None:
            raise _refusal(path, line)
        value, at = _value(text, start.end(), path, line)
        yield start["name"], DotenvValue(text=value, line=line)


def _value(text: str, at: int, path: Path, line: int) -> tuple[str, int]:  # noqa: PLR0917 - where it stands, twice
    """Read one value; gives it and where the next line begins."""
    if text[at : at + 1] not in {"'", '"'}:
        bare = _BARE.match(text, at)
        if bare is None:
            raise _refusal(path, line)
        return bare["bare"].strip(), bare.end()
    quoted = _QUOTED.match(text, at)
    end = _BLANK.match(text, quoted.end()) if quoted else None
    if quoted is None or end is None:
        raise _refusal(path, line)
    if quoted["single"] is not None:
        return quoted["single"], end.end()
    return re.sub(r"\\(.)", _unescape, quoted["double"], flags=re.DOTALL), end.end()


def _unescape(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[1], found[0])


def _refusal(path: Path, line: int) -> ConfigurationError:
    # the line itself is not shown: it may hold half a password
    return ConfigurationError(
        f"{path}:{line}: this line is no assignment", hint="write NAME=value; quote a value that holds quotes or ' #'"
    )
