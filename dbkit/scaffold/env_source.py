"""What an env.py does, read line by line and not run: where its models are, what it tells Alembic, what it does beside that."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from dbkit.scaffold.tracing import Names, Origin

__all__ = ["Argument", "Deed", "EnvSource", "Kind", "read_source"]


class Kind(StrEnum):
    """What is to be made of a deed."""

    COVERED = "covered"
    """dbkit does it in its own way."""
    LOST = "lost"
    """Nobody does it where env.py is not run."""
    AUTOCOMMIT = "autocommit"
    """Revisions run without a transaction."""
    SEVERAL = "several"
    """It migrates several databases, schemas or tenants, of which a service has one."""
    APPLICATION = "application"
    """It is run inside of an application."""
    PLACES = "places"
    """It chooses where revisions are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of `context.configure`."""

    name: str
    line: int
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something else that it does."""

    kind: Kind
    line: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvSource:
    """An env.py, as far as it can be read."""

    file: Path
    metadata: Origin
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    """By name; `**` stands for those that it works out."""
    deeds: tuple[Deed, ...] = ()
    """In the order of their lines, each once."""
    imports: tuple[tuple[str, int], ...] = ()
    """The modules that it imports whenever it is run, each with its line."""
    broken: str | None = None
    """Why it does not parse."""


def read_source(file: Path, search: Sequence[str]) -> EnvSource:
    """Read an env.py.

    Args:
        file: the file.
        search: folders that modules are looked for in.

    Raises:
        OSError: it cannot be read.
    """
    try:
        tree = ast.parse(file.read_bytes(), filename=str(file))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        nothing = Origin(line=line, why="cannot be read")
        return EnvSource(file=file, metadata=nothing, broken=f"{file}:{line}: {getattr(error, 'msg', error)}")
    names = Names(tree, search)
    arguments = _arguments(tree, names)
    seen = sorted(set(_deeds(tree)), key=lambda deed: (deed.line, deed.what))
    return EnvSource(
        file=file,
        metadata=_metadata(arguments, names),
        arguments=arguments,
        deeds=tuple(seen),
        imports=tuple(_imports(tree)),
    )


def _arguments(tree: ast.Module, names: Names) -> dict[str, Argument]:
    """Collect what `configure` is given; what a call with a connection is given counts for more than one that writes SQL."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _name(node.func) == "configure"]
    calls.sort(key=lambda call: any(keyword.arg == "connection" for keyword in call.keywords))
    return {
        keyword.arg or "**": Argument(
            name=keyword.arg or "**", line=keyword.value.lineno, origin=names.trace(keyword.value)
        )
        for call in calls
        for keyword in call.keywords
    }


def _metadata(arguments: Mapping[str, Argument], names: Names) -> Origin:
    if "target_metadata" in arguments:
        return arguments["target_metadata"].origin
    if "target_metadata" in names:
        return names.trace(ast.Name("target_metadata", lineno=1))
    return Origin(line=1, why="is nowhere set")


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


_ENGINES: Final = ("create_engine", "engine_from_config", "create_async_engine", "async_engine_from_config")
_LISTENERS: Final = ("listen", "listens_for", "dispatch_for", "rewrites", "register_entities")
_CALLS: Final[Mapping[str, tuple[Kind, str]]] = {
    **dict.fromkeys(_ENGINES, (Kind.COVERED, "makes an engine by {name}")),
    **dict.fromkeys(("fileConfig", "dictConfig"), (Kind.COVERED, "sets up logging")),
    **dict.fromkeys(_LISTENERS, (Kind.LOST, "hooks in by {name}")),
    **dict.fromkeys(("execute", "exec_driver_sql"), (Kind.LOST, "runs {call}")),
    "get_x_argument": (Kind.LOST, "asks for -x arguments"),
}
_WORDED: Final = 60


def _deeds(tree: ast.Module) -> Iterator[Deed]:
    """List what it does beside configuring."""
    loops = (ast.For, ast.AsyncFor, ast.While)
    repeated = {id(inner) for node in ast.walk(tree) if isinstance(node, loops) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _called(node, repeated=id(node) in repeated)
        elif isinstance(node, ast.Assign):
            yield from _set(node)
        elif isinstance(node, ast.ImportFrom) and node.module == "flask":
            if any(alias.name == "current_app" for alias in node.names):
                yield Deed(kind=Kind.APPLICATION, line=node.lineno, what="needs a Flask application")
        elif isinstance(node, ast.keyword | ast.Dict) and _is_autocommit(node):
            line = node.value.lineno if isinstance(node, ast.keyword) else node.lineno
            yield Deed(kind=Kind.AUTOCOMMIT, line=line, what="connects with AUTOCOMMIT")


def _called(node: ast.Call, *, repeated: bool) -> Iterator[Deed]:
    name, line = _name(node.func), node.lineno
    if name in _CALLS:
        kind, what = _CALLS[name]
        yield Deed(kind=kind, line=line, what=what.format(name=name, call=_short(node)))
    if name == "run_migrations" and isinstance(node.func, ast.Attribute):
        if repeated:
            yield Deed(kind=Kind.SEVERAL, line=line, what="runs migrations in a loop")
        if node.keywords:
            given = ", ".join(keyword.arg or "**" for keyword in node.keywords)
            yield Deed(kind=Kind.LOST, line=line, what=f"gives revisions {given}")
    if _sets_places(node):
        yield Deed(kind=Kind.PLACES, line=line, what="chooses its folders of revisions")


def _sets_places(node: ast.Call) -> bool:
    return _name(node.func) in ("set_main_option", "set_section_option") and any(
        isinstance(given, ast.Constant) and given.value == "version_locations" for given in node.args
    )


def _set(node: ast.Assign) -> Iterator[Deed]:
    for target in node.targets:
        if isinstance(target, ast.Attribute) and target.attr == "default_schema_name":
            yield Deed(kind=Kind.LOST, line=node.lineno, what="sets the schema that tables are looked for in")
        if isinstance(target, ast.Attribute) and target.attr == "version_locations":
            yield Deed(kind=Kind.PLACES, line=node.lineno, what="chooses its folders of revisions")


def _is_autocommit(node: ast.keyword | ast.Dict) -> bool:
    """Whether it says `isolation_level="AUTOCOMMIT"`, in a call or in a dict of options."""
    pairs: list[tuple[object, ast.expr]] = (
        [(node.arg, node.value)]
        if isinstance(node, ast.keyword)
        else [(getattr(key, "value", None), value) for key, value in zip(node.keys, node.values, strict=True)]
    )
    return any(
        key == "isolation_level" and isinstance(value, ast.Constant) and value.value == "AUTOCOMMIT"
        for key, value in pairs
    )


def _imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """List the modules that are imported at its top, but those that hold nobody's models."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names if alias.name != "*")


def _short(node: ast.expr) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= _WORDED else text[: _WORDED - 1] + "…"
