"""What projects, packages and services may be called: names that work as modules, in variables and as databases everywhere."""

from __future__ import annotations

import keyword
import re
import sys
import unicodedata
from typing import Final

from dbkit.errors import UsageError

__all__ = ["database_template", "identifier", "prove_package", "prove_project", "prove_service"]

LONGEST_SERVICE: Final = 40
"""With it the names that are made of it, such as the example's index and the version table, fit every database."""
LONGEST_DATABASE: Final = 63
_SERVICE: Final = re.compile(r"[a-z][a-z0-9_]*")
_PROJECT: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_TAKEN: Final = frozenset({"alembic", "alembic_envs", "conftest", "dbkit", "services", "sqlalchemy", "tests"})
"""Modules that the written files import, or that stand beside them."""


def prove_service(name: str, *, module: bool = True) -> str:
    """Give a service's name back.

    Args:
        name: the name.
        module: a module is going to bear it too.

    Raises:
        UsageError: it cannot be the name of a module, of variables and of databases at once.
    """
    if not _SERVICE.fullmatch(name):
        near = identifier(name)
        near += "_service" if module and _reason(near) else ""
        hint = f"call it {near!r}" if _SERVICE.fullmatch(near) else "such as 'user' or 'order_history'"
        raise UsageError(
            f"{name!r} cannot be a service's name: small letters, digits and '_' make one, a letter first", hint=hint
        )
    if len(name) > LONGEST_SERVICE:
        raise UsageError(
            f"{name!r} is too long for a service's name: it has {len(name)} characters",
            hint=f"take at most {LONGEST_SERVICE}",
        )
    return _unused(name, what="a service's name") if module else name


def prove_package(name: str) -> str:
    """Give the name of a package back, dots in it where it is one inside of others; empty is none at all.

    Raises:
        UsageError: it cannot be imported, or hides a module of Python's or of dbkit's.
    """
    if not name:
        return name
    for word in name.split("."):
        if not (word.isascii() and word.isidentifier()) or keyword.iskeyword(word):
            raise UsageError(f"{name!r} cannot be a package's name: {word!r} cannot be imported", hint="such as 'shop'")
    _unused(name.partition(".")[0], what="a package's name")
    return name


def prove_project(name: str) -> str:
    """Give a project's name back.

    Raises:
        UsageError: pyproject.toml does not take it, or it is that of dbkit itself.
    """
    if not _PROJECT.fullmatch(name):
        near = identifier(name)
        raise UsageError(
            f"{name!r} cannot be a project's name: letters, digits, '.', '-' and '_' make one",
            hint=f"call it {near!r}" if near else "such as 'shop'",
        )
    if identifier(name) == "dbkit":
        raise UsageError(f"{name!r} cannot be a project's name: it is that of this tool", hint="such as 'shop'")
    return name


def database_template(project: str, service: str) -> str:
    """Make the template of databases' names of a project's name.

    Raises:
        UsageError: the name of the first service's database would be longer than databases take.
    """
    found = f"{identifier(project)}_{{service}}_db"
    name = found.format(service=service)
    if len(name) > LONGEST_DATABASE:
        raise UsageError(
            f"{name!r} is too long for a database's name: it has {len(name)} characters",
            hint=f"take shorter names of project and service: {LONGEST_DATABASE} characters are the most",
        )
    return found


def identifier(text: str) -> str:
    """Make an identifier in small letters of a text; empty where nothing of it can be kept."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    found = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return f"n{found}" if found[:1].isdigit() else found


def _unused(name: str, *, what: str) -> str:
    reason = _reason(name)
    if reason is not None:
        raise UsageError(f"{name!r} cannot be {what}: {reason}", hint=f"such as {name + '_service'!r}")
    return name


def _reason(name: str) -> str | None:
    """Say why no module should be called so; None where one may."""
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return "it is a word of Python's own"
    if name in sys.stdlib_module_names:
        return "it would hide the module of Python's standard library"
    return "it would hide what is imported by this name" if name in _TAKEN else None
