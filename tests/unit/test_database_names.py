"""What a database may be called, and what is one: never what a server keeps its own affairs in, nor any other file."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbkit.backends import get_backend
from dbkit.config import DatabaseConfig, load_settings
from dbkit.errors import ConfigurationError, UnreachableError
from dbkit.migrations.databases import create_missing, drop_existing
from dbkit.migrations.precheck import look_at
from dbkit.project import Project

OWN = [
    ("postgresql", "template1"),
    ("mysql", "mysql"),
    ("mariadb", "mysql"),
    ("mariadb", "MySQL"),
    ("tidb", "INFORMATION_SCHEMA"),
    ("tidb", "metrics_schema"),
    ("mssql", "master"),
]


@pytest.mark.parametrize(("backend", "name"), OWN)
def test_a_servers_own_database_is_never_created_nor_dropped(backend: str, name: str) -> None:
    # nothing listens there: whatever asked the server would fail in another way
    config = DatabaseConfig(backend=backend, host="localhost", port=1, user="app", database=name)
    for change in (create_missing, drop_existing):
        with pytest.raises(ConfigurationError, match=f"'{name}' is not allowed: it is the server's own"):
            change(config)


def test_a_servers_own_database_is_not_migrated_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dbkit.toml").write_text('[services.user]\nmetadata = "models:metadata"\n')
    project = Project(root=tmp_path, settings=load_settings(tmp_path))
    for name, value in {"TYPE": "tidb", "HOST": "localhost", "PORT": "1", "NAME": "mysql"}.items():
        monkeypatch.setenv(f"DATABASE_{name}", value)
    error = look_at(project, "user").error
    assert (type(error), "'mysql' is not allowed: it is the server's own" in str(error)) == (ConfigurationError, True)


def test_a_file_that_is_no_database_is_not_deleted(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear all,\n" * 100)
    with pytest.raises(UnreachableError, match="file is not a database"):
        drop_existing(DatabaseConfig(backend="sqlite", sqlite_path=str(path), database=str(path)))
    assert path.read_text() == "Dear all,\n" * 100


def test_the_database_that_hosted_postgresql_hands_out_may_be_used() -> None:
    assert get_backend("postgresql").ddl.refuse_name("postgres") is None
