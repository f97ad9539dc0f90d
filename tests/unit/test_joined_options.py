"""What dbkit adds to what a project's own env.py gives `context.configure`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from dbkit.migrations.env import Environment
from dbkit.migrations.options import joined_options
from dbkit.project import Project

SAID = """
asked = []


def said(*given):
    asked.append(given)
    return False
"""


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Give a service with an env.py of its own, whose table in the project's file names a function."""
    monkeypatch.setenv("DATABASE_TYPE", "sqlite")
    (tmp_path / "of_joined_options.py").write_text(SAID)
    (tmp_path / "dbkit.toml").write_text(
        '[tool.dbkit.services.app]\nmigrations = "app"\nenv = "own"\n'
        '[tool.dbkit.services.app.alembic]\ninclude_name = "of_joined_options:said"\nrender_item = "of_joined_options:said"\n'
    )
    (tmp_path / "app" / "versions").mkdir(parents=True)
    (tmp_path / "app" / "env.py").write_text("from alembic import context\n")
    return Environment.of(Project.find(tmp_path), "app")


def joined(environment: Environment, **given: Any) -> dict[str, Any]:
    return joined_options(
        given,
        sqlite.dialect(),
        registration=environment.registration,
        layout=environment.layout,
        history=environment.history,
    )


def test_tables_of_the_models_are_the_services_before_a_revision_makes_them(environment: Environment) -> None:
    one, two = sa.MetaData(), sa.MetaData()
    sa.Table("boxes", one, sa.Column("id", sa.Integer))
    sa.Table("shelves", two, sa.Column("id", sa.Integer))
    passes = joined(environment, target_metadata=[one, two], include_name=lambda *_given: True)["include_name"]
    names = ("boxes", "shelves", "strange")
    assert [passes(name, "table", {"schema_name": None}) for name in names] == [True, True, False]


def test_a_function_of_the_projects_file_is_asked_where_the_env_file_gives_none(environment: Environment) -> None:
    metadata = sa.MetaData()
    sa.Table("boxes", metadata, sa.Column("id", sa.Integer))
    options = joined(environment, target_metadata=metadata)
    assert options["include_name"]("boxes", "table", {"schema_name": None}) is False
    given = joined(environment, target_metadata=metadata, include_name=lambda *_given: True)
    assert given["include_name"]("boxes", "table", {"schema_name": None}) is True


def test_the_env_files_own_rendering_stands_in_place_of_the_projects_files(environment: Environment) -> None:
    import of_joined_options  # type: ignore[import-not-found] # written above

    found = joined(environment, render_item=lambda *_given: False)["render_item"]
    assert found("type", sa.Integer(), None) is False
    assert of_joined_options.asked == []
