"""What one process of a run of pytest keeps: what was asked for, and the databases that it has made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pytest

from dbkit.errors import DbkitError
from dbkit.testing.asked import Asked, Target, read_asked, targets_of, told
from dbkit.testing.given import Database, ending_engines, given
from dbkit.testing.runs import folder_of, new_mark
from dbkit.testing.templates import Templates
from dbkit.testing.yard import Yard

# What a controller of pytest-xdist gives its workers.
_RUN = "dbkit_run"


@dataclass(kw_only=True)
class State:
    """Of one process; under pytest-xdist a run has several, and the controller outlives the others."""

    config: pytest.Config
    left: list[str] = field(default_factory=list)
    """What could not be dropped, each in a line."""
    _asked: Asked | DbkitError | None = None

    @cached_property
    def mark(self) -> str:
        """The mark of the run: all of its processes have one."""
        return str(self._worker.get(_RUN) or new_mark())

    @cached_property
    def yard(self) -> Yard:
        """Where databases are made."""
        return Yard(mark=self.mark, worker=str(self._worker.get("workerid", "main")))

    @cached_property
    def templates(self) -> Templates:
        """Where migrated databases come from."""
        return Templates(project=self.read().project, yard=self.yard)

    @property
    def _worker(self) -> Mapping[str, Any]:
        return getattr(self.config, "workerinput", {})

    def read(self) -> Asked:
        """Read what was asked for, once.

        Raises:
            DbkitError: there is no project, or what is asked for is not there; the same at each call.
        """
        if self._asked is None:
            try:
                self._asked = read_asked(self.config)
            except DbkitError as error:
                self._asked = error
        if isinstance(self._asked, DbkitError):
            raise self._asked
        return self._asked

    def add_checks(self) -> None:
        """Have the project's file collected as a file of tests, whatever else is."""
        from dbkit.testing.checks import ProjectChecks

        asked = self.read()
        self.config.pluginmanager.register(ProjectChecks(asked, lambda: self.templates), "dbkit-checks")
        file = asked.project.settings.file
        if file is None:
            return
        named = [self.config.invocation_params.dir / argument.partition("::")[0] for argument in self.config.args]
        if not any(path.resolve() in (file.resolve(), *file.resolve().parents) for path in named):
            self.config.args.append(str(file))

    def parameters(self, marks: Sequence[Mapping[str, object]]) -> list[object]:
        """Give what a test with these marks is given, one after another."""
        try:
            targets = targets_of(self.read(), marks)
        except DbkitError as error:
            targets = [Target(error=told(error))]
        return [pytest.param(target, id=str(target), marks=_skip(target)) for target in targets]

    @contextmanager
    def giving(self, item: Any, target: Target) -> Iterator[Database]:  # noqa: ANN401 - a test of pytest's, of which there are many kinds
        """Give a test its database.

        Raises:
            DbkitError: there is nothing to be given.
        """
        if target.error is not None:
            raise DbkitError(target.error)
        test = getattr(item, "obj", None)
        with given(self.templates, target.service, target.backend, shared=target.shared) as database:
            if test is not None:
                item.obj = ending_engines(test, database.project)
            try:
                yield database
            finally:
                if test is not None:
                    item.obj = test

    @contextmanager
    def leading_nowhere(self) -> Iterator[None]:
        """Have all services lead to no database; nothing is changed where there is no project."""
        with suppress(DbkitError):
            self.read()
        if not isinstance(self._asked, Asked):
            yield
            return
        with self.templates.aimed({}):
            yield

    def end(self) -> None:
        """Drop what the run has left, or leave that to the controller."""
        if self._worker:
            if "yard" in self.__dict__:
                self.yard.close()
        elif "mark" in self.__dict__ and folder_of(self.mark).exists():
            self.left = self.yard.clear()


def _skip(target: Target) -> list[pytest.MarkDecorator]:
    return [pytest.mark.skip(reason=target.skip)] if target.skip is not None else []
