"""The revisions of a service as one history: what is built on what, and what is between here and a target."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from dbkit.errors import HistoryError, IrreversibleError

__all__ = ["History", "Script"]


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

    def built_on_by_next(self, head: str) -> tuple[str, ...]:
        """Resolve which heads a new revision is built on: `head`, `heads`, `LABEL@head`, or a revision; none where there are no revisions.

        Raises:
            HistoryError: it is unknown, or `head` and there are several.
        """
        if head == "head" and self._branches_are_meant() and len(self.heads) > 1:
            labels = [min(self.labels_of(one) - self._labels_beside(one)) for one in self.heads]
            raise HistoryError(
                f"service {self.service!r} has {len(self.heads)} branches: {', '.join(labels)}",
                hint=f"name the one that the revision is for: --head {labels[0]}@head",
            )
        found = self.goals(head)
        if past := [one for one in found if one not in self.heads]:
            raise HistoryError(
                f"revision {past[0]!r} of service {self.service!r} is no head: others are built on it",
                hint=f'to begin a branch there: dbkit alembic {self.service} -- revision --splice --head {past[0]} -m "…"',
            )
        return found

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
        return all(self.labels_of(head) - self._labels_beside(head) for head in self.heads)

    def _labels_beside(self, head: str) -> set[str]:
        """Collect the branch labels of the other heads."""
        return set().union(*(self.labels_of(other) for other in self.heads if other != head))

    def labels_of(self, revision: str) -> set[str]:
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
