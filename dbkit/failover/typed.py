"""What is wrong with the file while a service works on it: errors of dbkit's that are SQLAlchemy's OperationalError too."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy.exc import DBAPIError, OperationalError

from dbkit import errors

__all__ = [
    "FallbackDamagedError",
    "FallbackFullError",
    "FallbackLockedError",
    "FallbackMissingError",
    "FallbackReadOnlyError",
    "typed",
]


class _Typed(OperationalError):
    """Says what dbkit says of it, and holds what SQLAlchemy's holds: statement, driver's error, whether the connection is gone."""

    message: str
    hint: str | None

    def __init__(self, error: errors.FallbackError, found: DBAPIError) -> None:
        """Take the words of the one and the facts of the other."""
        OperationalError.__init__(
            self,
            found.statement,
            found.params,
            found.orig,  # type: ignore[arg-type] # never None where a driver has raised it
            hide_parameters=True,
            connection_invalidated=found.connection_invalidated,
            code=found.code,
            ismulti=found.ismulti,
        )
        self.message = error.message
        self.hint = error.hint
        if error.hint is not None:
            self.add_note(f"hint: {error.hint}")

    def __str__(self) -> str:
        """Say it in one line."""
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        """Cross a process border whole."""
        return (_again, (type(self), self.__dict__))


def _again(kind: type[_Typed], state: dict[str, Any]) -> _Typed:
    error = kind.__new__(kind)
    Exception.__init__(error, state["message"])
    error.__dict__.update(state)
    return error


class FallbackMissingError(_Typed, errors.FallbackMissingError):
    """The file is no longer there."""


class FallbackLockedError(_Typed, errors.FallbackLockedError):
    """Another process has the file locked, and did not let go in time."""


class FallbackDamagedError(_Typed, errors.FallbackDamagedError):
    """The file is damaged, or no database."""


class FallbackReadOnlyError(_Typed, errors.FallbackReadOnlyError):
    """The file, or its folder, cannot be written."""


class FallbackFullError(_Typed, errors.FallbackFullError):
    """There is no room for what was to be written; nothing of the transaction is kept."""


_CLASSES: Final[dict[type[errors.FallbackError], type[_Typed]]] = {
    errors.FallbackMissingError: FallbackMissingError,
    errors.FallbackLockedError: FallbackLockedError,
    errors.FallbackDamagedError: FallbackDamagedError,
    errors.FallbackReadOnlyError: FallbackReadOnlyError,
    errors.FallbackFullError: FallbackFullError,
}


def typed(error: errors.FallbackError, found: DBAPIError) -> _Typed:
    """Make the error that is both."""
    return _CLASSES[type(error)](error, found)
