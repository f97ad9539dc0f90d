"""One service's configuration out of all that was said, in order of precedence."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dbkit.backends import backend_names, get_backend
from dbkit.backends.protocol import Backend
from dbkit.backends.tidb import cloud
from dbkit.config.combine import combine, level_of_backend, wishes
from dbkit.config.drivers import choose_drivers
from dbkit.config.find import expanded
from dbkit.config.levels import Claim, Fields, levels_of
from dbkit.config.load import Settings
from dbkit.config.model import DatabaseConfig, Source
from dbkit.config.redact import show
from dbkit.config.sealed import cleaned, sealed
from dbkit.config.secrets import Secret
from dbkit.config.tls import check_tls
from dbkit.config.variables import slip, strange_names
from dbkit.errors import ConfigurationError

_SERVICE = re.compile(r"[A-Za-z][A-Za-z0-9_\-]*")
# No quote, no blank, no control character, nothing that a shell or a path would read: whatever the backend's own limits are.
_NAME = re.compile(r"[A-Za-z0-9_\-][A-Za-z0-9_$\-]*")
_DEFAULT: Final = Source(kind="default", name="default")
# Without a service the embedded database has a name too.
_NO_SERVICE: Final = "default"
# What means the same for every backend, and what only a server has.
_COMMON: Final = (
    *("driver", "async_driver", "pool_size", "max_overflow", "pool_recycle_s", "connect_timeout_s", "deadline_s"),
    *("environment", "query"),
)
# What speaks of the file that stands in for a server.
FALLBACK_FIELDS: Final = ("fallback", "fallback_budget_s")
SERVER_FIELDS: Final = (
    *("user", "password_file", "password_provider", "migration_user", "migration_password_file", "schema", "collation"),
    *("tls", "ssl_ca", "ssl_verify_cert", "ssl_verify_identity", "ssl_cert", "ssl_key", "mssql_encrypt"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What all places say of one service, weighed; made once, for the configuration and for what explains it."""

    service: str | None
    settings: Settings = field(repr=False)
    backend: Backend | None
    """None where it cannot be told."""
    fields: Fields = field(repr=False)
    lost: tuple[Claim, ...]
    """What was said too and does not count."""
    unknown: tuple[str, ...]
    """Variables that look like ours and mean nothing."""
    errors: tuple[ConfigurationError, ...]
    """What cannot be read, in order; the configuration fails with the first."""


