"""What there is in a folder where a project is to begin."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from dbkit.config.find import OWN_FILE, SHARED_FILE, find_root, read_toml, settings_file
from dbkit.errors import ConfigurationError
from dbkit.scaffold.names import identifier

__all__ = ["Layout", "Surroundings", "look", "packages_in"]

_HIDDEN: Final = frozenset({"node_modules", "__pycache__", "site-packages", "build", "dist"})
_OTHER_BUILDS: Final = ("setup.py", "setup.cfg", "requirements.txt", "Pipfile", "package.json", "go.mod")
_PYTEST_FILES: Final = ("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml")
_PYTEST_SECTIONS: Final = {"tox.ini": b"[pytest]", "setup.cfg": b"[tool:pytest]"}
_PIP_WITH_GROUPS: Final = (25, 1)
_DEPTH: Final = 3
"""How deep an Alembic folder is looked for."""


class Layout(StrEnum):
    """Where the packages of a project are."""

    FLAT = "flat"
    """In its folder."""
    SRC = "src"
    """In `src`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """A folder, as it was found."""

    folder: Path
    document: Mapping[str, Any] | None = None
    """What its `pyproject.toml` holds; None where it has none."""
    other_build: bool = False
    """It is built, or fed, by something else than a `pyproject.toml`."""
    adds: str = "pip install"
    """The command that adds something to what it needs."""
    old_pip: bool = False
    """The pip at hand does not know `--group`, which every pip since 25.1 does."""
    members: tuple[str, ...] = ()
    """Where it is a monorepo: the folders of its packages."""
    packages: tuple[str, ...] = ()
    """Packages in `src`."""
    layout: Layout = Layout.FLAT
    alembic: tuple[str, ...] = ()
    """Alembic folders."""
    project: Path | None = None
    """The file by which it is a project of dbkit already."""
    above: Path | None = None
    """A project of dbkit that it lies in."""
    repository: Path | None = None
    """The folder of the Git repository that it lies in, or is."""
    pytest: bool = False
    """pytest is set up: here, or above for tests that are here already."""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The project's name: what its `pyproject.toml` says, else the folder's; empty where neither makes one."""
        document = self.document or {}
        told = document.get("project", {}).get("name") or document.get("tool", {}).get("poetry", {}).get("name")
        return str(told) if told else identifier(self.folder.name).replace("_", "-")

    @property
    def package(self) -> str | None:
        """The package in `src` that services belong into; None where that is not plain."""
        own = identifier(self.name)
        if own in self.packages or not self.packages:
            return own
        return self.packages[0] if len(self.packages) == 1 else None


def look(folder: Path, environ: Mapping[str, str] | None = None) -> Surroundings:
    """Look at a folder, which need not be there.

    Raises:
        ConfigurationError: it is no folder, or a `pyproject.toml` cannot be read; the message names line and column.
    """
    folder = folder.absolute()
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"{str(folder)!r} is no folder", hint="name a folder, or one that is to be made")
    shared = folder / SHARED_FILE
    document = _document(shared) if shared.is_file() else None
    packages = packages_in(folder / "src")
    return Surroundings(
        folder=folder,
        document=document,
        other_build=any((folder / name).exists() for name in _OTHER_BUILDS),
        adds=_adding(folder, document or {}),
        old_pip=_has_old_pip(),
        members=_members(folder, document or {}),
        packages=packages,
        layout=Layout.SRC if (folder / "src").is_dir() else Layout.FLAT,
        alembic=tuple(sorted(_alembic_folders(folder))),
        project=settings_file(folder),
        above=find_root(folder.parent, environ={}),
        repository=next((one for one in (folder, *folder.parents) if (one / ".git").exists()), None),
        pytest=_has_pytest(folder),
        environ=dict(os.environ if environ is None else environ),
    )


def _document(file: Path) -> Mapping[str, Any]:
    """Read a pyproject.toml, whose tables that are looked into are tables."""
    document = read_toml(file)
    for keys in (("project",), ("tool",), ("tool", "poetry")):
        found: Any = document
        for key in keys:
            found = found.get(key, {})
        if not isinstance(found, dict):
            name = ".".join(keys)
            raise ConfigurationError(
                f"{str(file)!r}: {name} is {type(found).__name__}, not a table", hint=f"write it as [{name}]"
            )
    return document


def packages_in(folder: Path) -> tuple[str, ...]:
    """List the packages of a folder by name; none where there is no such folder."""
    if not folder.is_dir():
        return ()
    found = [path for path in folder.iterdir() if path.is_dir() and path.name.isidentifier()]
    return tuple(sorted(path.name for path in found if any(path.glob("*.py"))))


def _adding(folder: Path, document: Mapping[str, Any]) -> str:
    """Choose the command by the tool that keeps the folder's dependencies."""
    tools = document.get("tool", {})
    for tool in ("uv", "poetry", "pdm"):
        if (folder / f"{tool}.lock").exists() or tool in tools:
            return f"{tool} add"
    return "pip install"


def _has_old_pip() -> bool:
    """Tell whether pip is here, and too old; where it is not, something else installs."""
    try:
        found = re.match(r"(\d+)\.(\d+)", version("pip"))
    except PackageNotFoundError:
        return False
    return found is not None and tuple(map(int, found.groups())) < _PIP_WITH_GROUPS


def _members(folder: Path, document: Mapping[str, Any]) -> tuple[str, ...]:
    """Find the packages of a monorepo, one or two folders deep; a folder that is a package itself is none, unless it says so."""
    tools = [table for table in document.get("tool", {}).values() if isinstance(table, dict)]
    if ("project" in document or "poetry" in document.get("tool", {})) and not any("workspace" in one for one in tools):
        return ()
    files = [*folder.glob(f"*/*/{SHARED_FILE}"), *folder.glob(f"*/{SHARED_FILE}")]
    found = {file.parent.relative_to(folder) for file in files}
    return tuple(sorted(path.as_posix() for path in found if _visible(path)))


def _visible(path: Path) -> bool:
    return not any(part.startswith(".") or part in _HIDDEN or part in {"tests", "test"} for part in path.parts)


def _alembic_folders(folder: Path) -> Iterator[str]:
    """Find folders with an env.py beside a folder of versions, or a template of revisions."""
    if not folder.is_dir():
        return
    for at, names, files in os.walk(folder):
        here = Path(at).relative_to(folder)
        names[:] = [name for name in names if _visible(Path(name))] if len(here.parts) < _DEPTH else []
        if "env.py" in files and ("versions" in names or "script.py.mako" in files):
            names.clear()
            yield here.as_posix()


def _has_pytest(folder: Path) -> bool:
    """Tell whether pytest is set up: settings of our own would take the place of those above, which tests that are here may need."""
    has_tests = any((folder / name).is_dir() for name in ("tests", "test"))
    for here in (folder, *(folder.parents if has_tests else ())):
        if any((here / name).is_file() for name in _PYTEST_FILES):
            return True
        if any(text in _content(here / name) for name, text in _PYTEST_SECTIONS.items()):
            return True
        if b"[tool.pytest" in _content(here / SHARED_FILE):
            return True
        if (here / ".git").exists() or settings_file(here) is not None or (here / OWN_FILE).exists():
            return False
    return False


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() else b""
    except OSError:
        return b""
