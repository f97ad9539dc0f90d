"""The databases: one package each behind one protocol, found by entry point."""

from __future__ import annotations

import difflib
import re
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from dbkit.backends.entries import load_backend, registered
from dbkit.backends.protocol import Backend, ServerFacts
from dbkit.errors import UnknownBackendError, UnusableBackendError, UsageError

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["backend_at", "backend_names", "backend_of", "get_backend", "usable_backends"]


@cache
def backend_names() -> tuple[str, ...]:
    """List the names of all installed backends, in alphabetical order, without importing one."""
    return registered()


@cache
def get_backend(name: str) -> Backend:
    """Import the backend of this name.

    Raises:
        UnknownBackendError: there is none.
        UnusableBackendError: there is one, and it cannot be imported, or does not keep to this version of the protocol.
    """
    found = load_backend(name)
    if found is not None:
        return found
    near = difflib.get_close_matches(name, backend_names(), n=1)
    known = ", ".join(backend_names())
    raise UnknownBackendError(
        f"unknown backend {name!r}", hint=f"did you mean {near[0]!r}?" if near else f"known backends: {known}"
    )


@cache
def usable_backends() -> tuple[Backend, ...]:
    """Import all backends, in the order of their names; one that cannot be used is passed over until somebody asks for it."""
    found = []
    for name in backend_names():
        with suppress(UnusableBackendError):
            found.append(get_backend(name))
    return tuple(found)


def backend_at(text: str) -> tuple[Backend, ServerFacts | None]:
    """Split `tidb@8.5` into the backend and the facts of that version; None where no version is named.

    Raises:
        UnknownBackendError: no backend has this name.
        UsageError: what stands behind the @ is no version.
    """
    name, at, version = text.partition("@")
    backend = get_backend(name)
    if not at:
        return backend, None
    if not re.fullmatch(r"\d+(\.\d+)*", version):
        raise UsageError(f"{text!r} names no version", hint=f"write it as {name}@8.5")
    numbers = tuple(int(part) for part in version.split("."))
    return backend, ServerFacts(flavour=name, version=numbers, text=version)


def backend_of(dialect: sa.Dialect) -> Backend:
    """Find the backend of an SQLAlchemy dialect: by its own word, else by its name and what it has learnt of the server."""
    own = getattr(dialect, "dbkit_backend", None)
    if own is None:
        own = "mariadb" if getattr(dialect, "is_mariadb", False) else dialect.name
    return get_backend(own)
