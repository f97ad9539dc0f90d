"""Where an Alembic folder is that somebody names, and the project that it is to be adopted by."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from dbkit.config import Settings, find_root, load_settings
from dbkit.config.find import OWN_FILE, SHARED_FILE
from dbkit.errors import DbkitError, HistoryError, UsageError
from dbkit.project import Project
from dbkit.revisions.env_file import ENV
from dbkit.revisions.ini import INI, PYPROJECT, read_pyproject
from dbkit.revisions.layout import VERSIONS, Layout
from dbkit.scaffold.new_service import prefix_in, registered
from dbkit.scaffold.render import registration, toml_value
from dbkit.scaffold.surroundings import look, packages_in
from dbkit.scaffold.tables import added
from dbkit.scaffold.writing import Draft

__all__ = ["Home", "find_home", "located_layout", "named_section", "written_path"]

_RESOURCE: Final = re.compile(r"[A-Za-z_][\w.]+:[^\\/].*")


@dataclass(frozen=True, kw_only=True)
class Home:
    """The project that a folder is adopted by."""

    project: Project
    begun: bool = False
    """It becomes one by this."""

    @property
    def root(self) -> Path:
        """Its folder."""
        return self.project.root

    def with_service(self, name: str, table: Mapping[str, Any]) -> Project:
        """Give the project as it will be."""
        settings = self.project.settings
        return replace(self.project, settings=replace(settings, services={**settings.services, name: table}))

    def draft(self, name: str, table: Mapping[str, Any]) -> Draft:
        """Draft the project's file with the service's table in it, every other byte as it was.

        Raises:
            UsageError: it is of a form that cannot be added to.
            ConfigurationError: it cannot be read.
        """
        if not self.begun:
            return registered(self.project, name, table)
        text = self.lines(name, table)
        if not self._shared.is_file():
            return Draft(path=PurePosixPath(OWN_FILE), text=text)
        there = self._shared.read_bytes().decode()
        return Draft(path=PurePosixPath(SHARED_FILE), text=added(there, text, file=SHARED_FILE), extends=True)

    def lines(self, name: str, table: Mapping[str, Any]) -> str:
        """Word what is written."""
        file, path = self.project.settings.file, self.project.settings.python_path
        if not self.begun:
            return registration(name, table, prefix=prefix_in(file) if file else "")
        shared = self._shared.is_file()
        head = "[tool.dbkit]\n" if shared else ""
        first = "" if path == (".",) else f"{head}python_path = {toml_value(path)}\n\n"
        return first + registration(name, table, prefix="tool.dbkit." if shared else "")

    @property
    def _shared(self) -> Path:
        return self.root / SHARED_FILE


def find_home(start: Path) -> Home:
    """Find the project of a folder; where there is none, the folder that becomes one: the nearest with a `pyproject.toml` in its repository.

    Raises:
        ConfigurationError: a file of it cannot be read, or is not TOML.
    """
    root = find_root(start)
    if root is not None:
        return Home(project=Project(root=root, settings=load_settings(root)))
    start = start.absolute()
    root = next((folder for folder in _inside_repository(start) if (folder / SHARED_FILE).is_file()), start)
    look(root)  # a pyproject.toml that does not parse is told here
    settings: Settings = load_settings(root)
    if packages_in(root / "src"):
        settings = replace(settings, python_path=(".", "src"))
    return Home(project=Project(root=root, settings=settings), begun=True)


def _inside_repository(start: Path) -> Iterator[Path]:
    """List a folder and those above it, as far as its repository goes; outside of one, itself alone."""
    folders = (start, *start.parents)
    end = next((count for count, folder in enumerate(folders, start=1) if (folder / ".git").exists()), 1)
    yield from folders[:end]


def written_path(text: str, start: Path, home: Home) -> str:
    """Word what somebody named as it is written into the project's file.

    Args:
        text: a folder, an ini, or `package:folder`.
        start: what a path is relative to.
        home: the project.

    Raises:
        UsageError: there is no such thing.
    """
    path = Path(os.path.normpath(start / Path(text).expanduser()))
    if not path.exists():
        if _RESOURCE.fullmatch(text):
            return text
        raise UsageError(f"{text!r} does not exist", hint=_known_folders(start))
    if path.is_file() and path.suffix != ".ini":
        if path.name != ENV:
            raise UsageError(f"{text!r} is neither a folder nor an {INI}", hint=_known_folders(start))
        path = path.parent
    if path.name == VERSIONS and (path.parent / ENV).is_file():
        path = path.parent
    return _relative(_by_pyproject(path, home), home.root)


def _by_pyproject(path: Path, home: Home) -> Path:
    """Take the folder that `[tool.alembic]` of a `pyproject.toml` names for the one that it stands in."""
    if path.is_dir() and not any((path / name).exists() for name in (ENV, VERSIONS, INI)):
        found = read_pyproject(path / PYPROJECT)
        places = [str(Path(home.root, one)) for one in home.project.settings.python_path]
        return (found and found.script_location(search=places)) or path
    return path


def _relative(path: Path, root: Path) -> str:
    root = Path(os.path.normpath(root))
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _known_folders(start: Path) -> str:
    found = look(start).alembic
    return f"Alembic folders here: {', '.join(found)}" if found else "name the folder that holds env.py and versions/"


def named_section(ini: Path) -> str | None:
    """Choose the section of an ini that has no `[alembic]`; None where it has, or does not parse.

    Raises:
        UsageError: several sections name a folder, or none does.
    """
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(ini.read_text(encoding="utf-8"))
    except (OSError, configparser.Error, UnicodeDecodeError):
        return None  # whoever reads it for its values says why
    if parser.has_section("alembic"):
        return None
    found = [name for name in parser.sections() if parser.has_option(name, "script_location")]
    if len(found) == 1:
        return found[0]
    said = f"has several folders: {', '.join(found)}" if found else "has no section that names a script_location"
    hint = "--section names the one" if found else "name the folder that holds env.py and versions/"
    raise UsageError(f"{str(ini)!r} {said}", hint=hint)


def located_layout(home: Home, name: str, table: Mapping[str, Any], *, backend: str | None) -> Layout:
    """Find out where the revisions are.

    Raises:
        UsageError: what is named is no Alembic folder.
        HistoryError: its ini cannot be read.
    """
    project = home.with_service(name, table)
    try:
        layout = project.layout(name, backend=backend)
    except HistoryError as error:
        said = error.message.removeprefix(f"service {name!r}: ")
        ini = "ini" in (error.hint or "") or INI in said
        raise UsageError(said, hint=error.hint if ini else _known_folders(home.root)) from error
    if layout.env is not None and not any(place.is_dir() for place in layout.versions) and not _is_alembics(layout):
        raise UsageError(
            f"{str(layout.folder)!r} is no Alembic folder: its env.py knows nothing of Alembic",
            hint=_known_folders(home.root),
        )
    return layout


def _is_alembics(layout: Layout) -> bool:
    try:
        return b"alembic" in (layout.folder / ENV).read_bytes()
    except OSError as error:
        raise DbkitError(
            f"{str(layout.folder / ENV)!r} cannot be read: {error.strerror}", hint="check who may read it"
        ) from None
