"""The histories that this process has read: a folder is read again only when one of its files has changed."""

from __future__ import annotations

import os
from pathlib import Path

from dbkit.revisions.history import History, read_history

Signature = tuple[tuple[str, int, int], ...]

_known: dict[tuple[str, Path], tuple[Signature, History]] = {}


def known_history(service: str, folder: Path) -> History:
    """Give the history of a service's migration folder, as it is now; costs one look at each file's date.

    Raises:
        HistoryError: as in `read_history`; an error is not remembered.
    """
    now = _signature(folder / "versions")
    found = _known.get((service, folder))
    if found is None or found[0] != now:
        # the signature is older than what is read: a file that changes in between is read once more, never kept stale
        found = _known[service, folder] = (now, read_history(service, folder))
    return found[1]


def _signature(versions: Path) -> Signature:
    """List the names, dates and sizes of the revision files."""
    if not versions.is_dir():
        return ()
    with os.scandir(versions) as entries:
        files = [(entry.name, entry.stat()) for entry in entries if entry.name.endswith(".py")]
    return tuple(sorted((name, seen.st_mtime_ns, seen.st_size) for name, seen in files))
