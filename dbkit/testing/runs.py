"""Which run of the tests a throw-away database belongs to, and whether that run still goes on."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

PREFIX_VARIABLE: Final = "DBKIT_TEST_PREFIX"
_PREFIX: Final = "dbkit"
# pid, when the process began, and a number so that two runs of one process are two
_MARK: Final = r"[0-9a-f]{6}_(?P<pid>\d+)_(?P<began>[0-9a-f]+)_[0-9a-f]{4}"


def new_mark() -> str:
    """Make the mark of a run of this process; it can stand in a database's name."""
    pid = os.getpid()
    return f"{_machine()}_{pid}_{_began(pid) or '0'}_{secrets.token_hex(2)}"


def folder_of(mark: str) -> Path:
    """Name the folder of a run, which is there once something was made in it."""
    return Path(tempfile.gettempdir()) / f"{folders()}{mark}"


def folders() -> str:
    """Give what the names of the folders of this user's runs begin with."""
    return f"dbkit-tests-{os.getuid()}-"


def prefix(environ: Mapping[str, str] | None = None) -> str:
    """Give what the names of throw-away databases begin with: `DBKIT_TEST_PREFIX`, else `dbkit`, and a letter."""
    variables = os.environ if environ is None else environ
    return f"{variables.get(PREFIX_VARIABLE) or _PREFIX}_t_"


def mark_in(name: str, beginning: str) -> str | None:
    """Find the mark in the name of a throw-away database or folder; None where it is none of ours."""
    found = re.fullmatch(rf"{re.escape(beginning)}({_MARK})(?:_\w+)?", name)
    return found[1] if found else None


def has_ended(mark: str) -> bool:
    """Tell whether the run that this is the mark of has ended; one of another machine or container is not known to have."""
    found = re.fullmatch(_MARK, mark)
    if found is None or not mark.startswith(f"{_machine()}_"):
        return False
    return _began(int(found["pid"])) != found["began"]


def _machine() -> str:
    """Name what process ids are counted in: this machine since it was started, or this container."""
    parts = [platform.node()]
    for path in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        try:
            parts.append(str(Path(path).readlink()) if "ns" in path.split("/") else Path(path).read_text())
        except OSError:
            parts.append("")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:6]


def _began(pid: int) -> str | None:
    """Tell when a process began, as the system counts; `0` where it does not tell, None where there is no such process."""
    try:
        # the command in brackets may hold blanks and brackets: proc_pid_stat(5), field 22
        return f"{int(Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[19]):x}"
    except (OSError, IndexError, ValueError):
        pass
    if Path("/proc/self/stat").exists():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass
    return "0"
