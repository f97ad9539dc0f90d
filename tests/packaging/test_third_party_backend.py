"""A backend in a package of somebody else's: installed, proved, used; and those that cannot be used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.packaging.building import ROOT, once
from tests.projects import Home

ACME = Path(__file__).parent / "acme"
OPTIONS = """[pytest]
addopts = --strict-markers --strict-config --import-mode=importlib -p no:cacheprovider
xfail_strict = true
filterwarnings = error
"""
# What hypothesis makes up is tried on SQLite, whose code this is; pytest-asyncio warns where it is not configured.
CHOSEN = ["-k", "not test_any_", "-p", "no:asyncio", "-p", "no:randomly"]
PACKAGE = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
LACKING = """
from dbkit.backends.protocol import Driver, Traits
from dbkit.backends.traits import SYNC

class Backend:
    name, api_version = "bad", {version}
    traits = Traits(
        title="Bad", drivers=(Driver(name="bad", kinds=SYNC, extra=None),), scheme="bad", dialect="bad", schemes=(), port=1
    )
    connector = codecs = errors = ddl = grants = examiner = None

BACKEND = Backend()
"""


def install(folder: Path) -> None:
    """Build the package and install it, and nothing that it needs: that is here."""
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--target", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(ACME)], check=True)


@dataclass(frozen=True, kw_only=True)
class Outside:
    """A folder with a project, where packages of another folder are installed beside dbkit."""

    root: Path
    packages: Path

    def run(self, *argv: str, **variables: str) -> subprocess.CompletedProcess[str]:
        kept = {key: value for key, value in os.environ.items() if "DATABASE_" not in key}
        paths = {"PYTHONPATH": f"{self.packages}{os.pathsep}{ROOT}", "NO_COLOR": "1", "COLUMNS": "200"}
        command = [sys.executable, "-m", *argv]
        environ = {**kept, **paths, **variables}
        return subprocess.run(command, env=environ, cwd=self.root, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def installed(shared: Path) -> Path:
    return once(shared / "acme", install)


@pytest.fixture
def outside(installed: Path, tmp_path: Path) -> Outside:
    home = Home(tmp_path).write("user")
    home.revision(
        "user",
        "0001",
        'op.create_table("a", sa.Column("id", dbt.v1.Uuid(), primary_key=True), sa.Column("at", dbt.v1.UtcDateTime()))',
    )
    home.models(
        "user",
        'sa.Table("a", metadata, sa.Column("id", dbt.Uuid(), primary_key=True), sa.Column("at", dbt.UtcDateTime()))',
    )
    return Outside(root=tmp_path, packages=installed)


def test_it_proves_itself_with_the_shipped_suite(outside: Outside) -> None:
    (outside.root / "pytest.ini").write_text(OPTIONS)
    (outside.root / "test_acme.py").write_text((ACME / "tests/test_acme.py").read_text())
    done = outside.run("pytest", "-q", "--tb=short", *CHOSEN)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    passed = done.stdout.splitlines()[-1].split(" passed")[0]
    assert int(passed) >= 230


def test_a_configuration_that_names_it_is_explained(outside: Outside) -> None:
    done = outside.run("dbkit", "config", "explain", "user", "--format", "json", DATABASE_TYPE="acme")
    assert (done.returncode, done.stderr) == (0, "")
    (found,) = json.loads(done.stdout)["services"]
    values = {one["key"]: one["value"] for one in found["values"]}
    assert (values["DATABASE_TYPE"], values["DATABASE_DRIVER"]) == ("acme", "acmelite")


@pytest.mark.parametrize(
    "variables", [{"DATABASE_TYPE": "acme"}, {"DATABASE_URL": "acme:///here.db"}], ids=["type", "url"]
)
def test_a_project_migrates_on_it(outside: Outside, variables: dict[str, str]) -> None:
    done = outside.run("dbkit", "migrate", "--format", "json", **variables)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)["services"]
    assert (found["backend"], found["revision"], found["error"]) == ("acme", "0001", None)
    made = outside.root / ("here.db" if "DATABASE_URL" in variables else ".dbkit/user.db")
    assert made.read_bytes()[68:72] == b"ACME"
    done = outside.run("dbkit", "check" if "DATABASE_URL" in variables else "doctor", **variables)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_file_of_another_product_is_refused(outside: Outside) -> None:
    path = str(outside.root / "user.db")
    assert outside.run("dbkit", "migrate", DATABASE_TYPE="sqlite", DATABASE_SQLITE_PATH=path).returncode == 0
    done = outside.run("dbkit", "migrate", DATABASE_TYPE="acme", DATABASE_SQLITE_PATH=path)
    assert done.returncode == 3
    assert "the file bears the stamp 0x0, not Acme's" in done.stderr


def test_the_sql_of_its_kinds_is_written_offline(outside: Outside) -> None:
    done = outside.run("dbkit", "migrate", "--sql", "--backend", "acme")
    assert done.returncode == 0, done.stderr
    assert "id BLOB NOT NULL" in done.stdout
    assert "at INTEGER" in done.stdout


BAD = [
    pytest.param("", "bad_package:BACKEND", "bad", "AttributeError: module 'bad_package' has no", id="no such object"),
    pytest.param(
        "import nowhere", "bad_package:BACKEND", "bad", "ModuleNotFoundError: No module named", id="no import"
    ),
    pytest.param(LACKING.format(version=2), "bad_package:BACKEND", "bad", "speaks api_version 2, dbkit ", id="newer"),
    pytest.param(LACKING.format(version=1), "bad_package:BACKEND", "bad", "lacks locker", id="lacks a part"),
    pytest.param("", "bad_package:BACKEND", "sqlite", "two packages claim the backend 'sqlite'", id="taken name"),
]


@pytest.mark.parametrize(("code", "value", "name", "said"), BAD)
def test_a_backend_that_cannot_be_used_is_told_in_one_line(
    tmp_path: Path, code: str, value: str, name: str, said: str
) -> None:
    packages, root = tmp_path / "packages", tmp_path / "project"
    information = packages / "bad_package-1.0.dist-info"
    information.mkdir(parents=True)
    root.mkdir()
    (information / "METADATA").write_text(PACKAGE.format(name="bad-package"))
    (information / "entry_points.txt").write_text(f"[dbkit.backends]\n{name} = {value}\n")
    (packages / "bad_package.py").write_text(code)
    Home(root).write("user")
    done = Outside(root=root, packages=packages).run("dbkit", "status", DATABASE_TYPE=name)
    error, hint = done.stderr.splitlines()
    assert done.returncode == 2
    assert error.startswith("dbkit: error: ")
    assert said in error
    assert "bad-package" in error + hint
    assert hint.startswith("hint: ")
    others = Outside(root=root, packages=packages).run(
        "dbkit", "status", DATABASE_URL="tidb://u@no-such-host.invalid/x"
    )
    assert others.returncode == 3
