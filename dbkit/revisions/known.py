"""The histories that this process has read: a folder is read again only when one of its files has changed."""

from __future__ import annotations

from pathlib import Path

from dbkit.revisions.history import History
from dbkit.revisions.layout import Layout
from dbkit.revisions.reading import read_history

Signature = tuple[tuple[str, int, int], ...]

_known: dict[tuple[str, tuple[Path, ...]], tuple[Signature, History]] = {}


def known_history(layout: Layout) -> History:
    """Give the history of a service's revision files, as it is now; costs one look at each file's date.

    Raises:
        HistoryError: as in `read_history`; an error is not remembered.
    """
    key, now = (layout.service, layout.versions), _signature(layout)
    found = _known.get(key)
    if found is None or found[0] != now:
        # the signature is older than what is read: a file that changes in between is read once more, never kept stale
        found = _known[key] = (now, read_history(layout))
    return found[1]


def _signature(layout: Layout) -> Signature:
    """List the names, dates and sizes of the revision files."""
    seen = ((str(file), file.stat()) for file in layout.files())
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in seen)
