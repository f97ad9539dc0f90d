"""What an `env.py` says of itself to somebody who reads it and does not run it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

__all__ = ["ENV", "EnvFile", "read_env"]

ENV = "env.py"
# Alembic's own: https://alembic.sqlalchemy.org/en/latest/api/runtime.html#alembic.runtime.environment.EnvironmentContext.configure
VERSION_TABLE = "alembic_version"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvFile:
    """An env.py, as far as it can be read."""

    ours: bool = False
    """It is dbkit's three lines."""
    version_table: str = VERSION_TABLE
    version_schema: str | None = None
    computed: frozenset[str] = field(default_factory=frozenset)
    """Arguments of `context.configure` that it works out: only running it would tell them."""
    given: frozenset[str] = field(default_factory=frozenset)
    """All arguments that it gives to `context.configure` by name."""


def read_env(folder: Path) -> EnvFile | None:
    """Read the env.py of a folder; None where there is none."""
    file = folder / ENV
    try:
        seen = file.stat()
    except OSError:
        return None
    return _read(file, seen.st_mtime_ns, seen.st_size)


@lru_cache(maxsize=256)
def _read(file: Path, _changed_ns: int, _size: int) -> EnvFile:
    """Read a file once per state of it: a probe asks many times a second."""
    try:
        tree = ast.parse(file.read_bytes(), filename=str(file))
    except (OSError, SyntaxError, ValueError):
        return EnvFile()  # whoever runs it is told
    if _is_ours(tree):
        return EnvFile(ours=True)
    given = dict(_given(tree))
    constants = _constants(tree)
    tables = {
        name: _value(given[name], constants) for name in ("version_table", "version_table_schema") if name in given
    }
    known = {name: str(value) for name, value in tables.items() if value not in (_UNKNOWN, None)}
    return EnvFile(
        version_table=known.get("version_table", VERSION_TABLE),
        version_schema=known.get("version_table_schema"),
        computed=frozenset(name for name, value in tables.items() if value is _UNKNOWN) | ({"**"} & given.keys()),
        given=frozenset(given) - {"**"},
    )


def _given(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """List what calls of `configure` are given by name; `**` stands for the rest."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_configure(node.func):
            for argument in node.keywords:
                yield argument.arg or "**", argument.value


_UNKNOWN = object()


def _is_ours(tree: ast.Module) -> bool:
    """Whether it imports `env` of `dbkit.migrations`."""
    return any(
        (isinstance(node, ast.ImportFrom) and node.module in ("dbkit.migrations", "dbkit.migrations.env"))
        or (isinstance(node, ast.Import) and any(name.name == "dbkit.migrations.env" for name in node.names))
        for node in tree.body
    )


def _is_configure(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and function.attr == "configure"


def _constants(tree: ast.Module) -> dict[str, object]:
    """Collect the names that the module sets to a literal, once."""
    found: dict[str, object] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found[target.id] = _UNKNOWN if target.id in found else node.value.value
    return found


def _value(node: ast.expr, constants: dict[str, object]) -> object:
    if isinstance(node, ast.Constant):
        return node.value
    return constants.get(node.id, _UNKNOWN) if isinstance(node, ast.Name) else _UNKNOWN
