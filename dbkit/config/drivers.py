"""Which drivers were asked for, each counting for the kind of engine that it serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from dbkit.backends import backend_names, get_backend
from dbkit.backends.protocol import Backend
from dbkit.backends.traits import Driver
from dbkit.config.model import Source
from dbkit.config.nearest import did_you_mean
from dbkit.errors import ConfigurationError

FIELDS: Final[Mapping[Literal["sync", "async"], str]] = {"sync": "driver", "async": "async_driver"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A driver that somebody named."""

    name: str
    source: Source
    level: int
    """How strong the place is where it stands; 0 is the strongest."""


def choose_drivers(wishes: Sequence[Wish], backend: Backend, *, backend_level: int) -> dict[str, tuple[str, Source]]:
    """Choose the driver of each kind, by the fields of DatabaseConfig.

    Args:
        wishes: from the strongest to the weakest.
        backend: whose drivers are asked for.
        backend_level: where the backend was chosen; what a weaker place says of another backend's driver says nothing here.

    Raises:
        ConfigurationError: a driver is unknown, refused, of another backend, or two of one kind are named in one place.
    """
    found: dict[str, tuple[str, Source]] = {}
    chosen: dict[str, Wish] = {}
    for wish in wishes:
        driver = _driver(wish, backend, foreign_counts=wish.level <= backend_level)
        for kind in () if driver is None else sorted(driver.kinds):
            first = chosen.setdefault(FIELDS[kind], wish)
            if first.level == wish.level and first.name != wish.name:
                raise ConfigurationError(
                    f"{first.source.name} and {wish.source.name} contradict each other: drivers {first.name!r} and {wish.name!r}",
                    hint="name one of them only",
                )
            found.setdefault(FIELDS[kind], (wish.name, wish.source))
    return found


def _driver(wish: Wish, backend: Backend, *, foreign_counts: bool) -> Driver | None:
    traits = backend.traits
    known = {driver.name: driver for driver in traits.drivers}
    if wish.name in known:
        return known[wish.name]
    if not foreign_counts and any(wish.name == driver.name for driver in _all_drivers()):
        return None
    reason = traits.refused_drivers.get(wish.name)
    if reason is not None:
        raise ConfigurationError(
            f"{wish.source.name}: driver {wish.name!r} is refused: {reason}", hint=f"use one of: {', '.join(known)}"
        )
    raise ConfigurationError(
        f"{wish.source.name}: driver {wish.name!r} is not supported for {traits.title}",
        hint=did_you_mean(wish.name, known),
    )


def _all_drivers() -> tuple[Driver, ...]:
    return tuple(driver for name in backend_names() for driver in get_backend(name).traits.drivers)
