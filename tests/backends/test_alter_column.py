"""Columns that change their type or name under a CHECK: the same revision on every backend, and nothing left to differ."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from dbkit import migrations
from dbkit.config.connect import connect
from tests.backends.test_migrate import Site, site

__all__ = ["site"]

FIRST = """
    op.create_table("jobs", sa.Column("id", sa.Integer, primary_key=True), sa.Column("state", {type}, nullable=False))
    op.execute("INSERT INTO jobs (id, state) VALUES (1, 'new')")
"""
MODEL = 'sa.Table("jobs", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("{name}", {type}, nullable=False))'


def change(old: str, new: str) -> str:
    """Word a batch that changes the column's type."""
    return f"""
    with op.batch_alter_table("jobs") as batch:
        batch.alter_column("state", existing_type={old}, type_={new}, existing_nullable=False)
    """


def works(site: Site, table: str, name: str, value: str) -> bool:
    """Tell whether the database itself, whatever Python thinks, takes a value."""
    jobs = sa.table(table, sa.column("id"), sa.column(name))
    with connect(site.project.config("user")) as connection:
        try:
            connection.execute(sa.insert(jobs).values({"id": 7, name: value}))
        except sa.exc.DBAPIError:
            return False
        return True


@pytest.mark.parametrize(
    ("old", "new", "taken", "refused"),
    [
        ('dbt.v1.Enum("new", "done")', 'dbt.v1.Enum("new", "done", "lost")', "lost", "other"),
        ('dbt.v1.Enum("new", "done")', 'dbt.v1.Enum("new")', "new", "done"),
        ("dbt.v1.String(20)", 'dbt.v1.Enum("new", "done")', "done", "other"),
        ('dbt.v1.Enum("new", "done")', "dbt.v1.String(20)", "other", None),
    ],
    ids=["a label more", "a label less", "text to labels", "labels to text"],
)
def test_a_type_and_its_check_change_together(site: Site, old: str, new: str, taken: str, refused: str | None) -> None:
    site.home.revision("user", "0001", FIRST.format(type=old), 'op.drop_table("jobs")')
    site.home.revision("user", "0002", change(old, new), change(new, old))
    site.home.models("user", MODEL.format(name="state", type=new))
    result = site.migrate("user")["user"]
    assert result.error is None
    assert migrations.check(site.project, ["user"])["user"].differences == ()
    assert works(site, "jobs", "state", taken)
    if refused is not None:
        assert not works(site, "jobs", "state", refused)
    assert site.rows("SELECT state FROM jobs") == [("new",)]
    assert migrations.rollback(site.project, "user")["user"].error is None
    site.home.models("user", MODEL.format(name="state", type=old))
    assert migrations.migrate(site.project, ["user"], to="0001").ok
    assert site.rows("SELECT state FROM jobs") == [("new",)]


def test_a_renamed_column_keeps_its_labels(site: Site) -> None:
    labels = 'dbt.v1.Enum("new", "done")'
    site.home.revision("user", "0001", FIRST.format(type=labels))
    site.home.revision(
        "user",
        "0002",
        f"""
        with op.batch_alter_table("jobs") as batch:
            batch.alter_column("state", new_column_name="phase", existing_type={labels}, existing_nullable=False)
        """,
    )
    site.home.models("user", MODEL.format(name="phase", type=labels))
    assert site.migrate("user")["user"].error is None
    assert migrations.check(site.project, ["user"])["user"].differences == ()
    assert works(site, "jobs", "phase", "done")
    assert not works(site, "jobs", "phase", "other")


def test_labels_that_the_models_have_and_the_database_has_not_are_found(site: Site) -> None:
    site.home.revision("user", "0001", FIRST.format(type='dbt.v1.Enum("new", "done")'))
    site.home.models("user", MODEL.format(name="state", type='dbt.v1.Enum("new", "done", "lost")'))
    assert site.migrate("user").ok
    found = migrations.check(site.project, ["user"])["user"].differences
    assert [(one.operation, one.table, one.name) for one in found] == [("modify_type", "jobs", "state")]
