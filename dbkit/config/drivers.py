"""Which drivers were asked for, each counting for the kind of engine that it serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from dbkit.backends import usable_backends
from dbkit.backends.protocol import Backend
from dbkit.backends.traits import Driver
from dbkit.config.model import Source
from dbkit.config.nearest import nearest
from dbkit.errors import ConfigurationError

FIELDS: Final[Mapping[Literal["sync", "async"], str]] = {"sync": "driver", "async": "async_driver"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A driver that somebody named."""

    name: str
    source: Source
    level: int
    """How strong the place is where it stands; 0 is the strongest."""
    kind: Literal["sync", "async"] | None = None
    """The one kind of engine that it was named for; None for those that it serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which drivers are taken, by the fields of DatabaseConfig, and which named ones are not, with the reason."""

    fields: dict[str, tuple[str, Source]]
    passed: tuple[tuple[str, Wish, str], ...]


def choose_drivers(wishes: Sequence[Wish], backend: Backend, *, backend_level: int) -> Choice:
    """Choose the driver of each kind.

    Args:
        wishes: from the strongest to the weakest.
        backend: whose drivers are asked for.
        backend_level: where the backend was chosen; what a weaker place says of another backend's driver says nothing here.

    Raises:
        ConfigurationError: a driver is unknown, refused, of another backend, or two of one kind are named in one place.
    """
    chosen: dict[str, Wish] = {}
    passed: list[tuple[str, Wish, str]] = []
    for wish in wishes:
        driver = _driver(wish, backend, foreign_counts=wish.level <= backend_level)
        if driver is None:
            passed.append(("driver", wish, f"it is no driver of {backend.traits.title}"))
            continue
        for kind in _kinds(wish, driver):
            first = chosen.setdefault(FIELDS[kind], wish)
            _agree(first, wish)
            if first is not wish:
                passed.append((FIELDS[kind], wish, f"{first.source.name} comes first"))
    return Choice(fields={name: (wish.name, wish.source) for name, wish in chosen.items()}, passed=tuple(passed))


def _kinds(wish: Wish, driver: Driver) -> list[Literal["sync", "async"]]:
    """List the kinds that a wish counts for."""
    if wish.kind is None:
        return sorted(driver.kinds)
    if wish.kind not in driver.kinds:
        raise ConfigurationError(
            f"{wish.source.name} is {wish.name!r}, which makes no {wish.kind} engines", hint="name it as driver"
        )
    return [wish.kind]


def _agree(first: Wish, second: Wish) -> None:
    if first.level == second.level and first.name != second.name and first.kind is None:
        raise ConfigurationError(
            f"{first.source.name} and {second.source.name} contradict each other: drivers {first.name!r} and {second.name!r}",
            hint="name one of them only",
        )


def _driver(wish: Wish, backend: Backend, *, foreign_counts: bool) -> Driver | None:
    traits = backend.traits
    known = {driver.name: driver for driver in traits.drivers}
    if wish.name in known:
        return known[wish.name]
    if not foreign_counts and any(wish.name == driver.name for driver in _all_drivers()):
        return None
    names = ", ".join(known)
    reason = traits.refused_drivers.get(wish.name)
    if reason is not None:
        raise ConfigurationError(
            f"{wish.source.name}: driver {wish.name!r} is refused: {reason}", hint=f"use one of: {names}"
        )
    near = nearest(wish.name, known)
    raise ConfigurationError(
        f"{wish.source.name}: driver {wish.name!r} is not supported for {traits.title}",
        hint=f"did you mean {near!r}? known: {names}" if near else f"known: {names}",
    )


def _all_drivers() -> tuple[Driver, ...]:
    return tuple(driver for backend in usable_backends() for driver in backend.traits.drivers)
