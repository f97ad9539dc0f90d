"""Adopts an Alembic folder in a repository, and looks at what was written."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli import alembic_folders
from tests.cli.runs import Inside

__all__ = ["METADATA", "add", "contents", "inside", "migrated", "table"]

METADATA = "acme.models:Base.metadata"


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Inside]:
    """Give commands in a repository with a package."""
    with alembic_folders.repository(tmp_path / "repository", monkeypatch) as folder:
        environ = {"DATABASE_TYPE": "sqlite", "DATABASE_SQLITE_PATH": "shop.db"}
        yield Inside(patch=monkeypatch, capture=capfd, folder=folder, environ=environ)


def add(inside: Inside, *arguments: str, **environ: str) -> dict[str, Any]:
    """Adopt, prove that nothing but the project's file has changed, and give the document."""
    before = contents(inside.folder)
    done = inside.run("service", "add", "shop", *arguments, "--format", "json", **environ)
    assert done.code == 0, done.err
    document = done.document
    written = {file["path"] for file in document["files"]}
    assert {name for name, held in contents(inside.folder).items() if before.get(name) != held} == written
    return document


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if ".db" not in path.name}


def table(inside: Inside) -> dict[str, Any]:
    """Read the service's table."""
    own = inside.folder / "dbkit.toml"
    text = (own if own.exists() else inside.folder / "pyproject.toml").read_text()
    document = tomllib.loads(text)
    return dict((document if own.exists() else document["tool"]["dbkit"])["services"]["shop"])


def migrated(inside: Inside) -> str:
    done = inside.run("migrate", "shop", "--format", "json")
    assert done.code == 0, done.err
    return str(done.document["services"][0]["revision"])
