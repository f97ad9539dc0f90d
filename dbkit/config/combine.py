"""What counts of all that was said: for each field the strongest value, and for every other one why it does not count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dbkit.config.drivers import FIELDS as DRIVERS
from dbkit.config.drivers import Wish
from dbkit.config.levels import Claim, Fields, Level
from dbkit.config.model import Source
from dbkit.config.sealed import cleaned
from dbkit.config.url import schemes_of
from dbkit.errors import ConfigurationError

# A password and the function that gives one are two ways to say one thing.
PASSWORDS: Final = ("password", "password_provider")
_DRIVERS: Final = frozenset(DRIVERS.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Combined:
    """What the levels come to."""

    fields: Fields = field(repr=False)
    lost: tuple[Claim, ...]
    errors: tuple[ConfigurationError, ...] = ()


def combine(levels: Iterable[Level]) -> Combined:
    """Take each field from the first level that has it; drivers are chosen apart, for each kind of engine."""
    combining = _Combining()
    for level in levels:
        combining.take(level)
    return combining.done()


def wishes(levels: Sequence[Level], backend: str) -> list[Wish]:
    """List the drivers that are named, the strongest first; a URL for another backend names none for this one."""
    found = []
    for number, level in enumerate(levels):
        for name in sorted(_DRIVERS & set(level.fields)):
            driver, source = level.fields[name]
            only_async = name == DRIVERS["async"]
            found.append(Wish(name=driver, source=source, level=number, kind="async" if only_async else None))
        if level.url and level.url.driver and level.url_source and backend in schemes_of(level.url.scheme):
            found.append(Wish(name=level.url.driver, source=level.url_source, level=number))
    return found


def level_of_backend(levels: Sequence[Level]) -> int:
    """Tell at which level the backend was decided, by its name or by a URL; behind all of them where nobody did."""
    return next((number for number, level in enumerate(levels) if "backend" in level.fields or level.url), len(levels))


@dataclass(slots=True)
class _Combining:
    """The fields while levels are added, the strongest first."""

    fields: Fields = field(default_factory=dict)
    levels: dict[str, Level] = field(default_factory=dict)
    closed: dict[str, str] = field(default_factory=dict)
    """Fields that have no value and get none from here on, with the reason."""
    lost: list[Claim] = field(default_factory=list)
    errors: list[ConfigurationError] = field(default_factory=list)

    def take(self, level: Level) -> None:
        self.lost.extend(level.passed)
        self._add(level, {name: item for name, item in level.fields.items() if name not in {*PASSWORDS, *_DRIVERS}})
        url = self._of_url(level)
        self._take_password(level, {**url, **{name: item for name, item in level.fields.items() if name in PASSWORDS}})
        host_is_new = "host" in url and "host" not in self.fields
        self._add(level, {name: item for name, item in url.items() if name not in PASSWORDS})
        if host_is_new and "port" not in self.fields:
            # the URL's place is one thing: a weaker level's port belongs to another server
            self.closed["port"] = f"{url['host'][1].name} names another host, on its usual port"

    def done(self) -> Combined:
        found = {name: item for name, item in self.fields.items() if item[0] is not None}
        return Combined(fields=found, lost=tuple(self.lost), errors=tuple(self.errors))

    def _add(self, level: Level, given: Mapping[str, tuple[Any, Source]]) -> None:
        for name, (value, source) in given.items():
            if name not in self.fields and name not in self.closed:
                self.fields[name] = (value, source)
                self.levels[name] = level
            else:
                why = self.closed.get(name) or _why(self.levels[name], level)
                if name == "url":
                    why = f"{self.fields[name][1].name} comes first; what that leaves open is taken from here"
                self.lost.append(Claim(name=name, value=value, source=source, why=why))

    def _of_url(self, level: Level) -> Fields:
        """Give what a level's URL says; a URL for another backend than a stronger level asks for says nothing here."""
        if level.url is None or level.url_source is None:
            return {}
        named = schemes_of(level.url.scheme)
        asked = self.fields.get("backend")
        said = {name: (value, level.url_source) for name, value in level.url.fields.items()}
        if asked is not None and asked[0] not in named:
            why = f"{asked[1].name} asks for {asked[0]}, and this URL is for {named[0]}"
            self.lost.append(Claim(name="url", value=level.url.scheme, source=level.url_source, why=why))
            return {}
        self._add(level, {"url": (level.url.scheme, level.url_source)})
        # a backend that is already decided fits the scheme, and is not contradicted by it
        return said if asked is not None else {"backend": (named[0], level.url_source), **said}

    def _take_password(self, level: Level, given: Mapping[str, tuple[Any, Source]]) -> None:
        """Have a password and a provider of one be one thing: what a level says of either puts away what a weaker one says."""
        mine = {name: given[name] for name in PASSWORDS if name in given}
        if len(mine) > 1:
            names = " and ".join(source.name for _, source in mine.values())
            self.errors.append(cleaned(ConfigurationError(f"{names} are both set", hint="unset one of them")))
        self._add(level, mine)
        for _, source in mine.values():
            for other in set(PASSWORDS).difference(self.fields):
                self.closed.setdefault(other, f"{source.name} takes its place")


def _why(winner: Level, loser: Level) -> str:
    """Say why one level is stronger than another."""
    if winner.kind == "argument":
        return "an argument comes first"
    if winner is loser:
        return "the same is said beside it"
    if winner.kind != "file" and loser.kind == "file":
        return "a variable comes before the file"
    if winner.scope != loser.scope:
        return "the service's own comes first"
    return "the environment comes before .env"
