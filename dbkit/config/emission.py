"""What a driver is really given: URL, options, arguments, and the statements that set a session; read from the code that gives them."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Self, cast

from dbkit.backends import get_backend
from dbkit.backends.optional import Located
from dbkit.config.redact import MASK, redact
from dbkit.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

    from dbkit.backends.protocol import Connector, Endpoint
    from dbkit.config.model import DatabaseConfig

Kind = Literal["sync", "async"]
_SECRET: Final = re.compile(r"passw|pwd|secret|token", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Emission:
    """What one kind of engine gives its driver."""

    kind: Kind
    driver: str
    library: str | None = None
    """The library that the driver loads and where it was found, where it has one that can be in several places."""
    url: str | None = None
    """Without its options and without a password; None where the driver cannot be told what is asked for."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Those of the URL."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """Those beside the URL, in words."""
    pool: Mapping[str, str] = field(default_factory=dict)
    """The arguments of the pool, in words."""
    session: tuple[str, ...] = ()
    """What a new connection is sent before anybody gets it."""
    error: ConfigurationError | None = None
    """Why there can be no such engine."""


def emission(config: DatabaseConfig, kind: Kind) -> Emission | None:
    """Work out what an engine of a kind gives its driver, without a connection; None where the backend has no such driver."""
    traits = get_backend(config.backend).traits
    driver = (config.driver if kind == "sync" else config.async_driver) or traits.driver_of(kind)
    if driver is None:
        return None
    try:
        return _emitted(config, kind, driver)
    except ConfigurationError as error:
        return Emission(kind=kind, driver=driver, error=error.with_traceback(None))


def _emitted(config: DatabaseConfig, kind: Kind, driver: str) -> Emission:
    from dbkit.config.connect import pool_args
    from dbkit.config.pool import AsyncWatchedPool, WatchedPool

    endpoint = config.endpoint(asynchronous=kind == "async")
    engine = config.create_engine() if kind == "sync" else config.create_async_engine()  # which imports the driver
    connector = get_backend(config.backend).connector(driver)
    pool = pool_args(config, endpoint, WatchedPool if kind == "sync" else AsyncWatchedPool)
    arguments = connector.connect_args(endpoint)
    return Emission(
        kind=kind,
        driver=driver,
        library=connector.library(endpoint) if isinstance(connector, Located) else None,
        url=engine.url.set(query={}).render_as_string(),
        options={name: option_text(name, str(value)) for name, value in engine.url.query.items()},
        arguments={name: _argument(name, value, endpoint) for name, value in arguments.items()},
        pool={name: getattr(value, "__name__", str(value)) for name, value in pool.items()},
        session=tuple(map(redact, _statements(connector, endpoint))),
    )


def option_text(name: str, value: str) -> str:
    """Make a driver's option fit to be seen; what its name says to be a secret is hidden."""
    return MASK if _SECRET.search(name) else redact(value)


def _argument(name: str, value: object, endpoint: Endpoint) -> str:
    """Word an argument; of an SSLContext, what it does."""
    if _SECRET.search(name):
        return MASK
    if not isinstance(value, ssl.SSLContext):
        function = getattr(value, "func", value)  # of a partial
        return f"{getattr(function, '__name__', 'a function')}()" if callable(function) else redact(repr(value))
    checks = {ssl.CERT_REQUIRED: "certificate checked", ssl.CERT_NONE: "certificate not checked"}
    words = [checks.get(value.verify_mode, value.verify_mode.name)]
    words.append("host name checked" if value.check_hostname else "host name not checked")
    words.append(f"{value.minimum_version.name.replace('_', '.')} or later")
    if endpoint.tls.cert_file is not None:
        words.append("client certificate")
    return f"SSLContext: {', '.join(words)}"


def _statements(connector: Connector, endpoint: Endpoint) -> list[str]:
    """List what a session is sent, by having the connector set up a connection that only takes notes.

    What depends on a server's answer ends the notes there.
    """
    notes = _Notes()
    try:
        connector.set_up(cast("DBAPIConnection", notes), endpoint)
    except Exception:  # noqa: BLE001 - whatever it wanted to know of a server, there is none
        return notes.statements
    return notes.statements


class _Notes:
    """A connection that sends nothing; its cursor is itself, and all that it is asked for besides is nothing."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def cursor(self) -> Self:
        return self

    def execute(self, statement: str, *_: object) -> None:
        self.statements.append(" ".join(statement.split()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Have nothing to close."""

    def __getattr__(self, name: str) -> _Nothing:
        if name.startswith("_"):
            raise AttributeError(name)
        return _Nothing()


class _Nothing:
    """Whatever a driver's connection has: a function that does nothing, or a place that holds none."""

    def __call__(self, *_: object, **__: object) -> None:
        """Do nothing: commit, close, give a parameter of the server's."""

    def __getattr__(self, name: str) -> _Nothing:
        if name.startswith("_"):
            raise AttributeError(name)
        return self
