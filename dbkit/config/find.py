"""Where the project is: the nearest folder that says so."""

from __future__ import annotations

import contextlib
import difflib
import os
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from dbkit.errors import ConfigurationError

OWN_FILE = "dbkit.toml"
SHARED_FILE = "pyproject.toml"
_ALIKE = 0.8
"""As much alike as `dbkti` and `dbkit`; `dbt`, another tool, is less so."""


def find_root(start: Path | None = None, environ: Mapping[str, str] | None = None) -> Path | None:
    """Find the project's folder: `DBKIT_PROJECT`, else the nearest parent of `start` (default: the current folder).

    Returns:
        The folder, absolute; None where no parent holds a `dbkit.toml` or a `[tool.dbkit]`.

    Raises:
        ConfigurationError: `DBKIT_PROJECT` names a folder that is no project, or a `pyproject.toml` cannot be read.
    """
    variables = os.environ if environ is None else environ
    named = variables.get("DBKIT_PROJECT", "").strip()
    if named:
        root = expanded(named).absolute()
        if settings_file(root) is None:
            raise ConfigurationError(
                f"DBKIT_PROJECT is {named!r}, which is no dbkit project",
                hint=f"name a folder with a {OWN_FILE}, or a {SHARED_FILE} with [tool.dbkit]",
            )
        return root
    here = (start or Path.cwd()).absolute()
    return next((folder for folder in (here, *here.parents) if settings_file(folder) is not None), None)


def expanded(text: str) -> Path:
    """Make a path of text, `~` standing for the home folder; of nobody's home it stays as it is."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - pathlib raises for a user who is not there


def settings_file(folder: Path) -> Path | None:
    """Name the file of a folder that makes it a project, or None."""
    own = folder / OWN_FILE
    if own.is_file():
        return own
    shared = folder / SHARED_FILE
    if not shared.is_file() or b"dbkit" not in shared.read_bytes():
        return None  # somebody else's, which need not be readable for us
    return shared if "dbkit" in _tools(shared) else None


def misspelt(start: Path | None = None) -> str | None:
    """Word what looks like a misspelt [tool.dbkit] in the folder `start` (default: the current one) or above it; None for nothing."""
    here = (start or Path.cwd()).absolute()
    for file in (folder / SHARED_FILE for folder in (here, *here.parents)):
        with contextlib.suppress(ConfigurationError):  # somebody else's, which need not be readable for us
            tables = {f"[tool.{name}]": name for name in _tools(file)} if file.is_file() else {}
            for shown, name in tables.items():
                if difflib.get_close_matches(name.lower(), ["dbkit"], cutoff=_ALIKE):
                    return f"{str(file)!r} has {shown}: did you mean [tool.dbkit]?"
    return None


def _tools(file: Path) -> dict[str, Any]:
    """Read the tables of tools; none where `tool` is something else."""
    found = read_toml(file).get("tool", {})
    return found if isinstance(found, dict) else {}


@lru_cache(maxsize=8)
def _parsed(text: str) -> dict[str, Any]:
    """Parse TOML, the same text once: a service that asks for its engine anew each time would parse it each time."""
    return tomllib.loads(text)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; what is given back is shared, and not to be changed.

    Raises:
        ConfigurationError: it cannot be read or is not TOML; the message says where, and quotes nothing of it.
    """
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        return _parsed(text)
    except OSError as error:
        raise ConfigurationError(
            f"{str(path)!r} cannot be read: {error.strerror or error}", hint="check who may read it"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{str(path)!r} is not TOML: {_placed(str(error), text)}",
            hint="mend the file; https://toml.io shows the format",
        ) from None


def _placed(message: str, text: str) -> str:
    """Name line and column where the parser says that it came to the end."""
    lines = text.rstrip("\n").split("\n")
    return message.replace(
        "(at end of document)", f"(at line {len(lines)}, column {len(lines[-1]) + 1}, the end of the file)"
    )
