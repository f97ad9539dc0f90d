"""Which services of a run have no server to go to."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from dbkit.config import DatabaseConfig
from dbkit.errors import UnknownServiceError, UnreachableError
from dbkit.failover.plan import Step
from dbkit.failover.probe import Inquiry
from dbkit.migrations import settle
from dbkit.project import Project
from tests.projects import Home


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Give three services that may fall back."""
    values = {"TYPE": "tidb", "HOST": "localhost", "USER": "app", "TLS": "insecure-loopback", "FALLBACK": "dev"}
    for name, value in values.items():
        monkeypatch.setenv(f"DATABASE_{name}", value)
    return Home(tmp_path).write("knowledge", "project", "user").project()


class Answers:
    """Stands for the servers."""

    def __init__(self, **steps: Step) -> None:
        self.steps = steps
        self.asked: list[DatabaseConfig] = []

    def __call__(self, config: DatabaseConfig) -> Inquiry:
        self.asked.append(config)
        step = self.steps[str(config.service)]
        error = None if step is Step.USE_PRIMARY else UnreachableError("nobody is there")
        return Inquiry(step=step, attempts=(), seconds=0.1, error=error, reason=f"{config.service} is away")


def test_those_whose_server_is_away_are_on_the_file(project: Project) -> None:
    answers = Answers(knowledge=Step.USE_PRIMARY, project=Step.RAISE, user=Step.FALL_BACK)
    settled = settle(project, inquire=answers)
    assert settled.fallen == {"user": "user is away"}
    assert settled.config("user").stands_in_for == "TiDB at localhost:4000, database 'user'"
    assert settled.config("project").stands_in_for is None
    assert project.fallen == {}


def test_all_are_asked_at_once(project: Project) -> None:
    together = threading.Barrier(3, timeout=10)
    answers = Answers(**dict.fromkeys(("knowledge", "project", "user"), Step.FALL_BACK))

    def inquire(config: DatabaseConfig) -> Inquiry:
        together.wait()
        return answers(config)

    assert sorted(settle(project, inquire=inquire).fallen) == ["knowledge", "project", "user"]


def test_only_those_that_are_named_are_asked(project: Project) -> None:
    answers = Answers(user=Step.USE_PRIMARY)
    assert settle(project, ["user"], inquire=answers) == project
    assert [config.service for config in answers.asked] == ["user"]


def test_it_is_asked_as_the_account_that_migrates(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_MIGRATION_USER", "owner")
    answers = Answers(user=Step.USE_PRIMARY)
    settle(project, ["user"], inquire=answers)
    assert answers.asked[0].user == "owner"


def test_what_is_settled_is_not_asked_again(project: Project) -> None:
    settled = settle(project, ["user"], inquire=Answers(user=Step.FALL_BACK))
    assert settle(settled, ["user"], inquire=Answers()) == settled


def test_who_may_not_fall_back_is_not_asked(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_FALLBACK", "off")
    monkeypatch.setenv("USER_DATABASE_TYPE", "sqlite")
    assert settle(project, inquire=Answers()).fallen == {}


def test_a_wrong_configuration_is_left_for_whoever_needs_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROJECT_DATABASE_PORT", "many")
    settled = settle(project, ["project", "user"], inquire=Answers(user=Step.FALL_BACK))
    assert list(settled.fallen) == ["user"]


def test_an_unknown_service_is_refused(project: Project) -> None:
    with pytest.raises(UnknownServiceError):
        settle(project, ["usr"], inquire=Answers())
