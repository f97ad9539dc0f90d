"""Files that stand in for a server, and what keeps them from being written: locks, attributes, a disk that is too small."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dbkit.config import DatabaseConfig
from dbkit.failover.identity import claim

MARKER = "alembic_version_{service}"


def stand_in(folder: Path, service: str = "user", *, name: str = "{service}.fallback.db") -> DatabaseConfig:
    """Give the configuration of the file that stands in for a service's server."""
    server = DatabaseConfig(
        backend="tidb",
        service=service,
        host="localhost",
        port=4000,
        database=f"{service}_db",
        fallback="dev",
        fallback_path=str(folder / name.replace("{service}", service)),
        connect_timeout_s=0.2,
    )
    return server.for_fallback()


def made(config: DatabaseConfig, *revisions: str) -> Path:
    """Make the file as a migration to these revisions would leave it, with a table of one row."""
    claim(config)
    path = Path(str(config.database))
    with sqlite3.connect(path) as connection:
        table = MARKER.format(service=config.service)
        connection.execute(f"CREATE TABLE IF NOT EXISTS {table} (version_num VARCHAR(32) PRIMARY KEY)")
        connection.executemany(f"INSERT INTO {table} VALUES (?)", [(one,) for one in revisions])
        connection.execute("CREATE TABLE IF NOT EXISTS people (id INTEGER PRIMARY KEY, name TEXT)")
        connection.execute("INSERT INTO people (name) VALUES ('Ada')")
    connection.close()
    return path


@contextmanager
def unwritable(path: Path) -> Iterator[None]:
    """Keep everybody from writing a file or folder, root too, whom permissions do not bind."""
    mode = path.stat().st_mode
    if os.geteuid():
        path.chmod(mode & ~0o222)
    elif subprocess.run(["chattr", "+i", str(path)], check=False, capture_output=True).returncode:
        pytest.skip("neither permissions nor attributes keep this account from writing here")
    try:
        yield
    finally:
        if os.geteuid():
            path.chmod(mode)
        else:
            subprocess.run(["chattr", "-i", str(path)], check=True)


@contextmanager
def small_disk(folder: Path, size: str = "1m") -> Iterator[Path]:
    """Give a folder on a file system of its own that is soon full."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this account may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file for oneself alone, readers shut out too."""
    holder = sqlite3.connect(path, isolation_level=None)
    try:
        holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        holder.execute("CREATE TABLE IF NOT EXISTS held (x)")
        yield
        holder.execute("ROLLBACK")
    finally:
        holder.close()
