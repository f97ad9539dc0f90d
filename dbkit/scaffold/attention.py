"""Revisions that somebody should look at before they are run on a server."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from dbkit.revisions.history import History, Script
from dbkit.revisions.layout import Layout
from dbkit.scaffold.adopted import Attention

__all__ = ["attentions", "unread"]

LONGEST_ID: Final = 32
"""What Alembic's version table takes: https://alembic.sqlalchemy.org/en/latest/api/runtime.html (`version_num`)."""
_STEPS: Final = frozenset({"upgrade", "downgrade"})


def attentions(history: History, *, autocommit: bool) -> tuple[Attention, ...]:
    """List what is to be looked at, in the order of the revisions.

    Args:
        history: the revisions.
        autocommit: they run without a transaction.
    """
    return tuple(
        Attention(revision=revision, file=script.file, lines=tuple(lines), what=what)
        for revision in history.in_order()
        for script in [history.scripts[revision]]
        for what, lines in _gathered(_seen(script, autocommit=autocommit)).items()
    )


def _gathered(seen: Iterable[tuple[int | None, str]]) -> dict[str, list[int]]:
    """Put the lines of the same thing together."""
    found: dict[str, list[int]] = {}
    for line, what in seen:
        found.setdefault(what, []).extend([] if line is None else [line])
    return found


def unread(layout: Layout, history: History) -> tuple[Path, ...]:
    """List folders below those of revisions that hold revisions too, and are not read."""
    read = {script.file for script in history.scripts.values()}
    found = {
        file.parent
        for place in layout.versions
        if place.is_dir()
        for file in place.rglob("*.py")
        if file not in read and file.parent != place and b"down_revision" in file.read_bytes()
    }
    return tuple(sorted(found.difference(layout.versions)))


def _seen(script: Script, *, autocommit: bool) -> Iterator[tuple[int | None, str]]:
    if len(script.revision) > LONGEST_ID:
        yield (
            None,
            f"its id has {len(script.revision)} characters, and the version table of a server takes {LONGEST_ID}",
        )
    if script.file.suffix != ".py":
        yield None, "it is compiled, and nothing of it can be read"
        return
    tree = ast.parse(script.file.read_bytes())
    yield from _needing(tree)
    if not autocommit:
        yield from _concurrent(tree)


def _needing(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Find steps that take arguments, which only an env.py can give."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in _STEPS:
            asked = node.args.args[: len(node.args.args) - len(node.args.defaults)]
            if asked:
                yield node.lineno, f"{node.name} takes {', '.join(one.arg for one in asked)}, which its env.py gives"


def _concurrent(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Find indexes that are made or dropped concurrently in a transaction."""
    allowed = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.With) and any("autocommit_block" in ast.unparse(item) for item in node.items)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and id(node) not in allowed and _is_concurrent(node):
            yield node.lineno, "CONCURRENTLY outside of an autocommit_block, which PostgreSQL refuses in a transaction"


def _is_concurrent(node: ast.Call) -> bool:
    if any(keyword.arg == "postgresql_concurrently" and _is_true(keyword.value) for keyword in node.keywords):
        return True
    texts = [given.value for given in node.args if isinstance(given, ast.Constant)]
    return any(isinstance(text, str) and " concurrently " in f" {' '.join(text.lower().split())} " for text in texts)


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True
