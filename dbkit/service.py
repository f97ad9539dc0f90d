"""A service: its tables, and where its revisions are; and how services are found in the project's file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dbkit.errors import ConfigurationError

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["Registration", "Service", "load_service", "register"]

MIGRATIONS = "alembic_envs/{service}"
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
        if callable(found):
            found = self._called(found)
        if not hasattr(found, "sorted_tables"):
            raise ConfigurationError(
                f"the metadata of service {self.name!r} is {type(found).__name__}, not sqlalchemy.MetaData",
                hint='name it as "module:Base.metadata"',
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
    migrations: Path
    service: str | None = None
    """`module:attribute` of a `Service`."""
    metadata: str | None = None
    """`module:attribute` of a `MetaData`, where the service's code knows nothing of dbkit."""
    seed: str | None = None
    """`module:function` that gives sample rows, beside `metadata`; a `Service` names its own."""
    seed_after: tuple[str, ...] = ()
    """Services whose sample rows are written first, likewise."""
    version_table: str = ""
    owns: tuple[str, ...] = ()
    """Patterns of further tables that are the service's."""


def register(name: str, table: Mapping[str, Any], *, root: Path, migrations: str | None) -> Registration:
    """Read a service's table of the project's file.

    Raises:
        ConfigurationError: a value is not what it must be, or the service names neither itself nor its metadata.
    """
    service, metadata = (_text(name, table, key) for key in ("service", "metadata"))
    if (service is None) == (metadata is None):
        raise ConfigurationError(
            f"service {name!r} must have either 'service' or 'metadata'",
            hint=f'write service = "services.{name}:service" in [tool.dbkit.services.{name}]',
        )
    env = _text(name, table, "env") or "dbkit"
    if env != "dbkit":
        raise ConfigurationError(
            f"service {name!r}: env is {env!r}, and env.py files of one's own are not run yet",
            hint='leave it out, or write "dbkit"',
        )
    if service is not None and (own := [key for key in ("seed", "seed_after") if key in table]):
        raise ConfigurationError(
            f"service {name!r}: {own[0]} goes with 'metadata'",
            hint=f"name it in the Service itself: Service({own[0]}=…)",
        )
    folder = _text(name, table, "migrations") or migrations or MIGRATIONS
    return Registration(
        name=name,
        migrations=root / folder.replace("{service}", name),
        service=service,
        metadata=metadata,
        seed=_text(name, table, "seed"),
        seed_after=_texts(name, table, "seed_after", such_as='["user"]'),
        version_table=_text(name, table, "version_table") or f"alembic_version_{name.replace('-', '_')}",
        owns=_texts(name, table, "owns", such_as='["legacy_*"]'),
    )


def load_service(registration: Registration, root: Path) -> Service:
    """Import a service, with the project's folder on the import path.

    Raises:
        ConfigurationError: it cannot be imported, or is no Service.
    """
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
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
    except Exception as error:
        raise ConfigurationError(
            f"{what} cannot be imported from {reference!r}: {type(error).__name__}: {error}",
            hint='the form is "package.module:attribute", importable from the project\'s folder',
        ) from error
    if not path:
        raise ConfigurationError(
            f"{what}: {reference!r} names no attribute", hint='the form is "package.module:attribute"'
        )
    return found


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
