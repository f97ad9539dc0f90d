"""Reads revision files into a history, without importing them or Alembic where their ids are literals."""

from __future__ import annotations

import ast
import threading
from collections.abc import Iterator
from pathlib import Path

from dbkit.errors import HistoryError, RevisionFileError
from dbkit.revisions.history import History, Script
from dbkit.revisions.layout import Layout

__all__ = ["read_history"]

ATTEMPTS = 5
_one_at_a_time = threading.Lock()
IDS = ("revision", "down_revision", "branch_labels", "depends_on")


def read_history(layout: Layout) -> History:
    """Read a service's revision files.

    Raises:
        HistoryError: an id occurs twice, a revision that one is built on is missing, or they form a cycle.
        RevisionFileError: a file does not parse.
    """
    service = layout.service
    scripts = _through_alembic(layout) if layout.sourceless else _from_source(layout)
    _refuse_doubles(service, scripts)
    history = History(service=service, scripts={script.revision: script for script in scripts})
    _refuse_gaps(history)
    _refuse_cycles(history)
    return history


def _from_source(layout: Layout) -> list[Script]:
    """Read the files, and run them only where an id is computed."""
    try:
        return [script for file in layout.files() for script in _read(layout.service, file)]
    except _ComputedError:
        return _through_alembic(layout)


class _ComputedError(Exception):
    """An id is computed: only running the file tells it."""


def _through_alembic(layout: Layout) -> list[Script]:
    """Run the files as Alembic does."""
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    scripts = ScriptDirectory(
        str(layout.folder),
        version_locations=list(map(str, layout.versions)),
        recursive_version_locations=layout.recursive,
        sourceless=layout.sourceless,
    )
    try:
        found = list(scripts.walk_revisions())
    except CommandError as error:
        raise HistoryError(f"{error}", hint=f"look at the revision files in {layout.folder}") from error
    return [
        Script(
            revision=script.revision,
            down=_names(script.down_revision),
            depends_on=_names(script.dependencies),
            labels=_names(getattr(script.module, "branch_labels", None)),
            description=(script.doc or "").partition("\n")[0].strip(),
            file=Path(script.path),
            created_tables=frozenset(_created(tree := _source(Path(script.path)))),
            irreversible=_irreversible(tree),
        )
        for script in found
    ]


def _read(service: str, file: Path) -> Iterator[Script]:
    try:
        tree = _parsed(file)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f"{file}:{line}" if line else str(file)
        raise RevisionFileError(
            f"revision file {where} does not parse: {getattr(error, 'msg', error)}", hint="mend the file"
        ) from error
    ids = dict(_ids(tree))
    if "revision" not in ids:
        return  # a helper module beside the revisions, as Alembic sees it too
    revision = ids["revision"]
    if not isinstance(revision, str) or not revision:
        raise RevisionFileError(
            f"revision file {file} of service {service!r}: its revision is {revision!r}, not a text"
        )
    yield Script(
        revision=revision,
        down=_names(ids.get("down_revision")),
        depends_on=_names(ids.get("depends_on")),
        labels=_names(ids.get("branch_labels")),
        description=(ast.get_docstring(tree) or "").partition("\n")[0].strip() or file.stem,
        file=file,
        created_tables=frozenset(_created(tree)),
        irreversible=_irreversible(tree),
    )


def _source(file: Path) -> ast.Module:
    """Parse what there is of a file's source: of a compiled one nothing."""
    return _parsed(file) if file.suffix == ".py" else ast.Module(body=[], type_ignores=[])


def _parsed(file: Path) -> ast.Module:
    """Parse a file; one thread at a time, and once more where another thread of the caller's did it at the same moment.

    Before Python 3.13 all threads count the depth of the tree in one place, and a SystemError comes of it:
    https://github.com/python/cpython/issues/106905 (seen on 3.11.7).
    """
    source = file.read_bytes()
    with _one_at_a_time:
        for _ in range(ATTEMPTS):
            try:
                return ast.parse(source, filename=str(file))
            except SystemError:
                continue
        return ast.parse(source, filename=str(file))


def _ids(tree: ast.Module) -> Iterator[tuple[str, object]]:
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(
            isinstance(part, ast.Name) and part.id in IDS for target in targets for part in getattr(target, "elts", ())
        ):
            raise _ComputedError  # revision, down_revision = "b", "a"
        for target in targets:
            if isinstance(target, ast.Name) and target.id in IDS:
                try:
                    yield target.id, ast.literal_eval(node.value)
                except ValueError:
                    raise _ComputedError from None


def _names(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type] # Alembic takes any sequence of texts


def _created(tree: ast.Module) -> Iterator[str]:
    """Find the tables that `create_table("x")` and `rename_table("y", "x")` leave behind."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            position = {"create_table": 0, "rename_table": 1}.get(node.func.attr)
            if position is not None and len(node.args) > position:
                name = node.args[position]
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    yield name.value


def _irreversible(tree: ast.Module) -> str | None:
    """Find why a file cannot be undone: `raise IrreversibleError("…")` is all that its downgrade does."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "downgrade":
            raised = node.body[1 if ast.get_docstring(node) is not None else 0 :][:1]
            call = raised[0].exc if raised and isinstance(raised[0], ast.Raise) else None
            if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("IrreversibleError") and call.args:
                why = call.args[0]
                return str(why.value) if isinstance(why, ast.Constant) else ast.unparse(why)
    return None


def _refuse_doubles(service: str, scripts: list[Script]) -> None:
    files: dict[str, Path] = {}
    for script in scripts:
        if other := files.get(script.revision):
            raise HistoryError(
                f"revision {script.revision!r} of service {service!r} is in two files: {other} and {script.file}",
                hint="give one of them an id of its own",
            )
        files[script.revision] = script.file


def _refuse_gaps(history: History) -> None:
    for script in history.scripts.values():
        for parent in script.down:
            if parent not in history.scripts:
                raise HistoryError(
                    f"revision {script.revision!r} of service {history.service!r} is built on {parent!r}, which is missing",
                    hint=f"bring its file back beside {script.file}",
                )


def _refuse_cycles(history: History) -> None:
    """Take away what is built on nothing that is left, one after another; a cycle stays."""
    parents = {name: history.scripts.keys() & set(history.parents(name)) for name in history.scripts}
    children: dict[str, list[str]] = {name: [] for name in history.scripts}
    for name, above in parents.items():
        for parent in above:
            children[parent].append(name)
    ready = [name for name, above in parents.items() if not above]
    while ready:
        gone = ready.pop()
        del parents[gone]
        for child in children[gone]:
            parents[child].discard(gone)
            if not parents[child]:
                ready.append(child)
    if parents:
        raise HistoryError(
            f"the revisions of service {history.service!r} go in a circle: {', '.join(sorted(parents))}",
            hint="one of their down_revision is wrong",
        )
