"""The checks of `pytest --dbkit`, as tests of pytest's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from dbkit.errors import DbkitError, DifferentError
from dbkit.testing.asked import Asked, told

if TYPE_CHECKING:
    from _pytest._code.code import TerminalRepr

    from dbkit.migrations import ServiceResult
    from dbkit.migrations.walk import Walk
    from dbkit.testing.templates import Templates

MARK = "dbkit_check"


class ServiceChecks(pytest.Collector):
    """The checks of one service."""

    asked: Asked
    templates: Callable[[], Templates]

    def collect(self) -> Iterator[pytest.Item]:
        """Give one check of the files, and two of the databases for each backend."""
        yield self._check("one_head", partial(one_head, backends=self.asked.backends))
        for backend in self.asked.backends:
            yield self._check(f"up_down_up[{backend}]", partial(up_down_up, backend=backend))
            yield self._check(f"models_match[{backend}]", partial(models_match, backend=backend))

    def _check(self, name: str, function: Callable[[Templates, str], None]) -> Check:
        item: Check = Check.from_parent(self, name=name)
        item.call = lambda: function(self.templates(), self.name)
        item.add_marker(MARK)
        return item


class ProjectFile(pytest.File):
    """The file that makes a folder a project; its services are checked in its name."""

    asked: Asked
    templates: Callable[[], Templates]

    def collect(self) -> Iterator[ServiceChecks]:
        """Give the services."""
        for name in self.asked.services:
            found: ServiceChecks = ServiceChecks.from_parent(self, name=name)
            found.asked, found.templates = self.asked, self.templates
            yield found


class Check(pytest.Item):
    """One check."""

    call: Callable[[], None]

    def runtest(self) -> None:
        """Carry it out."""
        self.call()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str | TerminalRepr:  # noqa: ANN401 - pytest's
        """Show what was found, without a traceback; that of a bug in whole."""
        if isinstance(excinfo.value, DbkitError):
            return told(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Name it: by the project's file, the service, and the check."""
        parent = self.parent.name if self.parent is not None else ""
        return self.path, None, f"{parent}: {self.name}"


class ProjectChecks:
    """Collects the checks; registered with pytest when `--dbkit` is given."""

    def __init__(self, asked: Asked, templates: Callable[[], Templates]) -> None:
        """Keep what is asked for, and where databases come from."""
        self._asked = asked
        self._templates = templates
        self._file = asked.project.settings.file

    def pytest_collect_file(self, file_path: Any, parent: pytest.Collector) -> ProjectFile | None:  # noqa: ANN401 - pytest's
        """Take the project's file for a file of tests."""
        if self._file is None or file_path != self._file:
            return None
        found: ProjectFile = ProjectFile.from_parent(parent, path=file_path)
        found.asked, found.templates = self._asked, self._templates
        return found


def one_head(templates: Templates, service: str, *, backends: Sequence[str]) -> None:
    """Check that the revisions of a service, which may be others on each backend, have one newest, or branches with a label each."""
    from dbkit.revisions.reading import read_history

    for backend in backends:
        read_history(templates.project.layout(service, backend=backend)).goals("head")


def up_down_up(templates: Templates, service: str, *, backend: str) -> None:
    """Check that each revision can be applied, undone and applied again, and that undoing leaves nothing behind."""
    from dbkit.migrations.walk import walk
    from dbkit.testing.templates import without_hooks

    with templates.empty(service, backend):
        found = walk(without_hooks(templates.project), service)
    if found.differences:
        lines = "; ".join(found.differences)
        raise DifferentError(
            f"the revisions of service {service!r} do not undo what they did on {backend}: {lines}",
            hint="mend their downgrade(), or say in it that it cannot be done: raise dbkit.errors.IrreversibleError(…)",
        )
    if found.failed is not None:
        raise _failed(found, found.failed)


def models_match(templates: Templates, service: str, *, backend: str) -> None:
    """Check that the models of a service ask for nothing that its revisions have not made; skips where its own env.py names none."""
    from dbkit.migrations import check
    from dbkit.migrations.diff import NO_MODELS

    place = templates.fresh(service, backend)
    try:
        with templates.aimed({service: place}):
            entry = check(templates.project, [service])[service]
    finally:
        templates.yard.drop(place)
    if entry.error is not None and entry.error.endswith(NO_MODELS):
        pytest.skip(entry.error)
    if entry.error is not None:
        raise DbkitError(entry.error, hint=entry.hint)
    if entry.differences:
        lines = "; ".join(difference.detail for difference in entry.differences)
        raise DifferentError(
            f"models and database of service {service!r} differ on {backend}: {lines}",
            hint=f'write the revision that is missing: dbkit revision {service} --autogenerate -m "…"',
        )


def _failed(found: Walk, failed: ServiceResult) -> DbkitError:
    text = f"service {found.service!r} cannot be taken {found.where} on {failed.backend}: {failed.error}"
    return DbkitError(text, hint=failed.hint)
