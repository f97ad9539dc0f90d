"""The revision files of a service as one history, read without importing them or Alembic where their ids are literals."""

from __future__ import annotations

import ast
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dbkit.errors import HistoryError, IrreversibleError, RevisionFileError
from dbkit.revisions.layout import Layout

ATTEMPTS = 5
_one_at_a_time = threading.Lock()
IDS = ("revision", "down_revision", "branch_labels", "depends_on")


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One revision file: its ids, and what it says of itself."""

    revision: str
    down: tuple[str, ...]
    depends_on: tuple[str, ...]
    labels: tuple[str, ...]
    """The branch labels that this file declares."""
    description: str
    file: Path
    created_tables: frozenset[str] = frozenset()
    """Tables that the file creates, or renames something to, by a literal name."""
    irreversible: str | None = None
    """Why it cannot be undone, where its downgrade does nothing but say so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All revisions of a service, and the order in which they are applied."""

    service: str
    scripts: dict[str, Script] = field(default_factory=dict)

    @property
    def heads(self) -> tuple[str, ...]:
        """The revisions that none is built on, in alphabetical order."""
        built_on = {parent for script in self.scripts.values() for parent in script.down}
        return tuple(sorted(set(self.scripts) - built_on))

    @property
    def created_tables(self) -> frozenset[str]:
        """Every table that some revision has ever created."""
        return frozenset().union(*(script.created_tables for script in self.scripts.values()))

    def head(self) -> str | None:
        """Give the one head; None when there are no revisions at all.

        Raises:
            HistoryError: there are several.
        """
        heads = self.heads
        if len(heads) > 1:
            raise HistoryError(
                f"service {self.service!r} has {len(heads)} heads: {', '.join(heads)}",
                hint=f'join them: dbkit alembic {self.service} -- merge -m "merge" heads',
            )
        return heads[0] if heads else None

    def goals(self, target: str) -> tuple[str, ...]:
        """Resolve what to go to: `head`, `heads`, `LABEL@head`, or a revision.

        Several heads are no mistake where each has a branch label of its own; then `head` is all of them.

        Raises:
            HistoryError: the target is unknown, or `head` and there are several.
        """
        label, at, rest = target.partition("@")
        if at and rest in ("head", "heads"):
            start = self.find(label)
            return tuple(head for head in self.heads if start in self._line(head))
        if target == "heads" or (target == "head" and self._branches_are_meant()):
            return self.heads
        goal = self.head() if target == "head" else self.find(target)
        return (goal,) if goal else ()

    def _branches_are_meant(self) -> bool:
        labels = {head: self._labels(head) for head in self.heads}
        return all(
            mine.difference(*(labels[other] for other in labels if other != head)) for head, mine in labels.items()
        )

    def _labels(self, revision: str) -> set[str]:
        """Collect the branch labels of a revision and of all that it is built on."""
        return {label for name in self._line(revision) for label in self.scripts[name].labels}

    def _line(self, revision: str) -> set[str]:
        """Collect a revision and all that it is built on; what it merely depends on is of other branches."""
        left, seen = [revision], set[str]()
        while left:
            name = left.pop()
            if name not in seen:
                seen.add(name)
                left += self.scripts[name].down
        return seen

    def find(self, name: str) -> str:
        """Resolve a revision, a branch label, or a unique beginning of a revision.

        Raises:
            HistoryError: no revision, or more than one, is meant.
        """
        if name in self.scripts:
            return name
        for script in self.scripts.values():
            if name in script.labels:
                return script.revision
        found = sorted(revision for revision in self.scripts if name and revision.startswith(name))
        if len(found) == 1:
            return found[0]
        what = f"is ambiguous: {', '.join(found)}" if found else "does not exist"
        raise HistoryError(
            f"revision {name!r} of service {self.service!r} {what}", hint=f"dbkit history {self.service} lists them"
        )

    def of_file(self, file: str) -> str | None:
        """Name the revision that a file holds."""
        return next((name for name, script in self.scripts.items() if script.file == Path(file)), None)

    def ancestry(self, revisions: Iterable[str]) -> set[str]:
        """Collect the given revisions and all that they are built on or depend on."""
        seen: set[str] = set()
        left = list(revisions)
        while left:
            revision = left.pop()
            if revision not in seen:
                seen.add(revision)
                left += self.parents(revision)
        return seen

    def parents(self, revision: str) -> list[str]:
        """List what a revision is built on and what it depends on, by revision, unique beginning or branch label."""
        script = self.scripts[revision]
        return [*script.down, *map(self.find, script.depends_on)]

    def in_order(self) -> list[str]:
        """List all revisions, each behind what it is built on."""
        done: dict[str, None] = {}
        for revision in sorted(self.scripts):
            self._place(revision, done)
        return list(done)

    def _place(self, revision: str, done: dict[str, None]) -> None:
        stack = [revision]
        while stack:
            missing = [parent for parent in self.parents(stack[-1]) if parent not in done]
            if missing:
                stack += missing
            else:
                done.setdefault(stack.pop())

    def pending(self, current: Iterable[str], target: str = "head") -> tuple[str, ...]:
        """List what is between the current revisions and the target, oldest first.

        The target is `head`, `heads`, `LABEL@head`, a revision, or `+n` steps. Empty when the database is there, or further.

        Raises:
            HistoryError: the target is unknown, or `head` and there are several.
        """
        applied = self.ancestry(current)
        order = [revision for revision in self.in_order() if revision not in applied]
        if target.startswith("+"):
            return tuple(order[: _steps(self.service, target)])
        wanted = self.ancestry(self.goals(target))
        return tuple(revision for revision in order if revision in wanted)

    def undone(self, current: Iterable[str], target: str) -> tuple[str, ...]:
        """List what a rollback to the target would undo, newest first.

        The target is `base`, a revision that is applied, or `-n` steps.

        Raises:
            HistoryError: the target is unknown, or not applied.
        """
        heads = list(current)
        if target.startswith("-") and len(heads) > 1:
            raise HistoryError(
                f"the database of service {self.service!r} is at {len(heads)} revisions, {', '.join(sorted(heads))}: "
                f"{target!r} may mean either",
                hint="name the revision to go back to: --to REVISION",
            )
        known = self.ancestry(heads)
        applied = [revision for revision in reversed(self.in_order()) if revision in known]
        if target.startswith("-"):
            return tuple(applied[: _steps(self.service, target)])
        if target == "base":
            return tuple(applied)
        goal = self.find(target)
        if goal not in known:
            raise HistoryError(
                f"revision {goal!r} of service {self.service!r} is not applied",
                hint=f"dbkit status {self.service} tells what is; to go forward use dbkit migrate --to {goal}",
            )
        kept = self.ancestry([goal])
        return tuple(revision for revision in applied if revision not in kept)

    def refuse_irreversible(self, revisions: Iterable[str]) -> None:
        """Refuse to undo revisions one of which says that it cannot be: known before the first of them is touched.

        Raises:
            IrreversibleError: it is so; the message names the revision, and why.
        """
        for revision in revisions:
            why = self.scripts[revision].irreversible
            if why is not None:
                raise IrreversibleError(f"revision {revision!r} cannot be undone: {why}; nothing was undone")


def _steps(service: str, target: str) -> int:
    if not target[1:].isdigit() or target[1:] == "0":
        raise HistoryError(
            f"{target!r} of service {service!r} is no number of steps", hint=f"write {target[0]}1, {target[0]}2, …"
        )
    return int(target[1:])


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
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
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
