"""A service: its tables, and where its revisions are; and how services are found in the project's file."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dbkit.backends import get_backend
from dbkit.config.project_keys import OWN
from dbkit.config.redact import redact
from dbkit.config.resolve import refuse_odd_name
from dbkit.errors import ConfigurationError
from dbkit.revisions.layout import Layout, Places, find_layout

if TYPE_CHECKING:
    import sqlalchemy as sa

    from dbkit.config.load import Settings

__all__ = ["Registration", "Service", "load_service", "register"]

MIGRATIONS = "alembic_envs/{service}"
ENVS = ("dbkit", OWN)
Rows = Callable[[], Iterable[object]]
"""Gives sample rows: instances of mapped classes, their keys set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What a service brings: its name and the metadata of its tables.

    `metadata` is a `sqlalchemy.MetaData`, a function that returns one, or `"module:attribute"`, which is imported only when
    the models are needed.
    """

    name: str
    metadata: sa.MetaData | Callable[[], sa.MetaData] | str
    seed: Rows | str | None = None
    """A function that gives the sample rows as instances of the models, or `"module:function"`; None where there are none."""
    seed_after: tuple[str, ...] = ()
    """Services whose sample rows are written first, because rows of this one speak of theirs."""

    def load_seed(self) -> Rows | None:
        """Import what gives the sample rows; None where there is none.

        Raises:
            ConfigurationError: it cannot be imported, or is no function.
        """
        found: Any = self.seed
        if isinstance(found, str):
            found = import_object(found, what=f"the seed of service {self.name!r}")
        if found is not None and not callable(found):
            raise ConfigurationError(
                f"the seed of service {self.name!r} is {type(found).__name__}, not a function",
                hint='name it as "module:function"; it takes nothing and gives instances of the models',
            )
        return cast("Rows | None", found)

    def load_metadata(self) -> sa.MetaData:
        """Import the models and give their metadata.

        Raises:
            ConfigurationError: it cannot be imported, or is no metadata.
        """
        found: Any = self.metadata
        if isinstance(found, str):
            found = import_object(found, what=f"the metadata of service {self.name!r}")
        if callable(found) and not isinstance(found, type):
            found = self._called(found)
        if not isinstance(found, import_module("sqlalchemy").MetaData):
            kind = f"the class {found.__name__}" if isinstance(found, type) else type(found).__name__
            raise ConfigurationError(
                f"the metadata of service {self.name!r} is {kind}, not sqlalchemy.MetaData",
                hint='name an instance of it, such as "module:Base.metadata"',
            )
        return cast("sa.MetaData", found)

    def _called(self, function: Callable[[], sa.MetaData]) -> sa.MetaData:
        try:
            return function()
        except Exception as error:
            raise ConfigurationError(
                f"the metadata of service {self.name!r} cannot be had: {type(error).__name__}: {error}",
                hint="give a function without parameters that returns sqlalchemy.MetaData",
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What the project's file says of a service; nothing of the service is imported for it."""

    name: str
    root: Path
    """The project's folder."""
    places: Places
    """Where the project's file says that its revisions are."""
    env: str = "dbkit"
    """Whether the env.py of its folder is run (`own`), or dbkit is in its place (`dbkit`)."""
    service: str | None = None
    """`module:attribute` of a `Service`."""
    metadata: str | None = None
    """`module:attribute` of a `MetaData`, where the service's code knows nothing of dbkit."""
    seed: str | None = None
    """`module:function` that gives sample rows, beside `metadata`; a `Service` names its own."""
    seed_after: tuple[str, ...] = ()
    """Services whose sample rows are written first, likewise."""
    owns: tuple[str, ...] = ()
    """Patterns of further tables that are the service's."""
    hooks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By the hook's name what is run, the project's first."""

    @property
    def runs_env(self) -> bool:
        """Whether the env.py of its folder is run."""
        return self.env == OWN

    @property
    def alembic(self) -> Mapping[str, Any]:
        """What the project's file says to Alembic of this service."""
        return self.places.alembic

    @property
    def autocommit(self) -> bool:
        """Whether its revisions run without a transaction."""
        return bool(self.alembic.get("autocommit", False))

    def extend_path(self) -> None:
        """Put the project's folders on the import path."""
        extend_path(Path(os.path.normpath(self.root / place)) for place in self.places.python_path)

    def layout(self, backend: str | None) -> Layout:
        """Find out where its revisions are, on a database of this backend; None where they are the same for all.

        Raises:
            HistoryError: there is no Alembic folder where it should be, or its ini cannot be read.
        """
        if backend is None:
            return find_layout(self.places, "")
        traits = get_backend(backend).traits
        return find_layout(self.places, traits.dialect, schemas=not traits.file_based)


