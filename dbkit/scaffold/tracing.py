"""Follows what stands in a module to where it comes from, by imports and assignments, and runs nothing of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from typing import Final

__all__ = ["COMPUTED", "Names", "Origin"]

_DEPTH: Final = 20
"""How many names stand for one another at most; more are a circle."""


class _Computed:
    """Stands for a value that only running the code would tell."""


COMPUTED: Final = _Computed()


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a value comes from: a place that can be imported, a literal, or neither."""

    line: int
    reference: str | None = None
    """`module:attribute`."""
    called: bool = False
    """It is what that gives when it is called."""
    literal: object = COMPUTED
    why: str = ""
    """Why it is neither, as the rest of a sentence that begins with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Binding:
    """One statement that gives a name its meaning."""

    line: int
    plain: bool
    """It stands at the top of the module, under no condition."""
    dotted: str | None = None
    """What it imports."""
    value: ast.expr | None = None
    what: str = ""
    """What else it is."""


class Names:
    """The names of a module."""

    def __init__(self, tree: ast.Module, search: Sequence[str]) -> None:
        """Collect them.

        Args:
            tree: the module.
            search: folders that modules are looked for in.
        """
        self._search = list(search)
        self._bindings: dict[str, list[_Binding]] = {}
        top = set(map(id, tree.body))
        for node in ast.walk(tree):
            for name, found in _bound(node, plain=id(node) in top):
                self._bindings.setdefault(name, []).append(found)
        for bindings in self._bindings.values():
            bindings.sort(key=lambda one: one.line)

    def __contains__(self, name: object) -> bool:
        return name in self._bindings

    def trace(self, node: ast.expr) -> Origin:
        """Find where the value of an expression comes from."""
        return self._split(self._follow(node, 0))

    def _follow(self, node: ast.expr, depth: int) -> Origin:
        """Follow an expression; `reference` is a name with dots alone for now."""
        line = node.lineno
        if depth > _DEPTH:
            return Origin(line=line, why="goes in a circle")
        if isinstance(node, ast.Constant):
            return Origin(line=line, literal=node.value)
        if isinstance(node, ast.Name):
            return self._named(node, depth)
        if isinstance(node, ast.Attribute):
            return self._inside(node, depth)
        if isinstance(node, ast.Call) and not node.args and not node.keywords:
            function = self._follow(node.func, depth + 1)
            if function.reference is not None and not function.called and not _makes_new(function.reference):
                return Origin(line=line, reference=function.reference, called=True)
        return Origin(line=line, why=_worded(node))

    def _inside(self, node: ast.Attribute, depth: int) -> Origin:
        base = self._follow(node.value, depth + 1)
        if base.reference is not None and not base.called:
            return Origin(line=base.line, reference=f"{base.reference}.{node.attr}")
        why = f"is an attribute of what {base.reference.rpartition('.')[2]}() gives" if base.reference else base.why
        return Origin(line=base.line, why=why or f"is {ast.unparse(node)!r}, which is nowhere set")

    def _named(self, node: ast.Name, depth: int) -> Origin:
        bindings = self._bindings.get(node.id)
        if not bindings:
            return self._by_star(node)
        if all(binding.plain for binding in bindings):
            return self._meant(bindings[-1], depth)
        found = [self._meant(binding, depth) for binding in bindings]
        if len({(one.reference, one.called, repr(one.literal), one.why) for one in found}) == 1:
            return found[-1]
        lines = ", ".join(str(binding.line) for binding in bindings)
        return Origin(line=bindings[-1].line, why=f"is {node.id!r}, which is set in several places (lines {lines})")

    def _by_star(self, node: ast.Name) -> Origin:
        """Take a name that is nowhere set for one that `from module import *` brings."""
        stars = [binding.dotted or "" for binding in self._bindings.get("*", [])]
        if len(stars) == 1:
            return Origin(line=node.lineno, reference=stars[0].removesuffix("*") + node.id)
        said = "comes by one of several import *" if stars else "is nowhere set"
        return Origin(line=node.lineno, why=f"is {node.id!r}, which {said}")

    def _meant(self, binding: _Binding, depth: int) -> Origin:
        if binding.dotted is not None:
            return Origin(line=binding.line, reference=binding.dotted)
        if binding.value is not None:
            return self._follow(binding.value, depth + 1)
        return Origin(line=binding.line, why=binding.what)

    def _split(self, found: Origin) -> Origin:
        """Tell module and attribute apart: the longest beginning that is a module is it."""
        if found.reference is None:
            return found
        parts = found.reference.split(".")
        module = _longest_module(parts, self._search)
        path = ".".join(parts[module:])
        if not module:
            return Origin(line=found.line, why=f"is {found.reference!r}, and no module {parts[0]!r} is found")
        if not path:
            return Origin(line=found.line, why=f"is the module {found.reference!r}")
        return Origin(line=found.line, reference=f"{'.'.join(parts[:module])}:{path}", called=found.called)


def _bound(node: ast.AST, *, plain: bool) -> Iterator[tuple[str, _Binding]]:
    """List the names that a statement sets, and to what."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            whole = alias.name if alias.asname else alias.name.partition(".")[0]
            yield alias.asname or whole, _Binding(line=node.lineno, plain=plain, dotted=whole)
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            dotted = f"{node.module}.{alias.name}" if node.module and not node.level else None
            what = "" if dotted else "is imported from beside it"
            yield alias.asname or alias.name, _Binding(line=node.lineno, plain=plain, dotted=dotted, what=what)
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        yield from _assigned(node, plain=plain)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name, _Binding(line=node.lineno, plain=plain, what="is made in env.py itself")


def _assigned(node: ast.Assign | ast.AnnAssign, *, plain: bool) -> Iterator[tuple[str, _Binding]]:
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        if isinstance(target, ast.Name) and node.value is not None:
            yield target.id, _Binding(line=node.lineno, plain=plain, value=node.value)
        elif isinstance(target, ast.Tuple | ast.List):
            for one in target.elts:
                if isinstance(one, ast.Name):
                    yield one.id, _Binding(line=node.lineno, plain=plain, what="is one of several values")


def _makes_new(dotted: str) -> bool:
    """Whether a call gives something new each time, which nobody else has."""
    return dotted.partition(".")[0] == "sqlalchemy"


def _worded(node: ast.expr) -> str:
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return f"is a list of {len(node.elts)}"
    if isinstance(node, ast.Lambda):
        return "is made in env.py itself"
    if isinstance(node, ast.Call):
        return f"is what {ast.unparse(node.func)}(…) gives"
    return "is computed"


def _longest_module(parts: list[str], search: list[str]) -> int:
    """Count how many of the parts of a name are a module's; nothing is imported."""
    spec = PathFinder.find_spec(parts[0], search) or _installed(parts[0])
    if spec is None:
        return 0
    for count in range(1, len(parts)):
        inside = spec.submodule_search_locations
        below = PathFinder.find_spec(".".join(parts[: count + 1]), list(inside)) if inside is not None else None
        if below is None:
            return count
        spec = below
    return len(parts)


def _installed(name: str) -> ModuleSpec | None:
    """Ask the finders that editable installs bring."""
    try:
        return find_spec(name)
    except (ImportError, ValueError):
        return None
