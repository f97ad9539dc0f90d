"""What would be published: both files hold what they should, say what they are, and come of each other."""

from __future__ import annotations

import email
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.installing import need, uv
from tests.packaging.building import ROOT, Built, declared


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    return email.message_from_string(_read(wheel, "METADATA"))


def _read(wheel: Path, name: str) -> str:
    archive = zipfile.ZipFile(wheel)
    return archive.read(next(each for each in archive.namelist() if each.endswith(f".dist-info/{name}"))).decode()


def test_the_wheel_says_what_it_is(metadata: Message) -> None:
    assert (metadata["Name"], metadata["Version"]) == ("dbkit", declared()["version"])
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Summary"] == declared()["description"]
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_payload() == (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_python_that_is_promised_is_classified(metadata: Message) -> None:
    found = metadata.get_all("Classifier", [])
    pythons = [each.rpartition(" ")[2] for each in found if each.startswith("Programming Language :: Python :: 3.")]
    assert pythons == ["3.11", "3.12", "3.13"]
    assert all(SpecifierSet(metadata["Requires-Python"]).contains(each) for each in pythons)
    assert "Typing :: Typed" in found


def needed(metadata: Message, extra: str = "") -> set[str]:
    """Name what an extra brings, or what is always needed."""
    found = [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]
    return {each.name for each in found if (each.marker.evaluate({"extra": extra}) if each.marker else not extra)}


def test_every_extra_is_offered_and_those_of_the_backends_are_in_all(metadata: Message) -> None:
    extras = set(metadata.get_all("Provides-Extra", []))
    assert extras == set(declared()["optional-dependencies"])
    in_all = extras - {"all", "testing", "conformance"}
    assert needed(metadata, "all") == {name for extra in in_all for name in needed(metadata, extra)}
    assert needed(metadata, "tidb") == {"pymysql", "cryptography"}


def test_what_dbkit_always_needs_is_no_driver(metadata: Message) -> None:
    assert needed(metadata) == {"alembic", "rich", "sqlalchemy", "typer"}


def test_the_wheel_holds_no_tests_and_nothing_that_was_compiled(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if name.endswith((".pyc", ".env", ".db")) or "/tests/" in name]
    assert {"dbkit/py.typed", "dbkit/config/isrgrootx1.pem", "dbkit/__main__.py"} <= set(names)


def test_the_wheel_holds_the_templates_of_projects(wheel: Path) -> None:
    templates = "dbkit/scaffold/templates"
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / templates).rglob("*") if path.is_file()}
    assert there
    assert there == {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith(f"{templates}/")}


def test_the_archive_builds_the_same_wheel(built: Built, tmp_path: Path) -> None:
    need(uv("build", "--quiet", "--wheel", "--out-dir", tmp_path, built.archive))
    assert (tmp_path / built.wheel.name).read_bytes() == built.wheel.read_bytes()


def test_the_archive_brings_its_tests_and_no_secret(built: Built) -> None:
    with tarfile.open(built.archive) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "Makefile", "tests/conftest.py", "docs/changelog.md"} <= names
    assert not [name for name in names if name.startswith((".venv", "tests/.tls", ".dbkit")) or name.endswith("/.env")]
    assert not names & {".env", "dbkit.toml"}


def test_an_index_takes_both(built: Built) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", str(built.wheel), str(built.archive)],
        capture_output=True,
        text=True,
        check=False,
    )
    need(done)
