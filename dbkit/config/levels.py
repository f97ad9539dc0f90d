"""The levels that a value can come from, each read into fields; the first level that has a field wins."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbkit.config.load import Settings
from dbkit.config.model import Source
from dbkit.config.nearest import did_you_mean
from dbkit.config.secrets import Secret, read_secret_file
from dbkit.config.settings import BY_FIELD, BY_FILE_KEY, SETTINGS, Setting
from dbkit.config.url import UrlParts, parse_url, schemes_of
from dbkit.config.variables import Variable, prefix_of, variables_of
from dbkit.errors import ConfigurationError

FILE_SUFFIX = "_FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What one level says: fields, and the URL that some of them were taken from."""

    fields: Mapping[str, tuple[Any, Source]] = field(default_factory=dict)
    url: UrlParts | None = None
    url_source: Source | None = None


def levels_of(
    settings: Settings, service: str | None, *, environ: Mapping[str, str] | None, overrides: Mapping[str, Any]
) -> Iterator[Level]:
    """Read all levels, the strongest first: arguments, the service's variables, the global ones, the file.

    Raises:
        ConfigurationError: a value does not parse, or one level contradicts itself.
    """
    found = variables_of(settings, os.environ if environ is None else environ)
    yield _level(_from_arguments(overrides))
    prefixes = ([] if service is None else [prefix_of(service)]) + [""]
    for prefix in prefixes:
        for dotenv in (False, True):
            mine = {name: item for name, item in found.items() if (item.line is not None) == dotenv}
            yield _level(_from_variables(mine, prefix))
    if settings.file is not None:
        if service is not None:
            yield _level(_from_file(settings.services.get(service, {}), settings.file, f"services.{service}."))
        yield _level(_from_file(settings.values, settings.file, ""))


def _from_arguments(overrides: Mapping[str, Any]) -> dict[str, tuple[Any, Source]]:
    found: dict[str, tuple[Any, Source]] = {}
    known = {*BY_FIELD, "driver", "query", "socket"} - {"project"}
    for name, value in overrides.items():
        if name not in known:
            raise ConfigurationError(f"unknown argument {name!r}", hint=did_you_mean(name, known))
        if value is None:
            continue
        source = Source(kind="argument", name=name)
        given = value.reveal() if isinstance(value, Secret) else value
        if isinstance(given, Path):
            given = str(given)
        if name == "socket":
            found["host"] = (given, source)
        elif name in BY_FIELD and not isinstance(value, bool):
            found[name] = (BY_FIELD[name].read(str(given), name), source)
        else:
            found[name] = (given, source)
    return found


def _from_variables(variables: Mapping[str, Variable], prefix: str) -> dict[str, tuple[Any, Source]]:
    found: dict[str, tuple[Any, Source]] = {}
    for setting in SETTINGS:
        if prefix and not setting.per_service:
            continue
        for key in (setting.key, *setting.aliases):
            read = _variable(variables, prefix + key, setting)
            if read is None:
                continue
            if setting.field in found and found[setting.field][0] != read[0]:
                raise ConfigurationError(
                    f"{prefix}{setting.key} and {prefix}{key} contradict each other", hint=f"set {setting.key} only"
                )
            found[setting.field] = read
    return found


def _variable(variables: Mapping[str, Variable], name: str, setting: Setting) -> tuple[Any, Source] | None:
    plain, named = variables.get(name), variables.get(name + FILE_SUFFIX)
    if plain and named and (plain.text or setting.refuse_empty) and named.text:
        raise ConfigurationError(f"{name} and {name}{FILE_SUFFIX} are both set", hint="unset one of them")
    if named and named.text:
        path = Path(named.path or "").parent / Path(named.text).expanduser()  # of a .env: beside it
        text = read_secret_file(path, name + FILE_SUFFIX)
        source = Source(kind=named.kind, name=name + FILE_SUFFIX, path=str(path))
    elif plain:
        text, source = plain.text, Source(kind=plain.kind, name=name, path=plain.path, line=plain.line)
    else:
        return None
    if not text.strip() and setting.refuse_empty:
        raise ConfigurationError(f"{name} is empty", hint="set it, or leave it out")
    empty = not (text if setting.secret else text.strip())
    return None if empty else (setting.read(text, source.name), source)


def _from_file(table: Mapping[str, Any], file: Path, prefix: str) -> dict[str, tuple[Any, Source]]:
    found: dict[str, tuple[Any, Source]] = {}
    for key, value in table.items():
        setting = BY_FILE_KEY.get(key)
        if setting is None:
            continue
        text = str(value).lower() if isinstance(value, bool) else str(value)
        name = prefix + key
        if not text.strip():
            raise ConfigurationError(f"{file}: {name} is empty", hint="set it, or leave it out")
        if setting.field == "ssl_key" and "-----BEGIN" in text:
            raise ConfigurationError(
                f"{file}: {name}: a private key does not belong into a file that is committed",
                hint="name its file, or set DATABASE_SSL_KEY_FILE",
            )
        found[setting.field] = (setting.read(text, f"{file}: {name}"), Source(kind="file", name=name, path=str(file)))
    return found


def _level(fields: dict[str, tuple[Any, Source]]) -> Level:
    """Take the level's URL apart and join it with the level's other fields, which must not contradict it."""
    given = fields.pop("url", None)
    if given is None:
        return Level(fields=fields)
    text, source = given
    parts = parse_url(text, source.name)
    if source.kind == "file" and "password" in parts.fields:
        raise ConfigurationError(
            f"{source.path}: {source.name} holds a password, which does not belong into a file that is committed",
            hint="set DATABASE_PASSWORD_FILE or DATABASE_PASSWORD in the environment or in .env",
        )
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
    return Level(fields=fields, url=parts, url_source=source)