@sealed
def resolve(
    settings: Settings,
    service: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> DatabaseConfig:
    """Work out the configuration of one service.

    Args:
        settings: what the project's files say; `Settings()` where there is no project.
        service: whose; None for an application that has only one database.
        environ: read instead of `os.environ`.
        overrides: explicit arguments, by the fields of DatabaseConfig, or `url`.

    Raises:
        ConfigurationError: something cannot be read, is unknown, contradicts itself, or is refused.
    """
    return configured(read(settings, service, environ=environ, overrides=overrides))


@sealed
def refuse_odd_name(service: str) -> None:
    """Refuse what cannot be a service's name: it becomes part of variables, tables, files and folders.

    Raises:
        ConfigurationError: it is not one.
    """
    if not _SERVICE.fullmatch(service):
        raise ConfigurationError(
            f"{service!r} cannot be a service's name", hint="use letters, digits, - and _, a letter first"
        )


def read(
    settings: Settings,
    service: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Reading:
    """Read and weigh all that is said of a service; what cannot be read is kept beside the rest.

    Args: as of `resolve`.

    Raises:
        ConfigurationError: this cannot be a service's name.
    """
    if service is not None:
        refuse_odd_name(service)
    variables = os.environ if environ is None else environ
    strange = strange_names({*variables, *settings.dotenv}, {*settings.services, *([service] if service else [])})
    levels = list(levels_of(settings, service, environ=variables, overrides=overrides or {}))
    combined = combine(levels)
    errors = [slip(name, near) for name, near in strange.items() if near is not None]
    errors += [error for level in levels for error in level.errors]
    errors += combined.errors
    fields, lost, backend, asked = dict(combined.fields), list(combined.lost), None, []
    try:
        backend = _backend_of(fields)
        asked = wishes(levels, backend.name)
        choice = choose_drivers(asked, backend, backend_level=level_of_backend(levels))
    except ConfigurationError as error:
        errors.append(cleaned(error))
        why = "no driver could be chosen"
        lost += [Claim(name="driver", value=wish.name, source=wish.source, why=why) for wish in asked]
    else:
        fields |= choice.fields
        lost += [Claim(name=name, value=wish.name, source=wish.source, why=why) for name, wish, why in choice.passed]
    return Reading(
        service=service,
        settings=settings,
        backend=backend,
        fields=fields,
        lost=tuple(lost),
        unknown=tuple(strange),
        errors=tuple(errors),
    )


@sealed
def configured(reading: Reading) -> DatabaseConfig:
    """Make the configuration of what was read.

    Raises:
        ConfigurationError: something could not be read, contradicts itself, or is refused.
    """
    for error in reading.errors:
        raise error
    if reading.backend is None:  # there is always an error that says why
        raise ConfigurationError("the backend cannot be told", hint="set DATABASE_TYPE")
    found, settings, backend = reading.fields, reading.settings, reading.backend
    values = {name: value for name, (value, _) in found.items()}
    for name in ("ssl_ca", "ssl_cert", "ssl_key"):
        values[name] = _from_root(found.get(name), settings.root)
    values |= _password_files(found)
    known = _fields(values, settings, backend=backend, service=reading.service)
    fields = {name: value for name, value in {**_common(values), **known}.items() if value is not None}
    sources = {**found, **({"socket": found["host"]} if "host" in found else {})}
    provenance = {name: sources[name][1] if name in sources else _DEFAULT for name in ("backend", *fields)}
    root = None if settings.root is None else str(settings.root)
    config = DatabaseConfig(backend=backend.name, service=reading.service, root=root, provenance=provenance, **fields)
    _check_migration_account(config)
    check_tls(config)
    return config


def _password_files(found: Fields) -> dict[str, str]:
    """Name the files that passwords were read from, to be read again for each new connection."""
    names = [name for name in ("password", "migration_password") if name in found]
    sources = {name: found[name][1] for name in names}
    return {f"{name}_file": source.path for name, source in sources.items() if source.path and source.from_file}


def _backend_of(found: Fields) -> Backend:
    """Decide the backend. Raises where it would have to be guessed."""
    if "backend" in found:
        return get_backend(found["backend"][0])
    for name in ("host", "database"):
        # a name in the project's file is the template for all backends
        if name in found and not (name == "database" and found[name][1].kind == "file"):
            raise ConfigurationError(
                f"{found[name][1].name} is set, but not what kind of database it is",
                hint=f"set DATABASE_TYPE to one of: {', '.join(backend_names())}",
            )
    if "environment" in found and found["environment"][0] == "production":
        raise ConfigurationError(
            "DBKIT_ENV is 'production', but DATABASE_TYPE is not set", hint="set DATABASE_TYPE or DATABASE_URL"
        )
    return get_backend("sqlite")


def _fields(values: Mapping[str, Any], settings: Settings, *, backend: Backend, service: str | None) -> dict[str, Any]:
    if backend.traits.file_based:
        return _file_fields(values, settings, backend=backend, service=service)
    return {**_server_fields(values, backend, service), **_fallback_fields(values, settings, service)}


def _common(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values.get(name) for name in _COMMON}


def _file_fields(
    values: Mapping[str, Any], settings: Settings, *, backend: Backend, service: str | None
) -> dict[str, Any]:
    text = _file_path(values, settings, service)
    return {"sqlite_path": text, "database": text, "driver": values.get("driver") or backend.traits.driver}


def _file_path(values: Mapping[str, Any], settings: Settings, service: str | None) -> str:
    given = values.get("sqlite_path") or ".dbkit/{service}.db"
    text: str = given.replace("{service}", service or _NO_SERVICE)
    if "\0" in text:
        raise ConfigurationError("DATABASE_SQLITE_PATH holds a NUL character", hint="give the path of a file")
    return text if text == ":memory:" else str((settings.root or Path.cwd()) / expanded(text))


def _fallback_fields(values: Mapping[str, Any], settings: Settings, service: str | None) -> dict[str, Any]:
    """Work out the file that stands in for a server."""
    said = {name: values.get(name) for name in FALLBACK_FIELDS}
    if values.get("fallback", "off") == "off":
        return said
    if values.get("environment") == "production":
        raise ConfigurationError(
            f"DATABASE_FALLBACK is {values['fallback']!r}, and DBKIT_ENV is 'production'",
            hint="in production nothing falls back: give no --fallback, and set DATABASE_FALLBACK=off",
        )
    path = _file_path(values, settings, service)
    if path == ":memory:":
        raise ConfigurationError(
            "DATABASE_SQLITE_PATH is ':memory:', and the fallback is a file beside it", hint="give the path of a file"
        )
    file = Path(path)
    beside = file.with_name(f"{file.stem}.fallback{file.suffix}")
    return {**said, "fallback_path": str(beside)}


def _server_fields(values: Mapping[str, Any], backend: Backend, service: str | None) -> dict[str, Any]:
    host = values.get("host") or "localhost"
    found = {
        **{name: values.get(name) for name in SERVER_FIELDS},
        "host": None if host.startswith("/") else host,
        "socket": host if host.startswith("/") else None,
        "port": values.get("port") or (cloud.PORT if cloud.is_cloud(host) else backend.traits.port),
        "database": _database(values.get("database"), backend, service),
        "driver": values.get("driver") or backend.traits.driver,
    }
    for name in ("password", "migration_password"):
        found[name] = Secret(values[name]) if values.get(name) else None
    if (found["tls"] or "verify") == "verify":
        found |= {name: True for name in ("ssl_verify_cert", "ssl_verify_identity") if found[name] is None}
    _check_cloud(host, found)
    return found


def _check_migration_account(config: DatabaseConfig) -> None:
    if config.migration_password and not config.migration_user:
        name = config.provenance["migration_password"].name
        raise ConfigurationError(f"{name} is set, but not DATABASE_MIGRATION_USER", hint="set both or neither")


def _from_root(ssl_ca: tuple[Any, Source] | None, root: Path | None) -> str | None:
    """Read a path that the project's own files give as relative to the project."""
    if ssl_ca is None:
        return None
    text, source = str(ssl_ca[0]), ssl_ca[1]
    path = os.path.join(root or "", text)  # noqa: PTH118 - it may be PEM text, which no Path takes
    return path if source.kind in {".env", "file"} and os.path.lexists(path) else text  # a folder is told of as one


def _check_cloud(host: str, found: Mapping[str, Any]) -> None:
    if not cloud.is_cloud(host):
        return
    if found["port"] != cloud.PORT:
        raise ConfigurationError(
            f"{show(host)} is TiDB Cloud, which listens on port {cloud.PORT}, not {found['port']}",
            hint="leave DATABASE_PORT out",
        )
    refusal = None if cloud.is_dedicated(host) else cloud.refuse_user(found["user"])
    if refusal is not None:
        raise ConfigurationError(
            f"DATABASE_USER is {show(found['user'] or '')}: {refusal}",
            hint="copy the user from TiDB Cloud's connection dialog",
        )


def _database(template: str | None, backend: Backend, service: str | None) -> str | None:
    """Fill in the service's name, and refuse what is no plain name; None where there is neither name nor service."""
    if service is None and "{service}" in (template or "{service}"):
        return None
    name = (template or "{service}").replace("{service}", service or "")
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{show(name)} cannot be a database's name", hint="DATABASE_NAME takes letters, digits, _ and -"
        )
    if len(name.encode()) > backend.traits.name_limit:
        raise ConfigurationError(
            f"{show(name)} is too long for a database's name: {len(name.encode())} characters",
            hint=f"shorten DATABASE_NAME: {backend.traits.title} takes at most {backend.traits.name_limit}",
        )
    return name
