"""Where a connection's password comes from: what was configured, a file that is read again, or a function that is asked."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dbkit.config.redact import redact
from dbkit.config.sealed import sealed, sealed_async
from dbkit.config.secrets import Secret, read_secret_file
from dbkit.deadlines import current_watch
from dbkit.errors import ConfigurationError, DbkitError, UnreachableError

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

    A provider has as long as a connection may take to be made, or most of the time that is left where it counts who was late; one that
    hangs is left behind in its thread.

    Raises:
        ConfigurationError: the file cannot be read, or the provider fails or is a coroutine function.
        UnreachableError: the provider does not answer in time, or cannot reach what it asks.
    """
    if config.password_provider is None:
        return _stored(config)
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    patience_s = _patience_s(config)
    _ask(config, answers.put)
    try:
        given = _unpacked(answers.get(timeout=patience_s))
    except queue.Empty:
        given = None
    if given is None:
        raise _late(config, patience_s)
    if inspect.isawaitable(given[0]):
        if inspect.iscoroutine(given[0]):
            given[0].close()
        raise ConfigurationError(
            f"DATABASE_PASSWORD_PROVIDER {config.password_provider!r} is asynchronous, and the engine is not",
            hint="name a plain function; asynchronous engines take either",
        )
    return _secret(config, given[0])


@sealed_async
async def current_password_async(config: DatabaseConfig) -> Secret | None:
    """Give the password as it is now; a provider does not hold up the event loop. A file is read in it: it is short, and of this machine.

    Raises:
        ConfigurationError: the file cannot be read, or the provider fails.
        UnreachableError: as in `current_password`.
    """
    if config.password_provider is None:
        return _stored(config)
    patience_s, loop = _patience_s(config), asyncio.get_running_loop()
    end = time.monotonic() + patience_s
    answers: asyncio.Queue[Answer] = asyncio.Queue()
    _ask(config, lambda answer: _put(loop, answers, answer))
    failure: DbkitError | None = None
    try:
        (given,) = _unpacked(await asyncio.wait_for(answers.get(), patience_s))
        if inspect.isawaitable(given):
            given = await asyncio.wait_for(given, max(0.0, end - time.monotonic()))
    except TimeoutError:
        failure = _late(config, patience_s)
    except DbkitError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it may show what it was given
        failure = _failed(config, error)
    if failure is not None:
        raise failure
    return _secret(config, given)


def _stored(config: DatabaseConfig) -> Secret | None:
    if config.password_file is None:
        return config.password
    source = config.provenance.get("password")
    name = source.name if source is not None else "password_file"
    text = read_secret_file(Path(config.password_file), name)
    if name.endswith("DATABASE_URL_FILE"):
        text = _of_url(config, text, name)
    return Secret(text) if text else None


def _of_url(config: DatabaseConfig, text: str, name: str) -> str:
    """Take the password out of a URL that was read again; that of another account must not be sent to this one."""
    from dbkit.config.url import parse_url

    said = parse_url(text, name).fields
    place = "host" if config.host is not None else "socket"
    mine = {"host": (config.host or config.socket, place), "port": (config.port, "port"), "user": (config.user, "user")}
    # what a stronger place says is not the URL's to say
    own = {field: value for field, (value, name) in mine.items() if _same_source(config, name)}
    changed = [field for field, value in own.items() if said.get(field, value) != value]
    if changed:
        raise ConfigurationError(
            f"{name} names another {changed[0]} than when this configuration was read", hint="restart what uses it"
        )
    return str(said.get("password", ""))


def _same_source(config: DatabaseConfig, field: str) -> bool:
    """Tell whether a field was read from where the password was."""
    return config.provenance.get(field) == config.provenance.get("password")


Answer = tuple[object, "DbkitError | None"]

# The part of the time that is left which a provider has where it counts who was late.
_SHARE: Final = 0.75
# Each call that hangs keeps a thread; beyond these the provider is not asked again until one of them has returned.
MOST_CALLS: Final = 100
_calls: set[threading.Thread] = set()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_calls.clear)  # the parent's threads are not there


def _ask(config: DatabaseConfig, answered: Callable[[Answer], None]) -> None:
    """Call the provider in a thread of its own, which ends with the process: nobody can end one that hangs.

    Its error is worded there, and its frames, which may hold the token, are left behind.
    """
    context = contextvars.copy_context()

    def call() -> None:
        try:
            answer = context.run(_answer, config)
        finally:
            _calls.discard(threading.current_thread())
        answered(answer)

    if len(_calls) >= MOST_CALLS:
        answered((None, _stuck(config)))
        return
    # not of a pool, whose threads are waited for when the interpreter ends
    thread = threading.Thread(target=call, name="dbkit-password-provider", daemon=True)
    _calls.add(thread)
    thread.start()


def _answer(config: DatabaseConfig) -> Answer:
    try:
        provider = load_provider(str(config.password_provider), config.root)
        return provider(_login(config)), None
    except DbkitError as error:
        failure: DbkitError = error.with_traceback(None)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it may show what it was given
        failure = _failed(config, error)
    return None, failure


def _unpacked(answer: Answer) -> tuple[object]:
    """Give what the provider gave, or raise its failure."""
    given, failure = answer
    if failure is not None:
        raise failure
    return (given,)


def _put(loop: asyncio.AbstractEventLoop, answers: asyncio.Queue[Answer], answer: Answer) -> None:
    try:
        loop.call_soon_threadsafe(answers.put_nowait, answer)
    except RuntimeError:
        return  # the loop has been closed, and nobody waits any more


def _login(config: DatabaseConfig) -> Login:
    return Login(
        backend=config.backend,
        host=config.host or config.socket,
        port=config.port,
        user=config.user,
        database=config.database,
        service=config.service,
    )


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
        own = isinstance(error, ImportError | AttributeError)  # Python's own words: what is not there
        said = type(error).__name__ + (redact(f": {error}") if own else _place_of(error))
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


def _failed(config: DatabaseConfig, error: BaseException) -> DbkitError:
    # what cannot be reached may be there again later; anything else is to be mended
    kind = UnreachableError if isinstance(error, OSError) else ConfigurationError
    # not in its own words, which may hold the token or what it was asked for with
    return kind(
        f"DATABASE_PASSWORD_PROVIDER {config.password_provider!r} failed: {type(error).__name__}{_place_of(error)}",
        hint="its own words are not shown, because they may hold a secret; call it by hand with a dbkit.config.passwords.Login",
    )


def _place_of(error: BaseException) -> str:
    """Say where an error was raised, without a frame's contents."""
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    return f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def _stuck(config: DatabaseConfig) -> UnreachableError:
    return UnreachableError(
        f"DATABASE_PASSWORD_PROVIDER {config.password_provider!r} is not asked: {MOST_CALLS} calls of it have not returned",
        hint="give its own request a time-out",
    )


def _patience_s(config: DatabaseConfig) -> float:
    """Tell how long a provider has; where it counts who was late, it is given up before the server would be."""
    watch = current_watch()
    hurried = watch is not None and watch.names_who_was_late
    return min(config.connect_timeout_s, watch.left_s * _SHARE) if watch and hurried else config.connect_timeout_s


def _late(config: DatabaseConfig, patience_s: float) -> UnreachableError:
    return UnreachableError(
        f"DATABASE_PASSWORD_PROVIDER {config.password_provider!r} did not answer within {patience_s:.3g} s",
        hint="give its own request a shorter time-out, or raise DATABASE_CONNECT_TIMEOUT "
        "(DATABASE_FALLBACK_BUDGET where the service falls back)",
    )
