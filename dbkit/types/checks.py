"""The CHECK that belongs to a column: its name, and its way through Alembic's batch mode.

Batch mode builds a SQLite table anew from what reflection says: types without our CHECKs, and our CHECKs as the table's. Left
alone, the old labels of an Enum would stay beside the new ones, and neither a column with a CHECK could be dropped nor renamed.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.naming import conv

__all__ = ["carry_over", "check_name"]

# The shortest of the backends' limits: https://www.postgresql.org/docs/current/limits.html
NAME_LIMIT = 63
DIGEST = 8
# Alembic builds the table anew under this prefix, cut to this length, and then renames it.
BATCH_PREFIX = "_alembic_tmp_"
BATCH_LIMIT = 50
_KEPT = "dbkit_check_name"


def check_name(column: sa.Column[Any]) -> str:
    """Name the CHECK that belongs to a column: `ck_<table>_<column>`, cut with a digest where that is too long."""
    kept: str | None = column.info.get(_KEPT)
    return kept or _name(column.table.name.removeprefix(BATCH_PREFIX), column.name)


def _name(table: str, column: str) -> str:
    name = f"ck_{table}_{column}"
    if len(name.encode()) <= NAME_LIMIT:
        return name
    digest = sha256(name.encode()).hexdigest()[:DIGEST]
    return name.encode()[: NAME_LIMIT - DIGEST - 1].decode(errors="ignore") + "_" + digest


def carry_over(check: sa.CheckConstraint, parent: Any) -> None:  # noqa: ANN401 - a table or a column
    """Take a reflected CHECK of ours from the table that batch mode builds, and put it at its column.

    Where the column has a portable type by now, the type words its CHECK, if it has one; where the column is gone, so is the
    CHECK.
    """
    if not isinstance(parent, sa.Table) or not parent.name.startswith(BATCH_PREFIX) or not isinstance(check.name, str):
        return
    owner = _owner(check.name, parent)
    text = str(check.sqltext)
    if owner is None:
        gone = _column_of(check.name, parent)
        if gone and _mentions(text, gone):
            parent.constraints.discard(check)
        return
    parent.constraints.discard(check)
    renamed = owner.name != owner.key
    checked: bool | None = getattr(owner.type, "checked", None)
    if checked is not None:  # a portable type, which the revision gives: whatever CHECK belongs to it, it words itself
        owner.info.update({_KEPT: check.name} if checked and not renamed else {})
        return
    name = check_name(owner) if renamed else check.name
    if any(other.name == name for other in owner.constraints):
        return
    text = _renamed(text, owner.key, owner.name) if renamed else text
    moved = sa.CheckConstraint(sa.text(text.replace(":", "\\:")), name=conv(name))
    moved.parent = owner
    owner.constraints.add(moved)


def _owner(name: str, table: sa.Table) -> sa.Column[Any] | None:
    """Find the column whose CHECK bears this name; a renamed one keeps its old name as its key."""
    base = table.name.removeprefix(BATCH_PREFIX)
    cut = len(table.name) == BATCH_LIMIT
    for column in table.columns:
        if name == _name(base, column.key) or (
            cut and name.startswith(f"ck_{base}") and name.endswith(f"_{column.key}")
        ):
            return column
    return None


def _column_of(name: str, table: sa.Table) -> str | None:
    """Give the column that the name speaks of, which the table no longer has."""
    prefix = f"ck_{table.name.removeprefix(BATCH_PREFIX)}_"
    return name.removeprefix(prefix) if name.startswith(prefix) else None


def _mentions(text: str, column: str) -> bool:
    return _renamed(text, column, "") != text


def _renamed(text: str, old: str, new: str) -> str:
    """Replace a column's name in a CHECK, quoted or not, but not within constants."""
    parts = re.split(r"('(?:[^']|'')*')", text)
    parts[::2] = [
        re.sub(rf'"{re.escape(old)}"|(?<![\w"]){re.escape(old)}(?![\w"])', f'"{new}"', part) for part in parts[::2]
    ]
    return "".join(parts)


sa.event.listen(sa.CheckConstraint, "after_parent_attach", carry_over)
