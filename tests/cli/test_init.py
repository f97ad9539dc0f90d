"""`dbkit init` in an empty folder: a project that migrates, is tested and goes on with the stock tool; questions on a terminal."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dbkit.cli import _diagnostics
from dbkit.scaffold.render import workflow
from tests.cli.runs import Inside, Shell
from tests.servers import BACKENDS, Server

ROOT = Path(__file__).parent.parent.parent
GIVEN = ("--service", "user", "--backend", "tidb")
FILES = [
    ".env.example",
    ".github/workflows/dbkit.yml",
    ".gitignore",
    "alembic_envs/user/alembic.ini",
    "alembic_envs/user/env.py",
    "alembic_envs/user/script.py.mako",
    "alembic_envs/user/versions/0001_create_user_items.py",
    "pyproject.toml",
    "services/__init__.py",
    "services/base.py",
    "services/user/__init__.py",
    "services/user/models.py",
    "services/user/seed.py",
    "services/user/store.py",
    "tests/test_user.py",
]


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    return folder


@pytest.fixture
def shell(empty: Path) -> Shell:
    return Shell(folder=empty)


@pytest.fixture
def inside(empty: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Inside:
    return Inside(patch=monkeypatch, capture=capfd, folder=empty)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def python(shell: Shell, *arguments: str, folder: str = ".") -> str:
    """Run a module of Python's in the project; give what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=shell.folder / folder,
        env=shell.variables({name: text for name, text in os.environ.items() if name.startswith("DBKIT_TEST_")})
        | {"PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pytest_in(shell: Shell, *arguments: str) -> str:
    """Run the project's own tests, with dbkit's plugin alone; give what pytest printed."""
    return python(shell, "pytest", "-q", "-p", "no:cacheprovider", "-p", "dbkit.testing.plugin", *arguments)


def whole_way(inside: Inside, shell: Shell) -> None:
    """Go from an empty folder to two services that are migrated and compared, by dbkit and by the stock tool."""
    assert inside.run("init", *GIVEN).code == 0
    assert inside.run("service", "add", "billing").code == 0
    done = shell.run("migrate")
    assert (done.code, done.err) == (0, "")
    assert [line.split()[-3:] for line in done.out.splitlines()[2:4]] == [["created", "and", "applied"]] * 2
    assert shell.run("check").out == (
        "billing: the database matches the models\nuser: the database matches the models\n"
    )
    python(shell, "alembic", "upgrade", "head", folder="alembic_envs/user")


@pytest.mark.sqlite
def test_the_whole_way_from_an_empty_folder_on_sqlite(inside: Inside, shell: Shell) -> None:
    whole_way(inside, shell)
    assert shell.run("seed").code == 0
    # two tests of each service, and three checks of its revisions and models
    assert "10 passed" in pytest_in(shell, "--dbkit")


def test_the_whole_way_from_an_empty_folder_on_a_server(inside: Inside, shell: Shell, server: Server) -> None:
    with server.names("user", "billing") as template:
        there = replace(shell, environ=server.environ(template))
        whole_way(inside, there)
        assert "4 passed" in pytest_in(there, "--dbkit-backends", server.backend)


def test_the_stock_tool_makes_what_was_written_and_finds_no_difference(inside: Inside, shell: Shell) -> None:
    assert inside.run("init", *GIVEN).code == 0
    python(shell, "alembic", "upgrade", "head", folder="alembic_envs/user")
    assert "No new upgrade operations detected." in python(shell, "alembic", "check", folder="alembic_envs/user")


def test_what_it_writes_is_listed_and_nothing_else_is_written(inside: Inside) -> None:
    done = inside.run("init", *GIVEN)
    assert (done.code, done.err) == (0, "")
    table, _, steps = done.out.partition("next:\n")
    assert sorted(line.split()[0] for line in table.splitlines()[1:]) == FILES == files(inside.folder)
    assert [line.strip() for line in steps.splitlines()] == [
        "pip install --group dev --editable .",
        "dbkit migrate",
        "python -m pytest --dbkit",
    ]


@pytest.mark.parametrize(
    ("pip", "first"), [("24.2", "upgrade pip"), ("25.0.1", "upgrade pip"), ("25.1b1", "group dev")]
)
def test_a_pip_that_knows_no_groups_is_upgraded_first(
    inside: Inside, monkeypatch: pytest.MonkeyPatch, pip: str, first: str
) -> None:
    monkeypatch.setattr("dbkit.scaffold.surroundings.version", {"pip": pip}.__getitem__)
    steps = inside.run("init", *GIVEN, "--format", "json").document["next"]
    assert steps[0].startswith(f"pip install --{first}")
    assert "pip install --group dev --editable ." in steps


def test_a_question_that_is_not_answered_leaves_nothing_and_says_so(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_question: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(_diagnostics, "is_terminal", lambda: True)
    monkeypatch.setattr(_diagnostics, "ask", interrupted)
    done = inside.run("init")
    assert (done.code, done.err, files(inside.folder)) == (130, "\nnothing was written\n", [])


@pytest.mark.parametrize("typed", ["\x04", "\nuser\n\x04"])
def test_ctrl_d_at_a_question_leaves_nothing_too(shell: Shell, typed: str) -> None:
    done = shell.on_terminal("init", typed=typed)
    assert (done.code, files(shell.folder)) == (130, [])
    assert done.out.endswith("]: \nnothing was written\n")


def test_the_example_of_settings_speaks_of_this_project(inside: Inside) -> None:
    assert inside.run("init", "--service", "orders", "--backend", "tidb").code == 0
    text = (inside.folder / ".env.example").read_text()
    assert "has its name in front: ORDERS_DATABASE_HOST." in text
    assert "stands for the service's.\n# Default: shop_{service}_db.\n" in text


def test_a_dry_run_lists_the_same_and_writes_nothing(inside: Inside) -> None:
    done = inside.run("init", *GIVEN, "--dry-run")
    assert done.code == 0
    assert sorted(line.split()[0] for line in done.out.splitlines()[1:]) == FILES
    assert all(line.endswith("  would be created") for line in done.out.splitlines()[1:])
    assert files(inside.folder) == []


def test_json_names_files_and_next_steps(inside: Inside) -> None:
    document = inside.run("init", *GIVEN, "--format", "json").document
    assert sorted(entry["path"] for entry in document.pop("files")) == FILES
    assert document == {
        "schema_version": 1,
        "command": "init",
        "dry_run": False,
        "folder": str(inside.folder),
        "service": "user",
        "notes": [],
        "next": ["pip install --group dev --editable .", "dbkit migrate", "python -m pytest --dbkit"],
    }


def test_the_projects_file_says_all_that_pip_pytest_and_dbkit_need(inside: Inside) -> None:
    inside.run("init", *GIVEN)
    document = tomllib.loads((inside.folder / "pyproject.toml").read_text())
    assert document["project"]["name"] == "shop"
    assert document["project"]["dependencies"][0].startswith("dbkit[tidb]>=")
    assert document["tool"]["dbkit"] == {
        "migrations": "alembic_envs/{service}",
        "database": "shop_{service}_db",
        "services": {"user": {"service": "services.user:service"}},
    }
    assert document["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["services"]
    assert document["tool"]["pytest"]["ini_options"] == {"testpaths": ["tests"], "pythonpath": ["."]}


def test_the_first_revision_is_what_the_models_make(shell: Shell) -> None:
    assert shell.run("init", *GIVEN).code == 0
    written = next((shell.folder / "alembic_envs/user/versions").glob("0001_*.py"))
    before = written.read_text()
    written.unlink()
    assert shell.run("create").code == 0
    done = shell.run("revision", "user", "-m", "create user items", "--autogenerate")
    assert done.out == f"{written}\n"
    assert statements(written.read_text()) == statements(before)


def statements(text: str) -> list[str]:
    """Give the code of a revision without comments, docstrings and blanks."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.Module):
            node.body = node.body[1:] if ast.get_docstring(node) else node.body
    return [ast.unparse(node) for node in tree.body]


def test_a_terminal_is_asked_for_what_was_not_given(shell: Shell) -> None:
    done = shell.on_terminal("init", typed="corner-shop\nclass\norders\nmariadb\nsrc\n")
    assert done.code == 0, done.out
    assert "the project's name [shop]: " in done.out
    assert "the first service's name [app]: " in done.out
    assert "(mariadb, mssql, mysql, postgresql, sqlite, tidb) [postgresql]: " in done.out
    assert "where packages are (flat, src) [flat]: " in done.out
    assert "'class' cannot be a service's name: it is a word of Python's own" in done.out
    assert done.out.count("]: ") == 5
    document = tomllib.loads((shell.folder / "pyproject.toml").read_text())
    assert document["project"]["name"] == "corner-shop"
    assert document["project"]["dependencies"][0].startswith("dbkit[mariadb]")
    assert document["tool"]["dbkit"]["python_path"] == ["src"]
    assert (shell.folder / "src/corner_shop/services/orders/models.py").is_file()


def test_what_was_given_is_not_asked_for_and_nothing_typed_is_the_default(shell: Shell) -> None:
    done = shell.on_terminal("init", *GIVEN, "--name", "kiosk", typed="\n")
    assert done.code == 0, done.out
    assert done.out.count("]: ") == 1
    assert files(shell.folder) == FILES


def test_yes_takes_the_defaults_even_on_a_terminal(shell: Shell) -> None:
    done = shell.on_terminal("init", "--yes")
    assert (done.code, done.out.count("]: ")) == (0, 0)
    assert (shell.folder / "services/app/models.py").is_file()


@pytest.mark.parametrize(
    ("given", "missing"),
    [((), "--service and --backend"), (("--service", "user"), "--backend"), (("--backend", "tidb"), "--service")],
)
def test_without_a_terminal_what_cannot_be_guessed_is_named(
    inside: Inside, given: tuple[str, ...], missing: str
) -> None:
    done = inside.run("init", *given)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"dbkit: error: nobody is there to be asked for {missing}\nhint: add ")
    assert files(inside.folder) == []


def test_a_folder_that_is_named_is_made(inside: Inside) -> None:
    done = inside.run("init", *GIVEN, "--folder", "kiosk")
    assert done.code == 0
    assert "next:\n  cd kiosk\n" in done.out
    assert files(inside.folder / "kiosk") == FILES


def test_the_src_layout_builds_imports_and_migrates(shell: Shell) -> None:
    assert shell.run("init", *GIVEN, "--layout", "src").code == 0
    document = tomllib.loads((shell.folder / "pyproject.toml").read_text())
    assert document["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["src/shop"]
    assert shell.run("service", "add", "billing").code == 0
    assert (shell.folder / "src/shop/services/billing/store.py").is_file()
    assert shell.run("migrate").code == 0
    assert shell.run("check").code == 0
    assert "4 passed" in pytest_in(shell)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_workflow_starts_the_database_of_production(inside: Inside, backend: str) -> None:
    assert inside.run("init", "--service", "user", "--backend", backend).code == 0
    text = (inside.folder / ".github/workflows/dbkit.yml").read_text()
    assert f"DATABASE_TYPE: {backend}\n" in text
    assert "@@" not in text
    assert [line for line in text.splitlines() if line != line.rstrip()] == []


def test_every_workflow_is_what_github_takes(tmp_path: Path) -> None:
    for backend in BACKENDS:
        (tmp_path / f"{backend}.yml").write_text(workflow(backend, install="x", folder="packages/shop"))
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", "--no-cache"]
    done = subprocess.run([*command, *map(str, tmp_path.iterdir())], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_code_that_is_written_passes_a_strict_type_check(inside: Inside) -> None:
    assert inside.run("init", *GIVEN).code == 0
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(ROOT / ".mypy_cache"), "services", "tests"],
        cwd=inside.folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture(autouse=True)
def _nothing_of_the_projects_stays_imported() -> Iterator[None]:
    """Forget the packages that a project of these tests brought."""
    before, path = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in {"services", "shop"}:
            del sys.modules[name]
