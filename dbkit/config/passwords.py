"""Where a connection's password comes from: what was configured, a file that is read again, or a function that is asked."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbkit.config.redact import redact
from dbkit.config.sealed import sealed
from dbkit.config.secrets import Secret, read_secret_file
from dbkit.errors import ConfigurationError

if TYPE_CHECKING:
    from dbkit.config.model import DatabaseConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a `DATABASE_PASSWORD_PROVIDER` is told: for what it is to give a password or token."""

    backend: str
    host: str | None
    port: int | None
    user: str | None
    database: str | None
    service: str | None


Provider = Callable[[Login], str | Awaitable[str]]


def renewable(config: DatabaseConfig) -> bool:
    """Tell whether the password may be another one when it is asked for again."""
    return config.password_provider is not None or config.password_file is not None


@sealed
def current_password(config: DatabaseConfig) -> Secret | None:
    """Give the password as it is now.

    Raises:
        ConfigurationError: the file cannot be read, or the provider fails or is a coroutine function.
    """
    if config.password_provider is None:
        return _stored(config)
    given = _ask(config)
    if inspect.isawaitable(given):
        if inspect.iscoroutine(given):
            given.close()
        raise ConfigurationError(
            f"DATABASE_PASSWORD_PROVIDER {config.password_provider!r} is asynchronous, and the engine is not",
            hint="name a plain function; asynchronous engines take either",
        )
    return _secret(config, given)


async def current_password_async(config: DatabaseConfig) -> Secret | None:
    """Give the password as it is now, without holding up the event loop.

    Raises:
        ConfigurationError: the file cannot be read, or the provider fails.
    """
    if config.password_provider is None:
        return _stored(config)
    given = await asyncio.to_thread(_ask, config)
    if inspect.isawaitable(given):
        try:
            given = await given
        except Exception as error:  # noqa: BLE001 - whatever it is, it may show what it was given
            failure: ConfigurationError | None = _failed(config, error)
        else:
            failure = None
        if failure is not None:
            raise failure
    return _secret(config, given)


def _stored(config: DatabaseConfig) -> Secret | None:
    if config.password_file is None:
        return config.password
    source = config.provenance.get("password")
    name = source.name if source is not None else "password_file"
    text = read_secret_file(Path(config.password_file), name)
    if name.endswith("URL_FILE"):
        from dbkit.config.url import parse_url

        text = parse_url(text, name).fields.get("password", "")
    return Secret(text) if text else None


def _ask(config: DatabaseConfig) -> object:
    """Call the provider. Its error is worded here, and its frames, which may hold the token, are left behind."""
    try:
        provider = load_provider(str(config.password_provider), config.root)
        return provider(
            Login(
                backend=config.backend,
                host=config.host or config.socket,
                port=config.port,
                user=config.user,
                database=config.database,
                service=config.service,
            )
        )
    except ConfigurationError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it may show what it was given
        failure = _failed(config, error)
    raise failure


def load_provider(reference: str, root: str | None) -> Provider:
    """Import `module:function`, with the project's folder on the import path.

    Raises:
        ConfigurationError: there is no such module or function.
    """
    if root is not None and root not in sys.path:
        sys.path.insert(0, root)
    module, _, path = reference.partition(":")
    try:
        found: Any = import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except Exception as error:  # noqa: BLE001 - the module's own code runs here
        said = redact(f"{type(error).__name__}: {error}")
        found = None
    else:
        said = f"it is {type(found).__name__}, not a function"
    if not callable(found):
        raise ConfigurationError(
            f"DATABASE_PASSWORD_PROVIDER {reference!r} cannot be used: {said}",
            hint='the form is "package.module:function", importable from the project\'s folder',
        )
    provider: Provider = found
    return provider


def _secret(config: DatabaseConfig, given: object) -> Secret:
    if not isinstance(given, str) or not given or "\0" in given:
        raise ConfigurationError(
            f"DATABASE_PASSWORD_PROVIDER {config.password_provider!r} gave {type(given).__name__}, not a password",
            hint="it returns a text that is not empty",
        )
    return Secret(given)


def _failed(config: DatabaseConfig, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"DATABASE_PASSWORD_PROVIDER {config.password_provider!r} failed: {redact(f'{type(error).__name__}: {error}')}",
        hint="it is called for each new connection, with a dbkit.config.passwords.Login",
    )
