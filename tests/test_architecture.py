"""What the linters cannot see: sizes, where dialects are compared, copies that must be equal, pages that must be complete."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer

from dbkit.cli.main import build
from dbkit.config import SETTINGS
from dbkit.scaffold.render import migration_files, registration, rendered, service_init
from tests.docs.generate import commands_of

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "dbkit"
MODULES = sorted(PACKAGE.rglob("*.py"))
OURS = sorted([*MODULES, *(ROOT / "services").rglob("*.py")])
TESTS = sorted((ROOT / "tests").rglob("*.py"))
DIALECTS = frozenset({"sqlite", "postgresql", "mysql", "mariadb", "tidb", "mssql"})

MODULE_LINES = 400
BACKEND_LINES = 150
FUNCTION_LINES = 40


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function's body without its docstring; its parameters are not counted."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", [*OURS, *TESTS], ids=named)
def test_a_module_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MODULE_LINES


@pytest.mark.parametrize("path", sorted((PACKAGE / "backends").glob("*/*.py")), ids=named)
def test_a_file_of_a_backend_is_shorter(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= BACKEND_LINES


@pytest.mark.parametrize("path", OURS, ids=named)
def test_a_function_is_short(path: Path) -> None:
    assert {node.name: length(node) for node in functions(path) if length(node) > FUNCTION_LINES} == {}


def compared_names(path: Path) -> Iterator[tuple[int, str]]:
    """Find the dialects that a file compares something with: by ==, in, match, or a look-up in a table of names."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchValue):
            parts = [node.value]
        elif isinstance(node, ast.Dict):
            parts = [key for key in node.keys if key is not None]
        else:
            continue
        for part in parts:
            for constant in ast.walk(part):
                if isinstance(constant, ast.Constant) and constant.value in DIALECTS:
                    yield node.lineno, str(constant.value)


@pytest.mark.parametrize("path", [path for path in MODULES if "backends" not in path.parts], ids=named)
def test_dialects_are_compared_in_backends_alone(path: Path) -> None:
    assert list(compared_names(path)) == []


def is_module(name: str) -> bool:
    """Tell whether a name below the root is a module; the other names there are lazy."""
    return (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()


def root_imports(path: Path) -> Iterator[int]:
    """Find imports of names from the package root, or of the root itself."""
    for node in ast.walk(ast.parse(path.read_text())):
        from_root = isinstance(node, ast.ImportFrom) and node.module == "dbkit"
        if from_root and not all(is_module(name.name) for name in node.names):
            yield node.lineno
        if isinstance(node, ast.Import) and any(name.name == "dbkit" for name in node.names):
            yield node.lineno


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_nothing_inside_imports_from_the_package_root(path: Path) -> None:
    assert list(root_imports(path)) == []


def test_no_module_bears_the_name_of_a_root_function() -> None:
    functions_of_the_root = {"migrate", "health", "engine", "session", "once"}
    inside = {path.stem for path in PACKAGE.glob("*.py")} | {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    assert functions_of_the_root & inside == set()


def service_folders() -> list[Path]:
    return sorted(path for path in (ROOT / "alembic_envs").iterdir() if path.is_dir())


def test_every_service_has_its_folder_of_revisions() -> None:
    services = {path.name for path in (ROOT / "services").iterdir() if (path / "__init__.py").is_file()}
    assert {path.name for path in service_folders()} == services


@pytest.mark.parametrize("name", ["env.py", "script.py.mako", "alembic.ini"])
@pytest.mark.parametrize("folder", service_folders(), ids=lambda folder: folder.name)
def test_a_folder_of_revisions_holds_what_init_writes(folder: Path, name: str) -> None:
    written = migration_files(folder.name, created=datetime(2026, 1, 1, tzinfo=UTC))
    assert (folder / name).read_text() == written[name]


@pytest.mark.parametrize(
    ("service", "about", "seed_after"),
    [
        ("user", "who may use the platform, and what they did", ()),
        ("project", "what is being designed, by whom and how far it is", ("user",)),
        ("knowledge", "what designs are founded on, cut into pieces that can be found", ("user", "project")),
    ],
)
def test_a_service_is_declared_as_init_declares_it(service: str, about: str, seed_after: tuple[str, ...]) -> None:
    written = service_init(service, f"services.{service}", about=about, seed_after=seed_after)
    assert (ROOT / f"services/{service}/__init__.py").read_text() == written


def test_what_tables_have_in_common_is_what_init_writes() -> None:
    assert (ROOT / "services/base.py").read_text() == rendered("base.py")


def test_the_table_of_a_service_is_as_init_writes_it() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    written = [registration(path.name, {"service": f"services.{path.name}:service"}) for path in service_folders()]
    assert [table for table in written if f"\n\n{table}" not in text] == []


def test_what_init_ignores_is_ignored_here() -> None:
    assert set(rendered("gitignore").splitlines()) <= set((ROOT / ".gitignore").read_text().splitlines())


def commands() -> dict[str, str]:
    """List every command with the text of its help."""
    group = typer.main.get_command(build())
    context = typer.Context(group, info_name="dbkit")
    return {
        name: command.get_help(typer.Context(command, info_name=name, parent=context))
        for name, command in commands_of(group)
    }


@pytest.mark.parametrize("command", sorted(commands()))
def test_the_reference_covers_every_command(command: str) -> None:
    assert f"## dbkit {command}\n" in (ROOT / "docs/reference/cli.md").read_text()


@pytest.mark.parametrize("command", sorted(commands()))
def test_the_help_of_a_command_has_an_example(command: str) -> None:
    assert re.search(rf"Example: .*\bdbkit {command}", commands()[command])


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_option_shows_its_variable(command: str) -> None:
    text = commands()[command]
    options = re.findall(r"^  (?:-\w, )?--(?!help)[\w-]+", text, re.MULTILINE)
    assert len(re.findall(r"env\s+var:", text)) == len(options)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_the_reference_covers_every_key(setting: object) -> None:
    assert f"`{setting.key}`" in (ROOT / "docs/reference/configuration.md").read_text()  # type: ignore[attr-defined]


HEAVY = ("sqlalchemy", "alembic", "rich", "pymysql", "psycopg2", "pyodbc", "cryptography")


def imported_by(code: str) -> set[str]:
    """Run code in a fresh interpreter and list the heavy modules that it has imported."""
    report = f"; import sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.splitlines()[-1].split()) if done.stdout.strip() else set()


@pytest.mark.parametrize(
    "code",
    [
        "import dbkit",
        "import dbkit.cli.main",
        "from dbkit.cli.main import run; run(['--help'])",
        "from dbkit.cli.main import run; run(['migrate', '--help'])",
        "import dbkit.config",
        "from dbkit.config import DatabaseConfig; DatabaseConfig.from_env('user', environ={})",
        "from dbkit.project import Project; Project.find().config('user')",
        "import dbkit.testing.plugin",
    ],
)
def test_what_must_be_light_imports_nothing_heavy(code: str) -> None:
    assert imported_by(code) == set()


def test_help_reads_no_layer_that_a_command_works_with() -> None:
    code = "import sys, dbkit.cli.main; print(*sorted(name for name in sys.modules if name.startswith('dbkit.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert {name.split(".")[1] for name in done.stdout.split()} == {"cli", "errors"}
