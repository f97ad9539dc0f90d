"""The environment's variables and those of `.env`, as one set; and the unknown ones among them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from dbkit.config.load import Settings
from dbkit.config.model import Source
from dbkit.config.nearest import within
from dbkit.config.settings import SETTINGS
from dbkit.errors import ConfigurationError

FILE_SUFFIX = "_FILE"
EDITS = 2

# A name within two edits of one of ours keeps at least one of three parts of `DATABASE_` or `DBKIT_` whole: a cheap sieve.
_SIEVE = re.compile(r"DAT|ABA|SE_|DBK|IT_|ENV|PRO")
# What another service's variable would look like is told of too, but not what only tests read.
_KEYS = "|".join(re.escape(setting.key) for setting in SETTINGS if setting.per_service)
_OURS = re.compile(rf"DATABASE_|DBKIT_(?!TEST_)|\w+_({_KEYS})(_FILE)?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable's text, and where it was set."""

    text: str = field(repr=False)
    kind: Literal["environment", ".env"] = "environment"
    path: str | None = None
    line: int | None = None

    def source(self, name: str) -> Source:
        """Say where a value of this name came from."""
        return Source(kind=self.kind, name=name, path=self.path, line=self.line)


def prefix_of(service: str) -> str:
    """Make the prefix of a service's own variables: `USER_` for `user`."""
    return re.sub(r"\W", "_", service).upper() + "_"


def variables_of(settings: Settings, environ: Mapping[str, str]) -> dict[str, Variable]:
    """Join the environment and `.env`, which gives way: of X and X_FILE too, which are one thing."""
    found = {name: Variable(text=text) for name, text in environ.items()}
    return found | {name: item for name, item in _dotenv(settings) if not _shadowed(name, environ)}


def shadowed_by(settings: Settings, environ: Mapping[str, str]) -> dict[str, Variable]:
    """List what `.env` says and the environment says too, so that it does not count."""
    return {name: item for name, item in _dotenv(settings) if _shadowed(name, environ)}


def _dotenv(settings: Settings) -> Iterator[tuple[str, Variable]]:
    path = None if settings.root is None else str(settings.root / ".env")
    for name, value in settings.dotenv.items():
        yield name, Variable(text=value.text, kind=".env", path=path, line=value.line)


def _shadowed(name: str, environ: Mapping[str, str]) -> bool:
    base = name.removesuffix(FILE_SUFFIX)
    return base in environ or base + FILE_SUFFIX in environ


@lru_cache(maxsize=64)
def known_names(services: frozenset[str]) -> frozenset[str]:
    """List every variable that means something: global ones, each service's own, and the `_FILE` of each."""
    prefixes = ["", *(prefix_of(service) for service in services)]
    names = {
        prefix + key
        for setting in SETTINGS
        for key in (setting.key, *setting.aliases)
        for prefix in (prefixes if setting.per_service else [""])
    }
    return frozenset(names | {name + FILE_SUFFIX for name in names})


def unknown_names(variables: Iterable[str], services: Iterable[str]) -> tuple[str, ...]:
    """List the variables that look like ours and mean nothing.

    Raises:
        ConfigurationError: one is within two edits of a name that means something: a slip that would go unseen.
    """
    strange = strange_names(variables, services)
    for name, near in strange.items():
        if near is not None:
            raise slip(name, near)
    return tuple(strange)


def strange_names(variables: Iterable[str], services: Iterable[str]) -> dict[str, str | None]:
    """List the variables that look like ours and mean nothing, each with the name that it is a slip of, if it is one."""
    of_services = frozenset(services)
    known, own = known_names(of_services), tuple(f"{prefix_of(service)}DATABASE_" for service in of_services)
    found = sorted(name for name in variables if name not in known and _SIEVE.search(name))
    near = {name: next(iter(_near(name, known)), None) for name in found}
    return {name: near[name] for name in found if near[name] is not None or _OURS.match(name) or name.startswith(own)}


def slip(name: str, near: str) -> ConfigurationError:
    """Word the error for a variable whose name is a slip of one that means something."""
    return ConfigurationError(f"unknown variable {name!r}", hint=f"did you mean {near!r}?")


# A service resolves its configuration at each probe, and its environment has the same strange names each time.
@lru_cache(maxsize=1024)
def _near(name: str, known: frozenset[str]) -> tuple[str, ...]:
    close = [other for other in known if within(name, other, EDITS)]
    # the nearest first: one edit before two, then the alphabet, so that the answer is always the same
    return tuple(sorted(close, key=lambda other: (not within(name, other, 1), other)))