def register(name: str, settings: Settings, *, root: Path) -> Registration:
    """Read a service's table of the project's file.

    Args:
        name: the service's.
        settings: what the file says.
        root: the project's folder.

    Raises:
        ConfigurationError: a value is not what it must be, or the service names neither itself nor its metadata.
    """
    refuse_odd_name(name)
    table = settings.services[name]
    service, metadata = (_text(name, table, key) for key in ("service", "metadata"))
    env = _text(name, table, "env") or "dbkit"
    if env not in ENVS:
        raise ConfigurationError(f"service {name!r}: env is {env!r}", hint='write "dbkit" or "own"')
    if (service is None) == (metadata is None) and not (env == OWN and service is None):
        raise ConfigurationError(
            f"service {name!r} must have either 'service' or 'metadata'",
            hint=f'write service = "services.{name}:service" in [tool.dbkit.services.{name}]',
        )
    if service is not None and (beside := [key for key in ("seed", "seed_after") if key in table]):
        raise ConfigurationError(
            f"service {name!r}: {beside[0]} goes with 'metadata'",
            hint=f"name it in the Service itself: Service({beside[0]}=…)",
        )
    return Registration(
        name=name,
        root=root,
        places=_places(name, settings, root),
        env=env,
        service=service,
        metadata=metadata,
        seed=_text(name, table, "seed"),
        seed_after=_texts(name, table, "seed_after", such_as='["user"]'),
        owns=_texts(name, table, "owns", such_as='["legacy_*"]'),
        hooks=_joined(settings.hooks, table.get("hooks", {})),
    )


def _places(name: str, settings: Settings, root: Path) -> Places:
    table = settings.services[name]
    own = _text(name, table, "migrations")
    return Places(
        service=name,
        root=root,
        migrations=(own or settings.migrations or MIGRATIONS).replace("{service}", name),
        own=own is not None,
        version_table=_text(name, table, "version_table"),
        default_version_table=f"alembic_version_{name.replace('-', '_')}",
        alembic=table.get("alembic", {}),
        python_path=settings.python_path,
    )


def _joined(everybodys: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Join hooks by their names."""
    found: dict[str, tuple[str, ...]] = {}
    for table in (everybodys, own):
        for name, value in table.items():
            found[name] = (*found.get(name, ()), *([value] if isinstance(value, str) else value))
    return found


def extend_path(folders: Iterable[Path]) -> None:
    """Put folders in front of the import path, in their order, unless they are on it."""
    for folder in reversed(list(folders)):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))


def load_service(registration: Registration) -> Service:
    """Import a service, with the project's folders on the import path.

    Raises:
        ConfigurationError: it cannot be imported, is no Service, or only its env.py knows its models.
    """
    registration.extend_path()
    if registration.service is None and registration.metadata is None:
        raise ConfigurationError(
            f"service {registration.name!r} names neither itself nor its metadata: only its env.py knows its models",
            hint=f'write metadata = "module:Base.metadata" in [tool.dbkit.services.{registration.name}]',
        )
    if registration.metadata is not None:
        return Service(
            name=registration.name,
            metadata=registration.metadata,
            seed=registration.seed,
            seed_after=registration.seed_after,
        )
    found = import_object(str(registration.service), what=f"service {registration.name!r}")
    if not isinstance(found, Service):
        raise ConfigurationError(
            f"service {registration.name!r}: {registration.service!r} is {type(found).__name__}, not dbkit's Service",
            hint='write service = Service(name="…", metadata="…:Base.metadata") there',
        )
    return found


def import_object(reference: str, *, what: str) -> Any:  # noqa: ANN401 - whatever stands there
    """Import `module:attribute.attribute`.

    Raises:
        ConfigurationError: there is no such module or attribute, or the module fails while it is imported.
    """
    module, _, path = reference.partition(":")
    try:
        found: Any = import_module(module)
        for part in filter(None, path.split(".")):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:
        said = error.msg if isinstance(error, SyntaxError) else error  # the place is told below
        text = " ".join(f"{type(error).__name__}: {said}".split())
        raise ConfigurationError(
            f"{what} cannot be imported from {reference!r}: {redact(text)}{_where(error)}",
            hint=_advice(error, module),
        ) from error
    if not path:
        raise ConfigurationError(
            f"{what}: {reference!r} names no attribute", hint='the form is "package.module:attribute"'
        )
    return found


def _advice(error: BaseException, module: str) -> str:
    """Tell a name that leads nowhere from code that fails where it leads."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing and not f"{module}.".startswith(f"{missing}."):
        return f"install what {missing!r} belongs to, or name its folder in python_path"
    if missing or not _where(error):
        return 'the form is "package.module:attribute", importable from the project\'s folder or its python_path'
    return "mend that line; --debug shows how it was reached"


def _where(error: BaseException) -> str:
    """Name the line of the user's code at which an import failed; empty where none of it was reached."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({error.filename}:{error.lineno})"
    ours = (__file__, "<frozen importlib")
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(ours)]
    last = frames[-1] if frames else None
    return f" ({last.filename}:{last.lineno})" if last and not last.filename.endswith("importlib/__init__.py") else ""


def _text(name: str, table: Mapping[str, Any], key: str) -> str | None:
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        raise ConfigurationError(f"service {name!r}: {key} is {value!r}", hint=f"{key} is a text")
    return value


def _texts(name: str, table: Mapping[str, Any], key: str, *, such_as: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise ConfigurationError(f"service {name!r}: {key} is {value!r}", hint=f"{key} is a list such as {such_as}")
    return tuple(value)
