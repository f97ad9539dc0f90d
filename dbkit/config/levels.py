"""The levels that a value can come from, each read into fields; the first level that has a field wins."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dbkit.config.find import expanded
from dbkit.config.load import Settings
from dbkit.config.model import Source
from dbkit.config.nearest import did_you_mean
from dbkit.config.redact import register, show
from dbkit.config.sealed import cleaned
from dbkit.config.secrets import Secret, read_secret_file
from dbkit.config.settings import BY_FIELD, BY_FILE_KEY, SETTINGS, Setting
from dbkit.config.url import UrlParts, parse_url, schemes_of
from dbkit.config.variables import FILE_SUFFIX, Variable, prefix_of, shadowed_by, variables_of
from dbkit.errors import ConfigurationError

_KEY_TEXT = "PRIVATE KEY"
# What may hold a private key as text, in base64 too; what is longer than this is no path.
_KEYS = frozenset({"ssl_cert", "ssl_key"})
_LONGEST_PATH = 255
Fields = dict[str, tuple[Any, Source]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A value that somebody gave and that does not count."""

    name: str
    """The field of DatabaseConfig."""
    value: Any = field(repr=False)
    source: Source
    why: str
    """What counts instead, or why it says nothing here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What one level says: fields, and the URL that some of them were taken from."""

    scope: Literal["argument", "service", "all"]
    """Whom it speaks of: an argument of the one who asks, one service, or all of them."""
    kind: Literal["argument", "environment", ".env", "file"]
    fields: Mapping[str, tuple[Any, Source]] = field(default_factory=dict, repr=False)
    url: UrlParts | None = None
    url_source: Source | None = None
    passed: tuple[Claim, ...] = ()
    """What stands there and is passed over: what the environment hides in `.env`, and empty values."""
    errors: tuple[ConfigurationError, ...] = ()
    """What of it cannot be read, in order."""


