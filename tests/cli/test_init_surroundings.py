"""`dbkit init` in a folder that is not empty fits in, and leaves every byte of what is there."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.cli.runs import Inside, Shell

GIVEN = ("--service", "user", "--backend", "tidb")
POETRY = """\
# ours, by hand
[tool.poetry]
name = "Corner.Shop"   # the dot is meant
version = "1.0"

[tool.poetry.dependencies]
python = "^3.11"

[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
"""


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Inside:
    folder = tmp_path / "shop"
    folder.mkdir()
    return Inside(patch=monkeypatch, capture=capfd, folder=folder)


def begun(inside: Inside, *more: str) -> dict[str, str]:
    """Begin a project; give what became of each file."""
    document = inside.run("init", *GIVEN, "--format", "json", *more).document
    return {entry["path"]: entry["action"] for entry in document["files"]}


def settings(folder: Path) -> dict[str, object]:
    return dict(tomllib.loads((folder / "pyproject.toml").read_text())["tool"]["dbkit"])


def works(folder: Path) -> None:
    shell = Shell(folder=folder)
    assert shell.run("migrate").code == 0
    assert shell.run("check").code == 0


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_a_pyproject_keeps_every_byte_and_gets_its_tables_at_the_end(inside: Inside, newline: str) -> None:
    file = inside.folder / "pyproject.toml"
    before = POETRY.replace("\n", newline).encode()
    file.write_bytes(before)
    assert begun(inside)["pyproject.toml"] == "changed"
    after = file.read_bytes()
    assert after.startswith(before)
    assert after.count(b"\n") == after.count(newline.encode())
    document = tomllib.loads(after.decode())
    assert document["tool"].pop("dbkit")["database"] == "corner_shop_{service}_db"
    assert document["tool"].pop("pytest")["ini_options"]["pythonpath"] == ["."]
    assert document == tomllib.loads(before.decode())


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (POETRY, "poetry add"),
        ('[project]\nname = "x"\n[tool.pdm]\n', "pdm add"),
        ('[project]\nname = "x"\n[tool.uv]\n', "uv add"),
        ('[project]\nname = "x"\n', "pip install"),
    ],
    ids=["poetry", "pdm", "uv", "pip"],
)
def test_what_is_needed_is_added_by_the_tool_that_is_at_work(inside: Inside, text: str, command: str) -> None:
    (inside.folder / "pyproject.toml").write_text(text)
    steps = inside.run("init", *GIVEN, "--format", "json").document["next"]
    assert steps[0].startswith(f"{command} 'dbkit[tidb]>=")


def test_services_go_into_the_package_in_src(inside: Inside) -> None:
    (inside.folder / "src/corner").mkdir(parents=True)
    (inside.folder / "src/corner/__init__.py").write_text("x = 1\n")
    files = begun(inside)
    assert "src/corner/services/user/models.py" in files
    assert "src/corner/__init__.py" not in files
    assert settings(inside.folder)["python_path"] == ["src"]
    assert settings(inside.folder)["services"] == {"user": {"service": "corner.services.user:service"}}
    works(inside.folder)


def test_of_several_packages_in_src_one_has_to_be_named(inside: Inside) -> None:
    for name in ("corner", "kiosk"):
        (inside.folder / "src" / name).mkdir(parents=True)
        (inside.folder / "src" / name / "__init__.py").touch()
    done = inside.run("init", *GIVEN)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("dbkit: error: src holds several packages: corner, kiosk\nhint: --package ")
    assert "src/kiosk/services/user/models.py" in begun(inside, "--package", "kiosk")


def test_in_a_monorepo_the_package_has_to_be_named(inside: Inside) -> None:
    (inside.folder / ".git").mkdir()
    for name in ("api", "web"):
        (inside.folder / "packages" / name).mkdir(parents=True)
        (inside.folder / "packages" / name / "pyproject.toml").write_text(f'[project]\nname = "{name}"\n')
    done = inside.run("init", *GIVEN)
    assert (done.code, done.out) == (2, "")
    assert "holds several packages: packages/api, packages/web\nhint: --folder " in done.err
    files = begun(inside, "--folder", "packages/web")
    assert files["pyproject.toml"] == "changed"
    assert files["../../.github/workflows/dbkit-web.yml"] == "created"
    workflow = (inside.folder / ".github/workflows/dbkit-web.yml").read_text()
    assert "\n    working-directory: packages/web\n" in workflow


def test_a_monorepo_on_a_terminal_is_asked_about(inside: Inside) -> None:
    for name in ("api", "web"):
        (inside.folder / "packages" / name).mkdir(parents=True)
        (inside.folder / "packages" / name / "pyproject.toml").write_text(f'[project]\nname = "{name}"\n')
    done = Shell(folder=inside.folder).on_terminal(
        "init", *GIVEN, "--layout", "flat", "--name", "web", typed="packages/wbe\npackages/web\n"
    )
    assert done.code == 0, done.out
    assert done.out.count("where the project belongs [.]: ") == 2
    assert (inside.folder / "packages/web/services/user/models.py").is_file()


def test_a_folder_that_something_else_builds_gets_a_file_of_dbkits_own(inside: Inside) -> None:
    (inside.folder / "requirements.txt").write_text("flask\n")
    files = begun(inside)
    assert "pyproject.toml" not in files
    assert (files["dbkit.toml"], files["pytest.ini"]) == ("created", "created")
    assert tomllib.loads((inside.folder / "dbkit.toml").read_text()) == {
        "migrations": "alembic_envs/{service}",
        "database": "shop_{service}_db",
        "services": {"user": {"service": "services.user:service"}},
    }
    assert "--requirement requirements.txt" in (inside.folder / ".github/workflows/dbkit.yml").read_text()
    assert inside.run("service", "add", "billing").code == 0
    works(inside.folder)


def test_toml_leaves_a_pyproject_alone(inside: Inside) -> None:
    (inside.folder / "pyproject.toml").write_text(POETRY)
    assert "pyproject.toml" not in begun(inside, "--toml")
    assert (inside.folder / "pyproject.toml").read_text() == POETRY


def test_lines_are_added_to_a_gitignore_once(inside: Inside) -> None:
    file = inside.folder / ".gitignore"
    file.write_bytes(b"# \xe9\r\n.env")
    assert begun(inside)[".gitignore"] == "changed"
    assert file.read_bytes() == b"# \xe9\r\n.env\r\n.dbkit/\r\n"


def test_an_alembic_folder_is_told_of(inside: Inside) -> None:
    (inside.folder / "migrations/versions").mkdir(parents=True)
    (inside.folder / "migrations/env.py").write_text("raise SystemExit\n")
    done = inside.run("init", *GIVEN)
    assert done.code == 0
    assert done.err == (
        "note: migrations/ holds revisions already: `dbkit service add NAME --adopt migrations` takes them as they are\n"
    )


def test_revisions_that_an_earlier_run_has_left_are_nothing_to_adopt(inside: Inside) -> None:
    begun(inside)
    (inside.folder / "pyproject.toml").unlink()
    done = inside.run("init", *GIVEN, "--keep")
    assert (done.code, done.err) == (0, "")


def test_a_project_inside_of_another_is_told_of_and_is_one_of_its_own(inside: Inside) -> None:
    begun(inside)
    done = inside.run("init", "--service", "order", "--backend", "tidb", "--folder", "tools/kiosk")
    assert done.code == 0
    assert done.err == f"note: {inside.folder} is a dbkit project too; commands in this folder are about the new one\n"
    assert Shell(folder=inside.folder / "tools/kiosk").run("migrate").out.startswith("migrating order ")


def test_pytest_that_is_set_up_stays_as_it_is(inside: Inside) -> None:
    (inside.folder / "pyproject.toml").write_text('[project]\nname = "x"\n[tool.pytest.ini_options]\naddopts = "-q"\n')
    done = inside.run("init", *GIVEN)
    assert done.code == 0
    assert 'pythonpath = ["."]' in done.err
    document = tomllib.loads((inside.folder / "pyproject.toml").read_text())
    assert document["tool"]["pytest"] == {"ini_options": {"addopts": "-q"}}


def test_gitlabs_repositories_get_no_workflow_of_githubs(inside: Inside) -> None:
    (inside.folder / ".gitlab-ci.yml").touch()
    done = inside.run("init", *GIVEN)
    assert (done.code, "GitLab is at work here" in done.err) == (0, True)
    assert not (inside.folder / ".github").exists()


def test_files_that_are_there_as_they_would_be_are_not_in_the_way(inside: Inside) -> None:
    begun(inside)
    (inside.folder / "pyproject.toml").unlink()
    next((inside.folder / "alembic_envs/user/versions").iterdir()).unlink()
    again = begun(inside)
    assert {path for path, action in again.items() if action != "unchanged"} == {
        "pyproject.toml",
        "alembic_envs/user/versions/0001_create_user_items.py",
    }
