"""The one set of templates, and what is made of them. This repository's own files are made of them too, which a test holds."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath

from dbkit.backends import get_backend

__all__ = ["migration_files", "registration", "rendered", "service_files", "service_init", "workflow"]

_LINE = 120
_HOME = "dbkit.scaffold"


class _Template(string.Template):
    """Takes `@@name`: dollars and braces are Mako's and those of the workflows."""

    delimiter = "@@"
    flags = re.RegexFlag(0)


@cache
def _text(name: str) -> str | None:
    found = files(_HOME).joinpath("templates", *f"{name}.tmpl".split("/"))
    return found.read_text(encoding="utf-8") if found.is_file() else None


def rendered(name: str, /, **values: str) -> str:
    """Fill a template in; raises KeyError where one of its names has no value."""
    text = _text(name)
    if text is None:
        raise KeyError(name)
    return _Template(text).substitute(values)


def service_init(service: str, module: str, *, about: str = "", seed_after: tuple[str, ...] = ()) -> str:
    """Write a service's `__init__.py`.

    Args:
        service: its name.
        module: the package that it is, such as `services.user`.
        about: what it is for, in a few words.
        seed_after: services whose sample rows are written first.
    """
    arguments = [f'name="{service}"', f'metadata="{module}.models:Base.metadata"', f'seed="{module}.seed:rows"']
    if seed_after:
        names = ", ".join(f'"{name}"' for name in seed_after)
        arguments.append(f"seed_after=({names}{',' if len(seed_after) == 1 else ''})")
    line = f"service = Service({', '.join(arguments)})"
    if len(line) > _LINE:
        line = "\n".join(("service = Service(", *(f"    {argument}," for argument in arguments), ")"))
    return rendered("service.py", service=service, about=f": {about}" if about else "", line=line)


def service_files(service: str, module: str, *, base: str) -> dict[str, str]:
    """Write the files of a service's package, by their names.

    Args:
        service: its name.
        module: the package that it is.
        base: the module that holds what the tables of all services have in common.
    """
    values = {"service": service, "module": module, "base": base}
    names = ("models.py", "seed.py", "store.py")
    return {"__init__.py": service_init(service, module)} | {name: rendered(name, **values) for name in names}


def migration_files(service: str, *, created: datetime) -> dict[str, str]:
    """Write the files of a service's folder of revisions, by their paths in it; `created` is the time of the first revision."""
    values = {"service": service, "created": f"{created:%Y-%m-%d %H:%M:%S}"}
    return {name: rendered(name, **values) for name in ("env.py", "alembic.ini", "script.py.mako")} | {
        f"versions/0001_create_{service}_items.py": rendered("revision.py", **values)
    }


def registration(service: str, values: Mapping[str, object], *, prefix: str = "tool.dbkit.") -> str:
    """Write the table of a service in the project's file.

    Args:
        service: its name.
        values: its keys and what they are: texts, truth values, lists of texts, and tables of such.
        prefix: what stands before `services.NAME`: nothing in a `dbkit.toml` that has dbkit's keys at its top.
    """
    name = service if service.replace("_", "").replace("-", "").isalnum() and service.isascii() else toml_text(service)
    return _table(f"{prefix}services.{name}", values)


def _table(name: str, values: Mapping[str, object]) -> str:
    lines = [f"{key} = {toml_value(value)}" for key, value in values.items() if not isinstance(value, Mapping)]
    inside = [_table(f"{name}.{key}", value) for key, value in values.items() if isinstance(value, Mapping)]
    return "\n".join((f"[{name}]", *lines, "", *inside))


def toml_value(value: object) -> str:
    """Write a text, a truth value or a list of texts as TOML does."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    return toml_text(str(value))


def toml_text(value: str) -> str:
    """Write a text as TOML does."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


def workflow(backend: str, *, install: str, tests: str = "tests", folder: str = "") -> str:
    """Write the workflow of GitHub that migrates and tests every service on a backend.

    Args:
        backend: the backend in production; one whose server no template starts is left to the workflow's own variables.
        install: what `pip install` is given.
        tests: what pytest is given.
        folder: the project's in its repository; empty where that is the repository's own.
    """
    traits = get_backend(backend).traits
    server = _text(str(PurePosixPath("servers", f"{backend}.yml"))) or ""
    libraries = _text(str(PurePosixPath("servers", f"{backend}.steps.yml"))) or ""
    values = {"server": server, "libraries": libraries, "install": install, "tests": tests}
    where = f"\ndefaults:\n  run:\n    working-directory: {folder}\n" if folder else ""
    return rendered("workflow.yml", title=traits.title, where=where, **values)
