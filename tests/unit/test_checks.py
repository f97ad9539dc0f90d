"""The checks of `pytest --dbkit`: what makes one fail, what has it skipped, and what they look at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dbkit import migrations
from dbkit.errors import DbkitError, DifferentError, ExitCode, HistoryError
from dbkit.migrations.diff import NO_MODELS
from dbkit.migrations.results import Difference, Result, ServiceResult
from dbkit.migrations.walk import Walk
from dbkit.project import Project
from dbkit.testing.checks import models_match, one_head, up_down_up
from tests.projects import Home


@dataclass
class Given:
    """Stands in for the databases of a run: says which were dropped."""

    project: Any
    dropped: list[str] = field(default_factory=list)

    @property
    def yard(self) -> Any:
        return SimpleNamespace(drop=self.dropped.append)

    def fresh(self, service: str, backend: str) -> str:
        return f"{service} on {backend}"

    @contextmanager
    def empty(self, _service: str, _backend: str) -> Iterator[None]:
        yield

    @contextmanager
    def aimed(self, _places: object) -> Iterator[None]:
        yield


def compared(monkeypatch: pytest.MonkeyPatch, **answer: Any) -> Given:
    """Have the comparison come to this, and give what was given to the check meanwhile; whatever it raises is left to the caller."""
    result = Result(command="check", services=(ServiceResult(service="user", **answer),))
    monkeypatch.setattr(migrations, "check", lambda _project, _services: result)
    return Given(project=None)


def test_models_that_match_pass_and_their_database_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    given: Any = compared(monkeypatch)
    models_match(given, "user", backend="tidb")
    assert given.dropped == ["user on tidb"]


def test_a_comparison_that_fails_fails_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    given: Any = compared(monkeypatch, error="the server is away", hint="start it", exit_code=ExitCode.FAILED)
    with pytest.raises((DbkitError, pytest.skip.Exception)) as caught:
        models_match(given, "user", backend="tidb")
    assert isinstance(caught.value, DbkitError)
    assert (caught.value.message, caught.value.hint) == ("the server is away", "start it")
    assert given.dropped == ["user on tidb"]


def test_an_env_that_gives_no_models_has_the_check_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    given: Any = compared(monkeypatch, error=f"its env.py {NO_MODELS}", exit_code=ExitCode.FAILED)
    with pytest.raises(pytest.skip.Exception, match=r"^its env.py names no target_metadata to compare with$"):
        models_match(given, "user", backend="tidb")
    assert given.dropped == ["user on tidb"]


def test_models_that_differ_fail_with_every_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    differences = tuple(
        Difference(operation="add_table", table=name, name=None, detail=f"add_table {name}") for name in "ab"
    )
    given: Any = compared(monkeypatch, differences=differences, exit_code=ExitCode.DIFFERENT)
    wanted = "models and database of service 'user' differ on tidb: add_table a; add_table b"
    with pytest.raises(DifferentError, match=f"^{wanted}$"):
        models_match(given, "user", backend="tidb")


def test_heads_are_counted_in_the_folders_of_every_backend(tmp_path: Path) -> None:
    forked, straight = (Home(tmp_path / name) for name in ("forked", "straight"))
    for home in (forked, straight):
        home.root.mkdir()
        home.write("user").table("user", "0001", "a")
    forked.table("user", "0002", "b", down=None)
    layouts = {"sqlite": straight.project().layout("user"), "tidb": forked.project().layout("user")}
    given: Any = Given(project=SimpleNamespace(layout=lambda _service, *, backend: layouts[backend]))
    one_head(given, "user", backends=["sqlite"])
    with pytest.raises(HistoryError, match="service 'user' has 2 heads: 0001, 0002"):
        one_head(given, "user", backends=["sqlite", "tidb"])


def test_revisions_are_gone_through_without_the_projects_hooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path).write("user")
    with (tmp_path / "pyproject.toml").open("a") as file:
        file.write(
            '[tool.dbkit.hooks]\nbefore_migrate = "a:b"\n[tool.dbkit.services.user.hooks]\nafter_migrate = "c:d"\n'
        )
    project = home.project()
    assert project.registration("user").hooks == {"before_migrate": ("a:b",), "after_migrate": ("c:d",)}
    hooks = []

    def walk(project: Project, service: str) -> Walk:
        hooks.append(project.registration(service).hooks)
        return Walk(service=service, up=(), down=(), barrier=None, failed=None, where="", differences=())

    monkeypatch.setattr("dbkit.migrations.walk.walk", walk)
    given: Any = Given(project=project)
    up_down_up(given, "user", backend="tidb")
    assert hooks == [{}]
