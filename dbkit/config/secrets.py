"""Secrets: a value that does not show itself, and the files that hold one."""

from __future__ import annotations

import logging
import stat
from pathlib import Path
from typing import Final

from dbkit.config.redact import MASK, register
from dbkit.errors import ConfigurationError

log = logging.getLogger(__name__)

# Far above any password or token; a larger file is the wrong file, such as a device or an archive.
LIMIT_BYTES: Final = 1 << 20
_told: Final[set[tuple[str, Path]]] = set()


class Secret:
    """A password or token. It prints as `***`, compares by value, and is known to `redact` wherever it arrives."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Keep the value and have it hidden in all output of this process."""
        self._value = value
        register(value)

    def reveal(self) -> str:
        """Give the value itself, for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        """Print nothing of it."""
        return MASK

    def __eq__(self, other: object) -> bool:
        """Compare by value with another secret only."""
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        """Hash by value, as equality demands."""
        return hash((Secret, self._value))

    def __bool__(self) -> bool:
        """Tell whether there is anything in it."""
        return bool(self._value)

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        """Travel to a worker through a pipe, and be known to `redact` there too."""
        return (Secret, (self._value,))


def read_secret_file(path: Path, variable: str) -> str:
    """Read the file that `X_FILE` names, without its one trailing newline.

    Raises:
        ConfigurationError: it cannot be read, is empty, is not UTF-8, or is far too large.
    """
    names = f"{variable} names {str(path)!r}, which"
    hint = f"name a file that this process can read, or leave {variable} out"
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            # A pipe can be read once only, and a secret is read for each service and by each worker.
            raise ConfigurationError(f"{names} is not a regular file", hint="write the secret to a file")
        with path.open("rb") as file:
            data = file.read(LIMIT_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigurationError(f"{names} cannot be read: {reason}", hint=hint) from None
    except ValueError:
        raise ConfigurationError(f"{names} is no path", hint=hint) from None
    text = _text(data)
    if text is None or len(data) > LIMIT_BYTES:
        raise ConfigurationError(f"{names} does not hold text of at most 1 MiB", hint="write the value alone, in UTF-8")
    if not text:
        # it was meant to hold something, and a log-in without a password is not what was meant
        raise ConfigurationError(f"{names} is empty", hint=f"write the value to it, or leave {variable} out")
    if mode & stat.S_IROTH and (variable, path) not in _told:
        _told.add((variable, path))  # it is read for each new connection, and told once
        log.warning("%s names %s, which everybody on this machine can read; chmod 600 it", variable, path)
    return text


def _text(data: bytes) -> str | None:
    """Decode what a file holds, without its one newline at the end; None where it is not UTF-8."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None  # the decoder's error, which carries the bytes, ends here
    return text[:-2] if text.endswith("\r\n") else text.removesuffix("\n")
