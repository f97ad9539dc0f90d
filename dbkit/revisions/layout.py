"""Where a service's revisions are, and which table holds the revision that its database is at."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbkit.errors import HistoryError
from dbkit.revisions.env_file import ENV, EnvFile, read_env
from dbkit.revisions.ini import INI, PYPROJECT, Ini, located, read_ini, read_pyproject

__all__ = ["Layout", "Places", "assumed_layout", "find_layout"]

VERSIONS = "versions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What the project's file says of where a service's revisions are."""

    service: str
    root: Path
    """The project's folder."""
    migrations: str
    """A path, or `package:folder`; `{dialect}` in it stands for the dialect's name."""
    own: bool = False
    """`migrations` was said of this service, and not of all."""
    version_table: str | None = None
    """None where the file does not say."""
    default_version_table: str
    """That of a folder of dbkit's own making."""
    alembic: Mapping[str, Any] = field(default_factory=dict)
    """The service's table `alembic`."""
    python_path: tuple[str, ...] = (".",)

    @property
    def search(self) -> list[str]:
        """The folders that packages are looked for in."""
        return [*(os.path.normpath(self.root / place) for place in self.python_path), *sys.path]

    @property
    def by_dialect(self) -> bool:
        """Whether the folders depend on the database that the service is on."""
        return "{dialect}" in "".join((self.migrations, *self.alembic.get("version_locations", ())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where a service's revisions are: its Alembic folder, and what that folder says of itself."""

    service: str
    folder: Path
    """Alembic's script location: env.py and script.py.mako are in it."""
    versions: tuple[Path, ...]
    """The folders of revision files; a new revision goes into the first."""
    version_table: str
    version_schema: str | None = None
    """The schema of that table; None for the connection's own."""
    ini: Ini | None = None
    """Its `alembic.ini`."""
    pyproject: Ini | None = None
    """The `[tool.alembic]` that is about it."""
    recursive: bool = False
    """Revision files are also in the folders below."""
    sourceless: bool = False
    """Compiled files count too."""
    sys_path: tuple[str, ...] = ()
    """Folders that its ini puts in front of the import path."""
    env: EnvFile | None = None
    """What its env.py says; None where it has none."""

    @property
    def adopted(self) -> bool:
        """Whether it was made for the stock tool: it has an env.py that is not dbkit's."""
        return self.env is not None and not self.env.ours

    @property
    def folders(self) -> tuple[Path, ...]:
        """All folders that hold code of its revisions."""
        return (self.folder, *self.versions)

    def files(self) -> Iterator[Path]:
        """List what may be revision files, in the order of their names."""
        for place in self.versions:
            pattern = ("**/" if self.recursive else "") + ("*.py*" if self.sourceless else "*.py")
            yield from sorted(file for file in place.glob(pattern) if _may_be_revision(file))


def assumed_layout(places: Places) -> Layout:
    """Give what the project's file alone says, where the folder cannot be looked at."""
    folder = places.root / places.migrations
    table = places.version_table or places.default_version_table
    return Layout(service=places.service, folder=folder, versions=(folder / VERSIONS,), version_table=table)


def _may_be_revision(file: Path) -> bool:
    return not file.name.startswith((".#", "__init__")) and "__pycache__" not in file.parts


def find_layout(places: Places, dialect: str, *, schemas: bool = True) -> Layout:
    """Find out where a service's revisions are.

    Args:
        places: what the project's file says.
        dialect: the name of the dialect that takes the place of `{dialect}`.
        schemas: whether the database can have any beside the one that the tables are in.

    Raises:
        HistoryError: what is named is not there, is no Alembic folder, or its ini cannot be read.
    """
    folder, ini = _folder(places, dialect)
    if not folder.is_dir():
        raise HistoryError(
            f"service {places.service!r}: the migration folder {str(folder)!r} "
            + ("is a file" if folder.exists() else "does not exist"),
            hint=f"name it as 'migrations' in [tool.dbkit.services.{places.service}]",
        )
    ini = ini or _ini_of(folder, places)
    pyproject = _pyproject_of(folder, places)
    env = read_env(folder)
    own = env is not None and not env.ours
    said = places.alembic.get("version_table_schema")
    named = _said_versions(places, dialect) or _named_versions(places, ini, pyproject)
    layout = Layout(
        service=places.service,
        folder=folder,
        versions=named or (folder / VERSIONS,),
        version_table=places.version_table or (env.version_table if env and own else places.default_version_table),
        version_schema=(said or (env.version_schema if env and own else None)) if schemas else None,
        ini=ini,
        pyproject=pyproject,
        recursive=any(one.switch("recursive_version_locations") for one in (ini, pyproject) if one),
        sourceless=any(one.switch("sourceless") for one in (ini, pyproject) if one),
        sys_path=_sys_path(ini, pyproject),
        env=env,
    )
    if env is None and not any(place.is_dir() for place in layout.versions):
        raise _no_alembic_folder(layout, named)
    return layout


def _no_alembic_folder(layout: Layout, named: tuple[Path, ...]) -> HistoryError:
    """Word that there is nothing to read in a folder, nor in those that were named in place of its own."""
    table = f"[tool.dbkit.services.{layout.service}"
    if named:
        return HistoryError(
            f"service {layout.service!r}: version_locations names {', '.join(repr(str(one)) for one in named)}, "
            f"and no such folder is there; nor is {str(layout.folder / ENV)!r}",
            hint=f"mend version_locations in {table}.alembic] or in the ini",
        )
    return HistoryError(
        f"service {layout.service!r}: {str(layout.folder)!r} is no Alembic folder: it has neither {ENV} nor {VERSIONS}/",
        hint=f"name the folder that holds them as 'migrations' in {table}]",
    )


def _folder(places: Places, dialect: str) -> tuple[Path, Ini | None]:
    """Find the Alembic folder: as it is named, or by the ini that is named in its place."""
    said, section = places.alembic.get("ini"), str(places.alembic.get("section", "alembic"))
    if said is not None:
        ini = _need_ini(located(str(said), places.root, search=places.search), section)
        named = ini.script_location(search=places.search)
        if not places.own:
            return _need_location(ini, named), ini
        return located(places.migrations.replace("{dialect}", dialect), places.root, search=places.search), ini
    found = located(places.migrations.replace("{dialect}", dialect), places.root, search=places.search)
    file = found if found.suffix == ".ini" else found / INI
    if found.suffix == ".ini" or (file.is_file() and not _holds_revisions(found)):
        ini = _need_ini(file, section)
        return _need_location(ini, ini.script_location(search=places.search)), ini
    return found, None


def _holds_revisions(folder: Path) -> bool:
    return (folder / VERSIONS).is_dir() or (folder / ENV).is_file()


def _need_ini(file: Path, section: str) -> Ini:
    found = read_ini(file, section)
    if found is None:
        raise HistoryError(
            f"{str(file)!r} has no section [{section}]", hint="name it as 'section' in the service's alembic table"
        )
    return found


def _need_location(ini: Ini, found: Path | None) -> Path:
    if found is None:
        raise HistoryError(f"{str(ini.file)!r} has no script_location", hint="name the folder as 'migrations'")
    return found


def _ini_of(folder: Path, places: Places) -> Ini | None:
    """Find the alembic.ini that is about a folder: in it, or in a folder above it."""
    section = str(places.alembic.get("section", "alembic"))
    for place in _above(folder, places.root):
        if (place / INI).is_file():
            found = read_ini(place / INI, section)
            if found is not None and _is_about(found, folder, places):
                return found
    return None


def _pyproject_of(folder: Path, places: Places) -> Ini | None:
    for place in _above(folder, places.root):
        found = read_pyproject(place / PYPROJECT)
        if found is not None and _is_about(found, folder, places):
            return found
    return None


def _is_about(ini: Ini, folder: Path, places: Places) -> bool:
    try:
        named = ini.script_location(search=places.search)
    except HistoryError:
        return False  # it names a package that is not there, and so not this folder
    return named is not None and named.resolve() == folder.resolve()


def _above(folder: Path, root: Path) -> Iterator[Path]:
    """List the folder, and those above it as far as the project goes; outside of the project, the one above it."""
    yield folder
    for place in folder.parents if folder.is_relative_to(root) else [folder.parent]:
        if place.is_relative_to(root) or place == folder.parent:
            yield place


def _said_versions(places: Places, dialect: str) -> tuple[Path, ...]:
    """Give the folders of revision files that the project's file names."""
    said = places.alembic.get("version_locations", ())
    return tuple(located(one.replace("{dialect}", dialect), places.root, search=places.search) for one in said)


def _named_versions(places: Places, *inis: Ini | None) -> tuple[Path, ...]:
    """Give those that the first ini names which names any."""
    for ini in inis:
        if ini is not None and (named := ini.paths("version_locations")):
            return tuple(ini.path(one, search=places.search) for one in named)
    return ()


def _sys_path(*inis: Ini | None) -> tuple[str, ...]:
    for ini in inis:
        if ini is not None and (found := ini.paths("prepend_sys_path")):
            return tuple(os.path.normpath(ini.file.absolute().parent / one) for one in found)
    return ()
