"""What a test is given by its marks `dbkit`, and by what the run was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dbkit.errors import UsageError
from dbkit.testing.asked import BACKENDS, Asked, Target, find_project, read_asked, targets_of
from tests.projects import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Give a project of two services."""
    return Home(tmp_path).write("shop", "user")


def asked(home: Home, *services: str) -> Asked:
    """Ask for these services, by default for both, on two backends."""
    return Asked(project=home.project(), backends=("sqlite", "tidb"), services=services or ("shop", "user"))


def run(home: Home, *, ini: Mapping[str, object] | None = None, **options: str) -> Any:
    """Stand in for the configuration of a run of pytest in the project's folder."""
    values = {"dbkit_root": "", "dbkit_backends": [], **(ini or {})}
    return SimpleNamespace(
        getini=values.__getitem__,
        getoption=lambda name: options.get(name.lstrip("-")),
        rootpath=home.root,
        inipath=None,
    )


def test_a_test_runs_for_each_service_on_each_backend_that_its_nearest_mark_names(home: Home) -> None:
    marks: list[dict[str, object]] = [
        {"service": ["user"]},
        {"service": "shop", "backends": ("tidb",), "scope": "worker"},
    ]
    assert targets_of(asked(home), marks) == [Target(service="user", backend="tidb", shared=True)]
    assert [str(target) for target in targets_of(asked(home), [])] == [
        "shop-sqlite",
        "shop-tidb",
        "user-sqlite",
        "user-tidb",
    ]


def test_the_projects_folder_is_named_as_seen_from_the_ini(
    home: Home, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = run(home, ini={"dbkit_root": "../.."})
    config.inipath = home.root / "tests" / "settings" / "pytest.ini"
    config.inipath.parent.mkdir(parents=True)
    config.rootpath = tmp_path_factory.mktemp("elsewhere")
    assert find_project(config).root.resolve() == home.root.resolve()


def test_what_the_run_leaves_out_is_skipped_and_says_by_which_option(home: Home) -> None:
    (service,) = targets_of(asked(home, "shop"), [{"service": "user"}])
    (backend,) = targets_of(asked(home), [{"backends": "mariadb"}])
    assert service.skip == "--dbkit-services leaves user out"
    assert backend.skip == "runs on mariadb: --dbkit-backends=mariadb"


@pytest.mark.parametrize(
    ("mark", "message", "hint"),
    [
        ({"scope": "session"}, "the mark dbkit: scope is 'session'", "write 'function' or 'worker'"),
        ({"service": 5}, "the mark dbkit: service is 5", "write a name, or a list of names"),
        ({"backends": ["tidb", 5]}, "the mark dbkit: backends is ['tidb', 5]", "write a name, or a list of names"),
        ({"speed": "fast"}, "the mark dbkit has no argument 'speed'", "it has service, backends, scope"),
    ],
)
def test_a_mark_that_says_what_it_cannot_is_refused(
    home: Home, mark: dict[str, object], message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        targets_of(asked(home), [mark])
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_backends_are_those_of_the_option_then_of_the_variable_then_of_the_ini(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DBKIT_TEST_BACKENDS", raising=False)
    ini = {"dbkit_backends": ["mariadb", "mariadb"]}
    assert read_asked(run(home)).backends == ("sqlite",)
    assert read_asked(run(home, ini=ini)).backends == ("mariadb",)
    monkeypatch.setenv("DBKIT_TEST_BACKENDS", "tidb, postgresql,tidb,")
    assert read_asked(run(home, ini=ini)).backends == ("tidb", "postgresql")
    assert read_asked(run(home, ini=ini, **{BACKENDS.lstrip("-"): " sqlite , tidb"})).backends == ("sqlite", "tidb")
