"""Paths of topics: `architecture/patterns/cqrs`."""

from __future__ import annotations

import unicodedata
from typing import Final

import sqlalchemy as sa

from services.errors import Invalid
from services.knowledge.models import Topic

__all__ = ["below", "depth_of", "in_branch", "joined", "parent_of", "split"]

_LONGEST: Final = 400
_AFTER_SLASH: Final = chr(ord("/") + 1)


def split(path: str, *, field: str = "path") -> str:
    """Check a path and give it in its one form (NFC).

    Raises:
        Invalid: it is empty, too long, or a part of it is blank, begins or ends with a blank, or has a control character.
    """
    found = unicodedata.normalize("NFC", path)
    if len(found) > _LONGEST:
        raise Invalid(field, f"a path of {len(found)} characters is longer than {_LONGEST}")
    for part in found.split("/"):
        if not part or part != part.strip() or any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in part):
            raise Invalid(field, f"{path!r} has the part {part!r}, which is no name of a topic in its path")
    return found


def joined(parent: str | None, part: str) -> str:
    """Put a part behind its parent's path."""
    return part if parent is None else f"{parent}/{part}"


def parent_of(path: str) -> str | None:
    """Give the path of the topic above; None where there is none."""
    return path.rpartition("/")[0] or None


def depth_of(path: str) -> int:
    """Count the topics above."""
    return path.count("/")


def below(path: str) -> sa.ColumnElement[bool]:
    """Word "stands below this path" as a range of the index.

    Databases that dbkit makes compare text by its code points, so that all that begins with `a/b/` lies before `a/b0`; a LIKE
    would have to mind `%` and `_`, and `a/bc` is neither below `a/b` nor within the range.
    """
    return sa.and_(Topic.path > path + "/", Topic.path < path + _AFTER_SLASH)


def in_branch(path: str) -> sa.ColumnElement[bool]:
    """Word "is the topic of this path, or below it"."""
    return sa.or_(Topic.path == path, below(path))
