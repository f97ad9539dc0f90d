"""What `dbkit init` and `dbkit service add` refuse: all of it before the first file is written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runs import Inside, Shell

GIVEN = ("--service", "user", "--backend", "tidb")


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Inside:
    folder = tmp_path / "shop"
    folder.mkdir()
    return Inside(patch=monkeypatch, capture=capfd, folder=folder)


@pytest.fixture
def project(inside: Inside) -> Inside:
    assert inside.run("init", *GIVEN).code == 0
    return inside


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(inside: Inside, *arguments: str, **environ: str) -> str:
    """Run a command that is refused with 2 and writes nothing; give what it says."""
    before = files(inside.folder)
    done = inside.run(*arguments, **environ)
    assert (done.code, done.out) == (2, "")
    assert files(inside.folder) == before
    return done.err


def test_a_file_in_the_way_is_named_and_nothing_is_written(inside: Inside) -> None:
    for name in ("services/user/models.py", "tests/test_user.py"):
        file = inside.folder / name
        file.parent.mkdir(parents=True)
        file.write_text("ours\n")
    assert refused(inside, "init", *GIVEN) == (
        f"dbkit: error: in the way in {str(inside.folder)!r}: services/user/models.py, tests/test_user.py; nothing was written\n"
        "hint: --force overwrites them, --keep leaves them as they are and writes the rest\n"
    )
    refused(inside, "init", *GIVEN, "--dry-run")


@pytest.mark.parametrize(("flag", "action", "ours"), [("--force", "overwritten", False), ("--keep", "kept", True)])
def test_a_file_in_the_way_is_overwritten_by_force_and_kept_on_demand(
    inside: Inside, flag: str, action: str, ours: bool
) -> None:
    file = inside.folder / ".env.example"
    file.write_text("ours\n")
    file.chmod(0o640)
    document = inside.run("init", *GIVEN, flag, "--format", "json").document
    assert [entry["action"] for entry in document["files"] if entry["path"] == ".env.example"] == [action]
    assert (file.read_text() == "ours\n", file.stat().st_mode & 0o777) == (ours, 0o640)


def test_force_and_keep_contradict_each_other(inside: Inside) -> None:
    assert "--force and --keep contradict each other" in refused(inside, "init", *GIVEN, "--force", "--keep")


def test_a_project_is_not_begun_twice_even_by_force(project: Inside) -> None:
    said = refused(project, "init", "--service", "other", "--backend", "tidb", "--force")
    assert (
        f"{str(project.folder)!r} is a dbkit project already, by its pyproject.toml\nhint: `dbkit service add" in said
    )


def test_a_project_is_not_begun_twice_with_nobody_to_ask_either(project: Inside) -> None:
    assert "is a dbkit project already, by its pyproject.toml" in refused(project, "init")


def test_a_project_is_not_asked_about_before_it_is_refused(project: Inside) -> None:
    done = Shell(folder=project.folder).on_terminal("init")
    assert (done.code, done.out.count("]: ")) == (2, 0)
    assert "is a dbkit project already, by its pyproject.toml" in done.out


@pytest.mark.parametrize(
    ("name", "near"), [("Class", "class_service"), ("JSON", "json_service"), ("Order-1", "order_1")]
)
def test_a_name_that_is_proposed_can_be_taken(inside: Inside, name: str, near: str) -> None:
    said = refused(inside, "init", "--service", name, "--backend", "tidb")
    assert f"hint: call it {near!r}\n" in said
    assert inside.run("init", "--service", near, "--backend", "tidb").code == 0


@pytest.mark.parametrize("name", ["my-service", "class", "json", "services", "", "../up", "User"])
def test_a_service_is_not_called_what_no_module_can_be(inside: Inside, name: str) -> None:
    said = refused(inside, "init", "--service", name, "--backend", "tidb")
    assert f"{name!r} cannot be a service's name" in said


@pytest.mark.parametrize("name", ["my-service", "class", "json", "services"])
def test_a_service_that_is_added_is_not_called_so_either(project: Inside, name: str) -> None:
    assert f"{name!r} cannot be a service's name" in refused(project, "service", "add", name)


def test_a_service_that_is_there_is_not_added_again(project: Inside) -> None:
    assert refused(project, "service", "add", "user") == (
        f"dbkit: error: service 'user' is there already, in {project.folder / 'pyproject.toml'}\n"
        "hint: `dbkit status user` says how it is\n"
    )


def test_a_service_whose_variables_would_be_anothers_is_refused(project: Inside) -> None:
    file = project.folder / "pyproject.toml"
    file.write_text(file.read_text() + '\n[tool.dbkit.services.order-items]\nservice = "a:b"\n')
    assert "service 'order-items' is there already" in refused(project, "service", "add", "order_items")


def test_files_of_a_new_service_are_not_written_over_others(project: Inside) -> None:
    (project.folder / "services/billing").mkdir()
    (project.folder / "services/billing/store.py").write_text("ours\n")
    assert "in the way" in refused(project, "service", "add", "billing")


def test_a_service_is_added_to_a_project_only(inside: Inside) -> None:
    assert "no dbkit project in" in refused(inside, "service", "add", "billing")


@pytest.mark.parametrize("command", [("init", *GIVEN), ("service", "add", "billing")])
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[tool.dbkit]\nmigrations == 'm'\n", "(at line 2, column 13)"),
        ("[tool.dbkit]\nmigrations = 'm", "(at line 2, column 16, the end of the file)"),
    ],
)
def test_toml_that_does_not_parse_is_told_with_line_and_column(
    inside: Inside, command: tuple[str, ...], text: str, place: str
) -> None:
    (inside.folder / "pyproject.toml").write_text(text)
    said = refused(inside, *command)
    assert f"{str(inside.folder / 'pyproject.toml')!r} is not TOML: " in said
    assert place in said


def test_a_pyproject_of_a_form_that_cannot_be_added_to_is_refused(inside: Inside) -> None:
    (inside.folder / "pyproject.toml").write_text("tool = {}\n")
    assert "pyproject.toml has a form that [tool.dbkit] cannot be added to" in refused(inside, "init", *GIVEN)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tool = 3", "tool is int, not a table\nhint: write it as [tool]\n"),
        ("project = 'x'", "project is str, not a table\nhint: write it as [project]\n"),
        ("tool.poetry = 1", "tool.poetry is int, not a table\nhint: write it as [tool.poetry]\n"),
    ],
)
def test_a_pyproject_whose_tables_are_none_is_refused(inside: Inside, text: str, said: str) -> None:
    (inside.folder / "pyproject.toml").write_text(f"{text} # dbkit\n")
    assert said in refused(inside, "init", *GIVEN)


def test_an_unknown_backend_is_refused_with_the_one_that_was_meant(inside: Inside) -> None:
    said = refused(inside, "init", "--service", "user", "--backend", "postgres")
    assert "unknown backend 'postgres'\nhint: did you mean 'postgresql'?" in said


def test_an_unknown_layout_is_refused(inside: Inside) -> None:
    assert "--layout takes flat or src, not 'round'" in refused(inside, "init", *GIVEN, "--layout", "round")


@pytest.mark.parametrize("name", ["my shop", "dbkit", "x" * 60])
def test_a_project_is_not_called_what_pip_or_a_database_does_not_take(inside: Inside, name: str) -> None:
    assert repr(name)[1:9] in refused(inside, "init", *GIVEN, "--name", name)


def test_a_file_in_a_folders_place_is_named(inside: Inside) -> None:
    (inside.folder / "alembic_envs").write_text("")
    said = refused(inside, "init", *GIVEN)
    assert f"{str(inside.folder / 'alembic_envs')!r} is no folder; nothing was written" in said
    assert "is no folder" in refused(inside, "init", *GIVEN, "--folder", "alembic_envs")


def test_a_folder_in_a_files_place_is_in_the_way_even_of_force(inside: Inside) -> None:
    (inside.folder / ".env.example").mkdir()
    assert "in the way" in refused(inside, "init", *GIVEN, "--force")


def test_a_folder_without_write_rights_is_told_before_anything_is_written(inside: Inside) -> None:
    def access(path: Any, mode: int) -> bool:
        return not (mode == os.W_OK and Path(path) == inside.folder)

    inside.patch.setattr(os, "access", access)
    said = refused(inside, "init", *GIVEN)
    assert f"this account may not write to {str(inside.folder)!r}; nothing was written\nhint: check who may" in said


def test_a_failure_half_way_says_what_was_written_and_leaves_no_project(inside: Inside) -> None:
    replace = Path.replace

    def fails(path: Path, target: Path) -> Path:
        if target.name == "env.py":
            raise OSError(28, "No space left on device")
        return replace(path, target)

    with inside.patch.context() as patch:
        patch.setattr(Path, "replace", fails)
        done = inside.run("init", *GIVEN)
    assert (done.code, done.out) == (1, "")
    assert "env.py' cannot be written: No space left on device; written before it: services/__init__.py, " in done.err
    assert not [name for name in files(inside.folder) if name.endswith(".tmp") or "pyproject" in name]
    assert inside.run("init", *GIVEN).code == 0
