"""Acme keeps to dbkit's protocol."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from dbkit.backends.protocol import Fault
from dbkit.config import DatabaseConfig
from dbkit.testing.conformance import BackendConformance, Profile


def open_a_file_of_sqlite(engine: sa.Engine) -> None:
    """Ask for what Acme refuses with an error of its own."""
    del engine
    with TemporaryDirectory() as folder:
        file = Path(folder) / "other.db"
        sqlite3.connect(file).execute("CREATE TABLE a (id INTEGER)").connection.close()
        DatabaseConfig.from_env(environ={}, backend="acme", sqlite_path=str(file)).create_engine().connect()


class TestAcme(BackendConformance):
    profile = Profile(
        backend="acme",
        alike=frozenset({"TEXT", "INTEGER", "BLOB", "VARCHAR(64)"}),
        provoke={Fault.DAMAGED: open_a_file_of_sqlite},
    )