@dataclass(slots=True, kw_only=True)
class _Reading:
    """A level while it is read; what is wrong in it is kept, so that the rest can still be told."""

    scope: Literal["argument", "service", "all"]
    kind: Literal["argument", "environment", ".env", "file"]
    fields: Fields = field(default_factory=dict)
    passed: list[Claim] = field(default_factory=list)
    errors: list[ConfigurationError] = field(default_factory=list)

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Keep the error of a part."""
        try:
            yield
        except ConfigurationError as error:
            self.errors.append(cleaned(error))

    def done(self) -> Level:
        """Take the level's URL apart and join it with the level's other fields, which must not contradict it."""
        given = self.fields.pop("url", None)
        parts = None
        if given is not None:
            before = len(self.errors)
            with self.noting():
                parts = _taken_apart(*given)
                _agree(self.fields, parts, given[1])
            if before != len(self.errors):
                self.passed.append(Claim(name="url", value=given[0], source=given[1], why="it is refused"))
        return Level(
            scope=self.scope,
            kind=self.kind,
            fields=self.fields,
            url=parts,
            url_source=None if given is None or parts is None else given[1],
            passed=tuple(self.passed),
            errors=tuple(self.errors),
        )


def levels_of(
    settings: Settings, service: str | None, *, environ: Mapping[str, str] | None, overrides: Mapping[str, Any]
) -> Iterator[Level]:
    """Read all levels, the strongest first: arguments, the service's variables, the global ones, the file.

    Nothing is raised: a value that does not parse and a level that contradicts itself are in the level's `errors`.
    """
    given = os.environ if environ is None else environ
    found, hidden = variables_of(settings, given), shadowed_by(settings, given)
    yield _from_arguments(overrides)
    places: dict[bool, dict[str, Variable]] = {False: {}, True: {}}
    for name, item in found.items():
        places[item.line is not None][name] = item
    prefixes = ([] if service is None else [prefix_of(service)]) + [""]
    for prefix in prefixes:
        for dotenv in (False, True):
            reading = _Reading(scope="service" if prefix else "all", kind=".env" if dotenv else "environment")
            yield _from_variables(reading, places[dotenv], prefix=prefix, hidden=hidden if dotenv else {})
    if settings.file is not None:
        if service is not None:
            yield _from_file(settings.services.get(service, {}), settings.file, f"services.{service}.")
        yield _from_file(settings.values, settings.file, "")


def _from_arguments(overrides: Mapping[str, Any]) -> Level:
    reading = _Reading(scope="argument", kind="argument")
    for name, value in overrides.items():
        with reading.noting():
            _take_argument(reading.fields, name, value)
    return reading.done()


def _take_argument(found: Fields, name: str, value: object) -> None:
    known = {*BY_FIELD, "async_driver", "query", "socket"} - {"project"}
    if name not in known:
        raise ConfigurationError(f"unknown argument {name!r}", hint=did_you_mean(name, known))
    if value is None:
        return
    source = Source(kind="argument", name=name)
    if name == "query":
        found[name] = (value, source)
        return
    text = _argument_text(value)
    if name == "socket":
        if not text.startswith("/") or "host" in found:
            raise ConfigurationError(
                f"socket is {show(text)}: expected the absolute path of a Unix socket, and no host beside it",
                hint="give socket= or host=",
            )
        found["host"] = (BY_FIELD["host"].read(text, name), source)
    elif name == "host" and "host" in found:
        raise ConfigurationError(f"host is {show(text)}, and socket is given too", hint="give socket= or host=")
    else:
        setting = BY_FIELD["driver" if name == "async_driver" else name]
        found[name] = (_read(setting, text.lower() if isinstance(value, bool) else text, name), source)


def _argument_text(value: object) -> str:
    """Make text of an argument; what hides its secret from `str` is asked for it."""
    if isinstance(value, Secret):
        return value.reveal()
    render = getattr(value, "render_as_string", None)  # an SQLAlchemy URL, which is not imported here
    return str(value) if render is None else str(render(hide_password=False))


def _from_variables(
    reading: _Reading, variables: Mapping[str, Variable], *, prefix: str, hidden: Mapping[str, Variable]
) -> Level:
    for setting in SETTINGS:
        if prefix and not setting.per_service:
            continue
        for key in (setting.key, *setting.aliases):
            name = prefix + key
            names = (name, name + FILE_SUFFIX)
            if name in variables or names[1] in variables:
                before = len(reading.errors)
                with reading.noting():
                    _take_variable(reading, variables, name=name, setting=setting)
                if len(reading.errors) > before:
                    reading.passed.extend(_claims(variables, names, setting, why="it is refused"))
            if hidden:
                why = "the environment sets it too, and comes before .env"
                reading.passed.extend(_claims(hidden, names, setting, why=why))
    return reading.done()


def _take_variable(reading: _Reading, variables: Mapping[str, Variable], *, name: str, setting: Setting) -> None:
    read = _variable(variables, name, setting)
    if read is None:
        if name in variables:
            item = variables[name]
            empty = Claim(name=setting.field, value="", source=item.source(name), why="empty is as good as not set")
            reading.passed.append(empty)
        return
    first = reading.fields.get(setting.field)
    if first is not None and first[0] != read[0]:
        raise ConfigurationError(
            f"{first[1].name} and {read[1].name} contradict each other", hint=f"set {setting.key} only"
        )
    reading.fields[setting.field] = read


def _claims(variables: Mapping[str, Variable], names: Sequence[str], setting: Setting, *, why: str) -> Iterator[Claim]:
    """Note what stands under some names and does not count."""
    for name in names:
        item = variables.get(name)
        if item is not None:
            yield Claim(name=setting.field, value=item.text, source=item.source(name), why=why)


def _variable(variables: Mapping[str, Variable], name: str, setting: Setting) -> tuple[Any, Source] | None:
    plain, named = variables.get(name), variables.get(name + FILE_SUFFIX)
    if plain and named and (plain.text or setting.refuse_empty) and named.text:
        raise ConfigurationError(f"{name} and {name}{FILE_SUFFIX} are both set", hint="unset one of them")
    if named and named.text:
        # of a .env: beside it; absolute, because it is read again when the process may be in another folder
        path = (Path(named.path or "").parent / expanded(named.text)).absolute()
        text = read_secret_file(path, name + FILE_SUFFIX)
        source = Source(kind=named.kind, name=name + FILE_SUFFIX, path=str(path))
    elif plain:
        text, source = plain.text, plain.source(name)
    else:
        return None
    if not text.strip() and setting.refuse_empty:
        raise ConfigurationError(f"{source.name} is empty", hint="set it, or leave it out")
    empty = not (text if setting.secret else text.strip())
    return None if empty else (_read(setting, text, source.name), source)


def _read(setting: Setting, text: str, name: str) -> Any:  # noqa: ANN401 - whatever the field holds
    if _KEY_TEXT in text or (setting.field in _KEYS and len(text) > _LONGEST_PATH):
        register(text)
    return setting.read(text, name)


def _from_file(table: Mapping[str, Any], file: Path, prefix: str) -> Level:
    reading = _Reading(scope="service" if prefix else "all", kind="file")
    for key, value in table.items():
        setting = BY_FILE_KEY.get(key)
        if setting is None:
            continue
        before = len(reading.errors)
        with reading.noting():
            reading.fields[setting.field] = _from_table(setting, value, file, prefix + key)
        if len(reading.errors) > before:
            source = Source(kind="file", name=prefix + key, path=str(file))
            reading.passed.append(Claim(name=setting.field, value=str(value), source=source, why="it is refused"))
    return reading.done()


def _from_table(setting: Setting, value: object, file: Path, name: str) -> tuple[Any, Source]:  # noqa: PLR0917 - where it stands
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if not text.strip():
        raise ConfigurationError(f"{file}: {name} is empty", hint="set it, or leave it out")
    if _KEY_TEXT in text:
        register(text)
        raise ConfigurationError(
            f"{file}: {name}: a private key does not belong into a file that is committed",
            hint="name its file, or set DATABASE_SSL_KEY_FILE",
        )
    return setting.read(text, f"{file}: {name}"), Source(kind="file", name=name, path=str(file))


def _taken_apart(text: str, source: Source) -> UrlParts:
    parts = parse_url(text, source.name)
    if source.kind == "file" and "password" in parts.fields:
        raise ConfigurationError(
            f"{source.path}: {source.name} holds a password, which does not belong into a file that is committed",
            hint="set DATABASE_PASSWORD_FILE or DATABASE_PASSWORD in the environment or in .env",
        )
    return parts


def _agree(fields: Mapping[str, tuple[Any, Source]], parts: UrlParts, source: Source) -> None:
    """Refuse a URL that says something else than the fields beside it."""
    for name, value in parts.fields.items():
        if name in fields and fields[name][0] != value and name != "query":
            raise ConfigurationError(
                f"{source.name} and {fields[name][1].name} contradict each other", hint="set one of them only"
            )
    backend = fields.get("backend")
    if backend is not None and backend[0] not in schemes_of(parts.scheme):
        raise ConfigurationError(
            f"{backend[1].name} is {backend[0]!r}, but the scheme of {source.name} is {parts.scheme!r}",
            hint="set one of them only, or make them agree",
        )
