"""Backends as entry points: whose each is, and why one that is registered cannot be used."""

from __future__ import annotations

import inspect
from importlib.metadata import EntryPoint, entry_points
from typing import Final, cast

from dbkit.backends.protocol import API_VERSION, Backend
from dbkit.backends.traits import Traits
from dbkit.errors import UnusableBackendError

__all__ = ["PARTS", "load_backend", "registered"]

GROUP: Final = "dbkit.backends"
PARTS: Final = ("traits", "connector", "codecs", "errors", "ddl", "locker", "grants", "examiner")
"""What a backend consists of, beside its name and the version of the protocol."""
_NOTHING: Final = object()


def registered() -> tuple[str, ...]:
    """List the names of all installed backends, in alphabetical order, without importing one."""
    return tuple(sorted({entry.name for entry in entry_points(group=GROUP)}))


def load_backend(name: str) -> Backend | None:
    """Import the backend of this name; None where no package registers one.

    Raises:
        UnusableBackendError: it cannot be imported, is no backend of this version of the protocol, or two packages claim the name.
    """
    entries = sorted(entry_points(group=GROUP, name=name), key=lambda entry: entry.value)
    if not entries:
        return None
    entry = entries[0]
    if entries[-1].value != entry.value:
        claims = " and ".join(_place(one) for one in entries)
        raise UnusableBackendError(f"two packages claim the backend {name!r}: {claims}", hint="uninstall one of them")
    try:
        found = entry.load()
    except Exception as error:  # whatever the package raises while it is imported
        raise _unusable(entry, f"cannot be imported: {type(error).__name__}: {' '.join(str(error).split())}") from error
    if why := _refusal(found, name):
        raise _unusable(entry, why)
    return cast("Backend", found)


def _refusal(found: object, name: str) -> str | None:
    """Say why an object is no backend of this name; none of its parts is imported."""
    version = getattr(found, "api_version", None)
    if version != API_VERSION:
        return f"speaks api_version {version!r}, dbkit speaks {API_VERSION}"
    own = getattr(found, "name", None)
    if own != name:
        return f"calls itself {own!r}"
    missing = [part for part in PARTS if inspect.getattr_static(found, part, _NOTHING) is _NOTHING]
    if missing:
        return f"lacks {', '.join(missing)}"
    if not isinstance(getattr(found, "traits", None), Traits):
        return "has traits that are no dbkit.backends.traits.Traits"
    return None


def _unusable(entry: EntryPoint, why: str) -> UnusableBackendError:
    package = "its package" if entry.dist is None else entry.dist.name
    message = f"backend {entry.name!r} ({_place(entry)}) {why}"
    return UnusableBackendError(message, hint=f"install a release of {package} that fits this dbkit, or uninstall it")


def _place(entry: EntryPoint) -> str:
    return entry.value if entry.dist is None else f"{entry.value} of {entry.dist.name} {entry.dist.version}"
