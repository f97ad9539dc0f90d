"""What keeps secrets out of tracebacks: an error leaves the configuration without the frames that read it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from dbkit.config.redact import redact
from dbkit.errors import DbkitError

P = ParamSpec("P")
R = TypeVar("R")


def sealed(function: Callable[P, R]) -> Callable[P, R]:
    """Raise the function's own errors afresh from here, because its frames hold what was read: a URL, a variable, a line.

    A traceback with locals, as error trackers send it, would show them. The message says all that the user needs.
    """

    @wraps(function)
    def call(*args: P.args, **kw: P.kwargs) -> R:
        try:
            return function(*args, **kw)
        except DbkitError as error:
            caught = error
        # an offending value that was shown may have been a password in the wrong place
        caught.args = (redact(caught.message),)
        caught.message, caught.hint = redact(caught.message), None if caught.hint is None else redact(caught.hint)
        caught.__cause__ = caught.__context__ = caught.__traceback__ = None
        del args, kw
        raise caught

    return call
