"""Where an SQLite file lies: the folder, which must take more files, and the file system, which must lock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dbkit.backends.observing import fine, problem
from dbkit.backends.protocol import Observation

# Their locks are unreliable, and WAL needs memory that all processes share: https://www.sqlite.org/wal.html, section 1.
NETWORK: Final = frozenset(
    {"9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs", "gfs2", "glusterfs", "lustre", "nfs"}
    | {"nfs4", "ocfs2", "smb2", "smb3", "smbfs", "virtiofs", "vboxsf", "fuse.gcsfuse", "fuse.blobfuse2", "drvfs"}
)
MOUNTS: Final = Path("/proc/self/mounts")


def judge_place(path: Path, mounts: str | None = None) -> Iterator[Observation]:
    """Look at the file's folder and the file system that it is on.

    Args:
        path: of the file.
        mounts: the table of mounts as Linux writes it; None to read it where there is one.
    """
    hint = "give the service's account the right to write there, or set DATABASE_SQLITE_PATH"
    if not os.access(path, os.W_OK):
        yield problem("file.writable", f"{str(path)!r} is read-only for this account", hint)
    elif not os.access(path.parent, os.W_OK | os.X_OK):
        said = f"no file can be made in {str(path.parent)!r}: the journal stands beside the database"
        yield problem("file.writable", said, hint)
    else:
        yield fine("file.writable", "the file and its folder can be written")
    text = mounts if mounts is not None else _mounts()
    kind = file_system(path.resolve(), text)
    if kind is None:
        return
    if kind in NETWORK:
        said = f"the file is on a network file system ({kind}), where locks fail and WAL loses writes"
        yield problem("file.system", said, "keep it on a local disk: DATABASE_SQLITE_PATH")
    else:
        yield fine("file.system", f"the file is on a local file system ({kind})")


def file_system(path: Path, mounts: str) -> str | None:
    """Find the kind of file system that a path is on: the longest mount above it, of those the last; None where unknown."""
    found: tuple[int, str] | None = None
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:  # noqa: PLR2004 - device, folder, kind: fstab(5)
            continue
        folder = Path(fields[1].replace("\\040", " "))
        if path.is_relative_to(folder) and (found is None or len(folder.parts) >= found[0]):
            found = (len(folder.parts), fields[2])
    return None if found is None else found[1]


def _mounts() -> str:
    try:
        return MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:  # no Linux
        return ""
