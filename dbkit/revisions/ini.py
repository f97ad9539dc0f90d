"""What an `alembic.ini`, or `[tool.alembic]` of a `pyproject.toml`, says of where revisions are; read as Alembic reads it, without it."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, Final

from dbkit.config.find import read_toml
from dbkit.errors import ConfigurationError, HistoryError

__all__ = ["INI", "Ini", "located", "read_ini", "read_pyproject"]

INI: Final = "alembic.ini"
PYPROJECT: Final = "pyproject.toml"
SEPARATORS: Final = {"space": " ", "newline": "\n", "os": os.pathsep, ":": ":", ";": ";"}
# where no separator is named: https://alembic.sqlalchemy.org/en/latest/tutorial.html#editing-the-ini-file
OLD_SEPARATORS: Final = {"version_locations": r", *|(?: +)", "prepend_sys_path": r", *|(?: +)|\:"}
_RESOURCE = re.compile(r"(?P<package>[A-Za-z_][\w.]+):(?P<folder>[^\\].*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ini:
    """The options of one file that say where things are."""

    file: Path
    section: str = "alembic"
    options: Mapping[str, Any] = field(default_factory=dict)
    """Texts; of a `pyproject.toml` also lists and truth values."""

    def path(self, text: str, *, search: list[str]) -> Path:
        """Make a path of what stands in the file: relative to it, or `package:folder`."""
        return located(text, self.file.parent, search=search)

    def script_location(self, *, search: list[str]) -> Path | None:
        """Give the folder that it is about; None where it names none."""
        found = self.options.get("script_location")
        return self.path(str(found), search=search) if found else None

    def paths(self, option: str) -> tuple[str, ...]:
        """Give an option that lists paths, in the file's own way of separating them."""
        found = self.options.get(option)
        if not found:
            return ()
        if isinstance(found, list):
            return tuple(map(str, found))
        named = self.options.get("path_separator")
        if named is None and option == "version_locations":
            named = self.options.get("version_path_separator")
        if named is None:
            return tuple(filter(None, re.split(OLD_SEPARATORS[option], found.strip())))
        if named not in SEPARATORS:
            raise HistoryError(
                f"{self.file}: {named!r} separates no paths", hint=f"Alembic knows: {', '.join(sorted(SEPARATORS))}"
            )
        return tuple(part.strip() for part in found.split(SEPARATORS[named]) if part.strip())

    def switch(self, option: str) -> bool:
        """Give an option that is true or false."""
        return self.options.get(option) in (True, "true")


WANTED: Final = (
    *("script_location", "version_locations", "path_separator", "version_path_separator", "prepend_sys_path"),
    *("recursive_version_locations", "sourceless"),
)


def read_ini(file: Path, section: str = "alembic") -> Ini | None:
    """Read a section of an ini file; None where it has none of this name.

    Raises:
        HistoryError: it cannot be read, or does not parse; the message says where.
    """
    parser = configparser.ConfigParser({"here": file.absolute().parent.as_posix()})
    try:
        parser.read_string(file.read_text(encoding="utf-8"), source=str(file))
        if not parser.has_section(section):
            return None
        found = {name: parser.get(section, name) for name in WANTED if parser.has_option(section, name)}
    except OSError as error:
        raise HistoryError(f"{str(file)!r} cannot be read: {error.strerror}", hint="check who may read it") from None
    except (configparser.Error, UnicodeDecodeError) as error:
        # of an interpolation error the rest is the value, which may hold a password
        text = type(error).__name__ if isinstance(error, configparser.InterpolationError) else _one_line(error)
        raise HistoryError(
            f"{str(file)!r} is no ini file that Alembic can read: {text}", hint="mend the file; a % is written %%"
        ) from None
    return Ini(file=file, section=section, options=found)


def read_pyproject(file: Path) -> Ini | None:
    """Read `[tool.alembic]` of a `pyproject.toml`; None where it has none. A file that does not parse is somebody else's."""
    try:
        if b"tool.alembic" not in file.read_bytes():
            return None
        table = read_toml(file).get("tool", {}).get("alembic")
    except (OSError, ConfigurationError):
        return None
    if not isinstance(table, dict):
        return None
    here = file.absolute().parent.as_posix()
    return Ini(file=file, options={name: _filled(table[name], here) for name in WANTED if name in table})


def located(text: str, base: Path, *, search: list[str]) -> Path:
    """Make an absolute path of text: a path from a folder on, or `package:folder`, of which nothing is imported.

    Args:
        text: what was written.
        base: what a relative path is relative to.
        search: where packages are looked for.

    Raises:
        HistoryError: there is no such package.
    """
    resource = _RESOURCE.fullmatch(text)
    if resource is None:
        return Path(os.path.normpath(base / Path(text).expanduser()))
    top, *rest = resource["package"].split(".")
    found = PathFinder.find_spec(top, search)
    for place in (found and found.submodule_search_locations) or ():
        if (folder := Path(place).joinpath(*rest)).is_dir():
            return folder.joinpath(*resource["folder"].split(":"))
    raise HistoryError(
        f"{text!r} names the package {resource['package']!r}, which is not there",
        hint="install it, or name its folder in python_path of [tool.dbkit]",
    )


def _filled(value: object, here: str) -> object:
    if isinstance(value, list):
        return [_filled(item, here) for item in value]
    return value.replace("%(here)s", here).replace("%%", "%") if isinstance(value, str) else value


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
