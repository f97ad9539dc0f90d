"""What keeps secrets out of tracebacks: an error leaves the configuration without the frames that read it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from dbkit.config.redact import redact
from dbkit.errors import DbkitError

P = ParamSpec("P")
R = TypeVar("R")
E = TypeVar("E", bound=DbkitError)


def sealed(function: Callable[P, R]) -> Callable[P, R]:
    """Raise the function's own errors afresh from here, because its frames hold what was read: a URL, a variable, a line.

    A traceback with locals, as error trackers send it, would show them. The message says all that the user needs.
    """

    @wraps(function)
    def call(*args: P.args, **kw: P.kwargs) -> R:
        try:
            return function(*args, **kw)
        except DbkitError as error:
            caught = cleaned(error)
        del args, kw
        raise caught

    return call


def sealed_async(function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Do the same for a coroutine function."""

    @wraps(function)
    async def call(*args: P.args, **kw: P.kwargs) -> R:
        try:
            return await function(*args, **kw)
        except DbkitError as error:
            caught = cleaned(error)
        del args, kw
        raise caught

    return call


def cleaned(error: E) -> E:
    """Free an error of the frames that it came through, and of secrets in what it says."""
    # an offending value that was shown may have been a password in the wrong place
    error.message, error.hint = redact(error.message), None if error.hint is None else redact(error.hint)
    error.args = (error.message,)
    error.__cause__ = error.__context__ = error.__traceback__ = None
    return error
