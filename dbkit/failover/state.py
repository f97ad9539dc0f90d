"""The state file beside the file that stands in for a server: which process is on what, since when and why.

Every process writes its own entry and leaves the others' alone. Nothing is decided by it: it is for people.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from dbkit.config.dialler import make_own_folder

__all__ = ["Entry", "is_alive", "own_entry", "read", "state_path", "write"]

log = logging.getLogger("dbkit.failover")

SCHEMA_VERSION: Final = 1
SUFFIX: Final = ".state.json"
# How long what is known of a dead process is kept.
KEPT: Final = timedelta(days=1)
# Somebody who was stopped while it wrote must not hold up an application.
PATIENCE_S: Final = 1.0
_PAUSE_S: Final = 0.005
# Field 22 of /proc/PID/stat, counted behind the name, which may hold blanks and brackets: proc(5).
_STARTED: Final = 19
_DEAD: Final = frozenset("ZXx")
_ENDED: Final = "ended"

_complained: set[Path] = set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one process is on."""

    pid: int
    started: str
    """What tells the process from another one with its number; empty where the system does not say."""
    host: str
    route: str
    """`primary` or `fallback`."""
    since: datetime
    reason: str


def state_path(fallback_path: str) -> Path:
    """Name the state file of the file that stands in for a server."""
    return Path(f"{fallback_path}{SUFFIX}")


def own_entry(route: str, reason: str, *, since: datetime | None = None) -> Entry:
    """Make the entry of this process; `since` now where nothing else is said."""
    pid = os.getpid()
    return Entry(
        pid=pid,
        started=_started(pid) or "",
        host=socket.gethostname(),
        route=route,
        since=since or datetime.now(UTC),
        reason=reason,
    )


def write(path: Path, entry: Entry, *, now: datetime | None = None) -> None:
    """Put an entry in place of what the file says of its process, and leave out the dead who were last heard of a day ago.

    A file that cannot be written is logged once, and stops nothing.

    Args:
        path: of the state file.
        entry: of this process.
        now: by which clock that is a day; the system's where none is given.
    """
    try:
        make_own_folder(str(path))
        with _locked(path):
            oldest = (now or datetime.now(UTC)) - KEPT
            kept = [other for other in read(path) if not _same(other, entry)]
            kept = [other for other in kept if other.since > oldest or is_alive(other) is not False]
            _replace(path, [*kept, entry])
    except OSError as error:
        if path not in _complained:
            _complained.add(path)
            log.warning("the state file %s cannot be written: %s", path, error.strerror or error)


def read(path: Path) -> tuple[Entry, ...]:
    """Give the entries, in the order in which they were written; none where there is no file, or it is damaged."""
    try:
        document = json.loads(path.read_bytes())
        return tuple(_entry(value) for value in document["processes"])
    except (OSError, ValueError, TypeError, KeyError):
        return ()


def is_alive(entry: Entry) -> bool | None:
    """Tell whether the process of an entry still runs; None where that cannot be told, as on another machine."""
    if entry.host != socket.gethostname() or sys.platform == "win32":
        return None
    try:
        os.kill(entry.pid, 0)
    except PermissionError:
        pass  # somebody else's
    except (ProcessLookupError, OverflowError):
        return False
    started = _started(entry.pid)
    return started is None or not entry.started or started == entry.started


def _same(one: Entry, other: Entry) -> bool:
    """Tell whether two entries are of one process, or of two with one number, of which only the later can live."""
    return (one.pid, one.host) == (other.pid, other.host)


def _started(pid: int) -> str | None:
    """Tell when a process began, in ticks of a boot that is named; None where there is no such process, or no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # one that has ended and was not asked for its exit code yet is there in name only
        return _ENDED if fields[0] in _DEAD else f"{boot}:{fields[_STARTED]}"
    except (OSError, IndexError):
        return None


def _entry(value: Any) -> Entry:  # noqa: ANN401 - of a file that anybody may have written
    since = datetime.fromisoformat(value["since"])
    if since.tzinfo is None:
        raise ValueError(value["since"])
    texts = {name: str(value[name]) for name in ("started", "host", "route", "reason")}
    return Entry(pid=int(value["pid"]), since=since, **texts)


def _replace(path: Path, entries: list[Entry]) -> None:
    """Write the file anew beside itself and put it in its place, so that no reader sees half of it."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "processes": [{**asdict(entry), "since": entry.since.isoformat()} for entry in entries],
    }
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


if sys.platform == "win32":

    @contextlib.contextmanager
    def _locked(path: Path) -> Iterator[None]:
        """Lock nothing: what two processes write at one moment may lose one of them its entry."""
        del path
        yield

else:
    import fcntl

    @contextlib.contextmanager
    def _locked(path: Path) -> Iterator[None]:
        """Hold the lock of the file that is there now: whoever had it before has put another one in its place.

        Raises:
            OSError: it cannot be had.
        """
        end = time.monotonic() + PATIENCE_S
        while True:
            with path.open("ab") as file:
                _flock(file.fileno(), end)
                if _is_at(file.fileno(), path):
                    yield
                    return

    def _flock(number: int, end: float) -> None:
        while True:
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise TimeoutError("another process holds its lock") from None
                time.sleep(_PAUSE_S)
            else:
                return

    def _is_at(number: int, path: Path) -> bool:
        try:
            return os.path.samestat(os.fstat(number), path.stat())
        except FileNotFoundError:
            return False
