"""Services whose version tables are one: in one database and schema, however the settings say it."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from dbkit.errors import ConfigurationError
from dbkit.migrations.sharing import refuse_shared_version_table, twins_of
from dbkit.project import Project

SERVER = {"HOST": "db.example", "USER": "app", "PASSWORD": secrets.token_hex(8)}


def project(root: Path, patch: pytest.MonkeyPatch, backend: str, **services: str) -> Project:
    """Give a project with these services, each with what its table for Alembic says, and one name of a version table."""
    text = '[tool.dbkit]\nmigrations = "{service}"\n'
    for name, said in services.items():
        (root / name / "versions").mkdir(parents=True)
        text += f'[tool.dbkit.services.{name}]\nmetadata = "a:b"\nversion_table = "v"\n'
        text += f"[tool.dbkit.services.{name}.alembic]\n{said}\n"
    (root / "dbkit.toml").write_text(text)
    for key, value in {"TYPE": backend, **SERVER}.items():
        patch.setenv(f"DATABASE_{key}", value)
    return Project.find(root)


def names(patch: pytest.MonkeyPatch, **databases: str) -> None:
    for service, name in databases.items():
        patch.setenv(f"{service.upper()}_DATABASE_NAME", name)


SCHEMA = 'version_table_schema = "audit"'


@pytest.mark.parametrize("backend", ["mysql", "mariadb", "tidb"])
def test_a_schema_that_is_a_database_is_one_for_services_in_different_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    found = project(tmp_path, monkeypatch, backend, one=SCHEMA, two=SCHEMA, audited="", apart="")
    names(monkeypatch, one="one_db", two="two_db", audited="audit", apart="apart_db")
    twins = twins_of(found)
    assert twins == {"audited": "one", "one": "audited", "two": "audited"}
    with pytest.raises(
        ConfigurationError, match="services 'two' and 'audited' have the version table 'v' in one database, 'audit'"
    ):
        refuse_shared_version_table(twins, layout=found.layout("two"), config=found.migration_config("two"))


@pytest.mark.parametrize("backend", ["postgresql", "mssql"])
def test_a_schema_of_one_name_is_another_in_another_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    found = project(tmp_path, monkeypatch, backend, one=SCHEMA, two=SCHEMA, three=SCHEMA, plain="")
    names(monkeypatch, one="one_db", two="two_db", three="one_db", plain="one_db")
    assert twins_of(found) == {"one": "three", "three": "one"}


def test_a_schema_for_the_version_table_is_the_same_as_one_for_all_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = project(tmp_path, monkeypatch, "postgresql", one=SCHEMA, two="", three="")
    names(monkeypatch, one="app", two="app", three="app")
    monkeypatch.setenv("TWO_DATABASE_SCHEMA", "audit")
    monkeypatch.setenv("THREE_DATABASE_SCHEMA", "other")
    assert twins_of(found) == {"one": "two", "two": "one"}
