"""What a run was asked for: which project, which backends, which services; read from options, variables and the ini file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dbkit.errors import ConfigurationError, UnknownBackendError, UnknownServiceError, UsageError

if TYPE_CHECKING:
    import pytest

    from dbkit.project import Project

BACKENDS: Final = "--dbkit-backends"
SERVICES: Final = "--dbkit-services"
BACKENDS_VARIABLE: Final = "DBKIT_TEST_BACKENDS"
SERVICES_VARIABLE: Final = "DBKIT_TEST_SERVICES"
ROOT_INI: Final = "dbkit_root"
BACKENDS_INI: Final = "dbkit_backends"
# What needs no server.
_DEFAULT: Final = ("sqlite",)
_MARK_KEYS: Final = ("service", "backends", "scope")
SCOPES: Final = ("function", "worker")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The project, and what of it is tested."""

    project: Project
    backends: tuple[str, ...]
    services: tuple[str, ...]
    """Those of the option, or all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What one run of a test is to be given."""

    service: str = ""
    backend: str = ""
    shared: bool = False
    """The database is that of the whole process."""
    error: str | None = None
    """Why there is nothing to be given, in one line or two."""
    skip: str | None = None
    """Why the test is not to be run."""

    def __str__(self) -> str:
        """Name it as in a test's id."""
        return "-".join(filter(None, (self.service, self.backend))) or "dbkit"


def find_project(config: pytest.Config) -> Project:
    """Find the project that is tested: of the ini key `dbkit_root`, of `DBKIT_PROJECT`, or of the root folder.

    Raises:
        ConfigurationError: there is none, or its file cannot be read.
    """
    from dbkit.config import find_root, load_settings
    from dbkit.project import Project

    said = str(config.getini(ROOT_INI) or "")
    if not said:
        return Project.find(config.rootpath)
    folder = (config.inipath.parent if config.inipath else config.rootpath) / said
    root = find_root(folder, environ={})
    if root is None:
        raise ConfigurationError(
            f"{ROOT_INI} is {said!r}, and there is no dbkit project in {str(folder)!r} or above it",
            hint="name the folder that has dbkit.toml, or a pyproject.toml with [tool.dbkit]",
        )
    return Project(root=root, settings=load_settings(root))


def read_asked(config: pytest.Config) -> Asked:
    """Read what a run was asked for.

    Raises:
        ConfigurationError: there is no project, or its file cannot be read.
        UnknownBackendError: no backend has a name that was asked for; the message says where it stands.
        UnknownServiceError: no service has it, likewise.
    """
    project = find_project(config)
    return Asked(project=project, backends=_backends(config), services=_services(config, project))


def _backends(config: pytest.Config) -> tuple[str, ...]:
    from dbkit.backends import get_backend

    names, where = _said(config, BACKENDS, BACKENDS_VARIABLE)
    if not names:
        names, where = tuple(dict.fromkeys(config.getini(BACKENDS_INI))), BACKENDS_INI
    for name in names:
        try:
            get_backend(name)
        except UnknownBackendError as error:
            raise UnknownBackendError(f"{where}: {error.message}", hint=error.hint) from None
    return names or _DEFAULT


def _services(config: pytest.Config, project: Project) -> tuple[str, ...]:
    names, where = _said(config, SERVICES, SERVICES_VARIABLE)
    try:
        return project.select(names)
    except UnknownServiceError as error:
        raise UnknownServiceError(f"{where}: {error.message}", hint=error.hint) from None


def _said(config: pytest.Config, option: str, variable: str) -> tuple[tuple[str, ...], str]:
    given = config.getoption(option)
    text, where = (given, option) if given is not None else (os.environ.get(variable, ""), variable)
    return tuple(dict.fromkeys(filter(None, text.replace(" ", "").split(",")))), where


def targets_of(asked: Asked, marks: Sequence[Mapping[str, object]]) -> list[Target]:
    """Work out what a test is given: by its marks, the nearest first, the services and the backends.

    Args:
        asked: what the run was asked for.
        marks: the arguments of its marks `dbkit`.

    Raises:
        UsageError: a mark says what it cannot.
        UnknownBackendError: it names a backend that is not there.
        UnknownServiceError: likewise.
    """
    from dbkit.backends import get_backend

    said = _Said(marks=marks)
    named = said.texts("service")
    chosen = asked.project.select(named) if named else asked.services
    services = [service for service in chosen if service in asked.services]
    only = tuple(get_backend(name).name for name in said.texts("backends"))
    backends = [backend for backend in asked.backends if not only or backend in only]
    if not services:
        return [Target(service=", ".join(chosen), skip=f"{SERVICES} leaves {', '.join(chosen) or 'every service'} out")]
    if not backends:
        return [Target(backend=", ".join(only), skip=f"runs on {', '.join(only)}: {BACKENDS}={','.join(only)}")]
    shared = said.scope() == "worker"
    return [Target(service=service, backend=backend, shared=shared) for service in services for backend in backends]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    marks: Sequence[Mapping[str, object]] = field(default=())

    def scope(self) -> str:
        found = self._value("scope", "function")
        if found not in SCOPES:
            raise UsageError(f"the mark dbkit: scope is {found!r}", hint=f"write {' or '.join(map(repr, SCOPES))}")
        return str(found)

    def texts(self, key: str) -> tuple[str, ...]:
        found = self._value(key, ())
        texts = (found,) if isinstance(found, str) else found
        if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
            raise UsageError(f"the mark dbkit: {key} is {found!r}", hint="write a name, or a list of names")
        return tuple(dict.fromkeys(texts))

    def _value(self, key: str, default: object) -> object:
        for mark in self.marks:
            for other in mark:
                if other not in _MARK_KEYS:
                    raise UsageError(
                        f"the mark dbkit has no argument {other!r}", hint=f"it has {', '.join(_MARK_KEYS)}"
                    )
        return next((mark[key] for mark in self.marks if key in mark), default)


def told(error: Exception) -> str:
    """Word an error as a test's failure: what is wrong, and what to do."""
    message, hint = getattr(error, "message", str(error)), getattr(error, "hint", None)
    return f"{message}\nhint: {hint}" if hint else str(message)


def settings_file(project: Project) -> Path:
    """Name the file that makes a folder a project: the checks of `--dbkit` stand in its name."""
    return project.settings.file or project.root
