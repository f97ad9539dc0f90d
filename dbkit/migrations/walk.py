"""A service's revisions one by one up, back, and up again, in one worker: what a revision leaves behind is found at the revision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dbkit.config.connect import connect
from dbkit.errors import DbkitError
from dbkit.migrations import shapes
from dbkit.migrations.dispatch import LOCK_WAIT_S, answers_of, task_for, unwrap
from dbkit.migrations.results import ServiceResult
from dbkit.migrations.steps import downgrade, upgrade
from dbkit.revisions.history import History
from dbkit.revisions.reading import read_history

if TYPE_CHECKING:
    from dbkit.migrations.shapes import Shape
    from dbkit.migrations.worker import Link
    from dbkit.project import Project

__all__ = ["Walk", "there_and_back", "walk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What became of a service on its way up, back, and up again."""

    service: str
    up: tuple[str, ...] = ()
    """The revisions that were applied, oldest first."""
    down: tuple[str, ...] = ()
    """Those of them that were undone, newest first."""
    barrier: str | None = None
    """The revision at which going back ended, because it says that it cannot be undone; None where there is none."""
    failed: ServiceResult | None = None
    """What ended the walk too early."""
    where: str = ""
    """Where that was: `up to 0003`, `down to base`."""
    differences: tuple[str, ...] = ()
    """What going back, or the second way up, has left otherwise than it was, each with the revision."""


def walk(project: Project, service: str) -> Walk:
    """Take a service, whose database is not there yet, up to its newest revision, back as far as can be, and up again.

    Raises:
        DbkitError: it could not be begun.
    """
    answer = answers_of([task_for("walk:there_and_back", project, service)])[service]
    if isinstance(answer, DbkitError):
        raise answer
    found = unwrap(answer)
    if isinstance(found, DbkitError):
        raise found
    assert isinstance(found, Walk)  # noqa: S101 - what there_and_back returns
    return found


def there_and_back(project: Project, name: str, link: Link) -> Walk | DbkitError:
    """Do it; runs in a worker."""
    try:
        history = read_history(project.layout(name))
        history.goals("head")  # of two that are no branches of their own nobody could say what is newest
        return _Walker(project=project, name=name, link=link, history=history).go()
    except DbkitError as error:
        return error


@dataclass(kw_only=True)
class _Walker:
    project: Project
    name: str
    link: Link
    history: History
    shapes: list[Shape] = field(default_factory=lambda: [{}])
    """How the database was before each revision, and after all of them."""
    down: list[str] = field(default_factory=list)
    differences: dict[str, str] = field(default_factory=dict)
    """What is different, and the revision at which that was first seen."""

    def go(self) -> Walk:
        order = self.history.in_order()
        for number, revision in enumerate(order):
            result = self._upgrade(revision, create=number == 0)
            if result.error is not None:
                return self._walk(order[:number], failed=result, where=f"up to {revision}")
            self.shapes.append(self._look())
        for target, undone in self._ways_back(order):
            result = self._downgrade(target)
            if _is_refusal(result, undone):
                break
            if result.error is not None:
                return self._walk(order, failed=result, where=f"down to {target}")
            self.down += undone
            self._compare(order, f"undoing {', '.join(undone)}")
        if self.differences:
            return self._walk(order)  # what is left stands in the way of what would make it again
        result = self._upgrade("heads", create=not order)
        if result.error is not None:
            return self._walk(order, failed=result, where="up again")
        self.down, down = [], self.down
        self._compare(order, "going up again")
        self.down = down
        return self._walk(order)

    def _ways_back(self, order: list[str]) -> Iterator[tuple[str, list[str]]]:
        """Give targets for going back, each with what is undone by it: one by one where the history is a line, else all at once."""
        firm = [number for number, revision in enumerate(order) if self.history.scripts[revision].irreversible]
        lowest = firm[-1] + 1 if firm else 0
        if self._is_line(order):
            for number in reversed(range(lowest, len(order))):
                yield order[number - 1] if number else "base", [order[number]]
        elif order:
            target = order[lowest - 1] if lowest else "base"
            undone = list(self.history.undone(self.history.heads, target))
            if undone and not any(self.history.scripts[revision].irreversible for revision in undone):
                yield target, undone

    def _is_line(self, order: list[str]) -> bool:
        parents = [self.history.parents(revision) for revision in order]
        return parents == [[], *([revision] for revision in order[:-1])][: len(order)]

    def _compare(self, order: list[str], when: str) -> None:
        left = [revision for revision in order if revision not in self.down]
        if left == order[: len(left)]:
            for line in shapes.changes(self.shapes[len(left)], self._look()):
                self.differences.setdefault(line, when)

    def _look(self) -> Shape:
        layout = self.project.layout(self.name)
        with connect(self.project.migration_config(self.name)) as connection:
            return shapes.look(connection, but={layout.version_table})

    def _upgrade(self, target: str, *, create: bool) -> ServiceResult:
        return upgrade(self.project, self.name, self.link, target=target, create=create, lock_wait_s=LOCK_WAIT_S)

    def _downgrade(self, target: str) -> ServiceResult:
        return downgrade(self.project, self.name, self.link, target=target, lock_wait_s=LOCK_WAIT_S)

    def _walk(self, up: list[str], *, failed: ServiceResult | None = None, where: str = "") -> Walk:
        kept = [revision for revision in up if revision not in self.down]
        return Walk(
            service=self.name,
            up=tuple(up),
            down=tuple(self.down),
            barrier=kept[-1] if kept and failed is None else None,
            failed=failed,
            where=where,
            differences=tuple(f"{when}: {line}" for line, when in self.differences.items()),
        )


def _is_refusal(result: ServiceResult, undone: list[str]) -> bool:
    """Tell whether a revision said that it cannot be undone, where that was not to be read from its file."""
    refusals = tuple(f"revision {revision!r} cannot be undone" for revision in undone)
    return result.error is not None and result.error.startswith(refusals)
