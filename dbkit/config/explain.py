"""Where every value of a configuration came from, what it overrode, and what it comes to: of the same reading that configures."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dbkit.backends import get_backend, usable_backends
from dbkit.config.emission import Emission, emission, option_text
from dbkit.config.load import Settings
from dbkit.config.model import DatabaseConfig, Source
from dbkit.config.redact import MASK, redact
from dbkit.config.resolve import FALLBACK_FIELDS, SERVER_FIELDS, Reading, configured, read
from dbkit.config.sealed import cleaned
from dbkit.config.settings import SETTINGS, Setting
from dbkit.config.tls import find_ca
from dbkit.errors import ConfigurationError, ExitCode, MissingDriverError

DEFAULT: Final = Source(kind="default", name="default")
# Paths or PEM text; what is longer than a path may be is text, in base64 perhaps.
_FILES: Final = frozenset({"ssl_ca", "ssl_cert", "ssl_key"})
_LONGEST_PATH: Final = 255
_TLS: Final = frozenset({"tls", "ssl_ca", "ssl_verify_cert", "ssl_verify_identity", "ssl_cert", "ssl_key"})
_SERVERS: Final = frozenset({*SERVER_FIELDS, "host", "port", "password", "migration_password", "database"})
_MODES: Final = {
    "verify": "certificate and host name are checked",
    "ca": "the certificate is checked, the host name is not",
    "encrypt": "encrypted, and nothing is checked",
    "off": "clear text",
}
Plain = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overridden:
    """A value that was given too and does not count."""

    value: Plain
    """Masked where it is secret."""
    source: Source
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One key of one service."""

    key: str
    field: str
    value: Plain
    """Masked where it is secret; None where there is none."""
    default: str
    """What holds where nobody sets it, in words."""
    source: Source
    secret: bool
    detail: str | None = None
    """What it was worked out of, where that is something else."""
    overrode: tuple[Overridden, ...] = ()
    unused: str | None = None
    """Why this backend has no use for it."""

    def to_json(self) -> dict[str, Any]:
        """Make its part of the document."""
        return {
            "key": self.key,
            "field": self.field,
            "value": self.value,
            "secret": self.secret,
            "source": _place(self.source),
            "detail": self.detail,
            "overrode": [
                {"value": item.value, "source": _place(item.source), "why": item.why} for item in self.overrode
            ],
            "unused": self.unused,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """How connections are protected, down to the file."""

    mode: str
    meaning: str
    ca_file: str | None = None
    ca_found: str | None = None
    """How this file was found."""
    cert_file: str | None = None
    key_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """All that can be told of one service's configuration without a connection."""

    service: str | None
    backend: str | None
    """None where it cannot be told."""
    host: str | None
    database: str | None
    values: tuple[Explained, ...]
    protection: Protection | None
    engines: tuple[Emission, ...]
    migration_user: str | None
    """The account of migrations where they have one of their own."""
    unknown: tuple[str, ...]
    """Variables that look like ours and mean nothing."""
    errors: tuple[ConfigurationError, ...]
    """Why the configuration cannot be used; the first is the one that a service fails with."""

    @property
    def refused(self) -> bool:
        """Whether the values make no configuration; a driver that is not there is no fault of theirs."""
        return any(not isinstance(error, MissingDriverError) for error in self.errors)

    @property
    def user(self) -> str | None:
        """The account that the service logs in as."""
        found = next((value.value for value in self.values if value.field == "user"), None)
        return None if found is None else str(found)

    @property
    def exit_code(self) -> ExitCode:
        """Whether the configuration can be used."""
        return ExitCode.USAGE if self.errors else ExitCode.OK

    def to_json(self) -> dict[str, Any]:
        """Make its part of the document of `config explain`."""
        return {
            **self.head(),
            "values": [value.to_json() for value in self.values],
            "tls": None if self.protection is None else _plain(self.protection),
            "engines": [_engine(item) for item in self.engines],
            "migration_user": self.migration_user,
            "unknown": list(self.unknown),
        }

    def head(self) -> dict[str, Any]:
        """Make what every document says of a service."""
        first = self.errors[0] if self.errors else None
        return {
            "service": self.service,
            "backend": self.backend,
            "host": self.host,
            "database": self.database,
            "exit_code": int(self.exit_code),
            "error": None if first is None else first.message,
            "hint": None if first is None else first.hint,
            "errors": [{"error": item.message, "hint": item.hint} for item in self.errors],
        }


def explain(
    settings: Settings,
    service: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    options: Collection[str] = (),
) -> Explanation:
    """Explain the configuration of a service, as far as it can be read; what cannot is in its `errors`.

    Args:
        settings: what the project's files say.
        service: whose; None for an application that has only one database.
        environ: read instead of `os.environ`.
        overrides: explicit arguments, by the fields of DatabaseConfig, or `url`.
        options: variables of command-line options, which are not unknown.

    Raises:
        ConfigurationError: this cannot be a service's name.
    """
    reading = read(settings, service, environ=environ, overrides=overrides)
    errors, config, protection = list(reading.errors), None, None
    engines: tuple[Emission, ...] = ()
    if not errors:
        try:
            config = configured(reading)
            protection = _protection(config)
        except ConfigurationError as error:
            errors.append(cleaned(error))
    if config is not None:
        engines = tuple(filter(None, (emission(config, "sync"), emission(config, "async"))))
        # an asynchronous driver that nobody asked for need not be there
        wanted = [item for item in engines if item.kind == "sync" or config.async_driver]
        errors += [item.error for item in wanted if item.error is not None]
    return Explanation(
        service=service,
        backend=None if reading.backend is None else reading.backend.name,
        host=None if config is None else config.address,
        database=None if config is None else config.database,
        values=tuple(_Explaining(reading=reading, config=config).values()),
        protection=protection,
        engines=engines,
        migration_user=None if config is None else config.migration_user,
        unknown=tuple(name for name in reading.unknown if name not in options),
        errors=tuple({error.message: error for error in errors}.values()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Explaining:
    """What was read of a service, and the configuration where there is one."""

    reading: Reading
    config: DatabaseConfig | None

    def values(self) -> Iterator[Explained]:
        for setting in SETTINGS:
            yield self.value(setting, setting.field)
            if setting.field == "driver":
                yield self.value(setting, "async_driver")
        query, source = self.reading.fields.get("query", ({}, DEFAULT))
        for option, text in query.items():
            shown = option_text(option, str(text))
            key = f"{source.name} ({option})"
            yield Explained(key=key, field="query", value=shown, default="none", source=source, secret=False)

    def value(self, setting: Setting, field: str) -> Explained:
        raw, source = self.reading.fields.get(field, (None, DEFAULT))
        unused = self.unused(field)
        value = raw if unused else self.effective(field, raw)
        lost = [claim for claim in self.reading.lost if claim.name == field]
        return Explained(
            key=setting.key if field == setting.field else f"{setting.key} (async)",
            field=field,
            value=_shown(setting, value),
            default=self.default(setting, field),
            source=source,
            secret=setting.secret,
            detail=self.parts(source) if field == "url" else _detail(setting, raw, value),
            overrode=tuple(
                Overridden(value=_shown(setting, claim.value), source=claim.source, why=claim.why) for claim in lost
            ),
            unused=unused,
        )

    def parts(self, url: Source) -> str | None:
        """Name the keys that a URL has set."""
        parts = [item.key for item in SETTINGS if self.reading.fields.get(item.field, (None, DEFAULT))[1] == url]
        return f"sets {', '.join(name for name in parts if name != 'DATABASE_URL')}" if parts else None

    def effective(self, field: str, raw: object) -> object:
        """Give what a field comes to; without a configuration, what was said."""
        if field == "project":
            root = self.reading.settings.root
            return None if root is None else str(root)
        config = self.config
        if config is None or field == "url":
            return raw
        traits = get_backend(config.backend).traits
        special: dict[str, object] = {
            "host": config.host or config.socket,
            "driver": config.driver or traits.driver,
            "async_driver": config.async_driver or traits.driver_of("async"),
            "database": None if traits.file_based else config.database,
            "sqlite_path": config.fallback_path if self.falls_back else config.sqlite_path,
        }
        return special[field] if field in special else getattr(config, field)

    def default(self, setting: Setting, field: str) -> str:
        backend = self.reading.backend
        if field == "async_driver" and backend is not None and backend.traits.driver_of("async") is None:
            return "none"
        return setting.default.replace("`", "")

    @property
    def falls_back(self) -> bool:
        """Whether a file stands in for the server, so that its path says something."""
        return self.config is not None and self.config.fallback_path is not None

    def unused(self, field: str) -> str | None:
        """Say why the backend has no use for what is set."""
        if self.reading.backend is None:
            return None
        traits = self.reading.backend.traits
        socket = None if self.config is None else self.config.socket
        reasons = (
            (traits.file_based and field in _SERVERS, f"{traits.title} is a file"),
            (not traits.file_based and field == "sqlite_path" and not self.falls_back, f"{traits.title} is a server"),
            (traits.file_based and field in FALLBACK_FIELDS, f"{traits.title} is a file and needs no other"),
            (field in _foreign_keys(traits.own_keys), f"{traits.title} has nothing of this kind"),
            (socket is not None and field in _TLS, "a Unix socket needs no TLS"),
        )
        return next((why for applies, why in reasons if applies), None)


def _shown(setting: Setting, value: object) -> Plain:
    """Make a value fit to be seen."""
    if value is None or value == "" or isinstance(value, bool | int | float):
        return value if value != "" else None
    if setting.secret:
        return MASK
    text = str(value)
    if setting.field in _FILES and (len(text) > _LONGEST_PATH or "-----BEGIN" in text):
        return "PEM text"
    return redact(text)


def _detail(setting: Setting, raw: object, value: object) -> str | None:
    """Say what a value was worked out of."""
    if raw is None or setting.secret or raw == value or not isinstance(value, str):
        return None
    shown = _shown(setting, raw)
    return None if shown in {value, "PEM text"} else f"from {shown!r}"


def _foreign_keys(own: frozenset[str]) -> set[str]:
    """List the keys that are some backend's own and not this one's."""
    return {key for backend in usable_backends() for key in backend.traits.own_keys} - own


def _protection(config: DatabaseConfig) -> Protection:
    plan = config.endpoint().tls
    found = None if plan.ca_file is None else find_ca(config.ssl_ca, config.host or "")
    meaning = _MODES[plan.mode]
    if get_backend(config.backend).traits.file_based:
        meaning = "a file on this machine"
    elif config.socket is not None:
        meaning = "a Unix socket on this machine"
    return Protection(
        mode=plan.mode,
        meaning=meaning,
        ca_file=plan.ca_file,
        ca_found=None if found is None else found[1],
        cert_file=plan.cert_file,
        key_file=plan.key_file,
    )


def _place(source: Source) -> dict[str, Any]:
    return {"kind": source.kind, "name": source.name, "path": source.path, "line": source.line}


def _plain(found: Protection) -> dict[str, Any]:
    return {name: getattr(found, name) for name in ("mode", "meaning", "ca_file", "ca_found", "cert_file", "key_file")}


def _engine(item: Emission) -> dict[str, Any]:
    error = item.error
    return {
        "kind": item.kind,
        "driver": item.driver,
        "library": item.library,
        "url": item.url,
        "options": dict(item.options),
        "arguments": dict(item.arguments),
        "pool": dict(item.pool),
        "session": list(item.session),
        "error": None if error is None else error.message,
        "hint": None if error is None else error.hint,
    }
