"""Columns with a CHECK of their own through Alembic's batch mode on SQLite: none is lost, doubled or left over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

import dbkit.types as dbt

pytestmark = pytest.mark.sqlite
v1 = dbt.v1
STATE = v1.Enum("draft", "active")


@pytest.fixture
def op() -> Iterator[Operations]:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        operations = Operations(MigrationContext.configure(connection))
        operations.create_table(
            "papers",
            sa.Column("id", v1.Integer(), primary_key=True),
            sa.Column("state", STATE, server_default=v1.Literal("draft", STATE), nullable=False),
            sa.Column("document", v1.Json(), server_default=v1.EmptyObject(), nullable=False),
            sa.Column("tags", v1.Array(v1.Text())),
            sa.Column("is_open", v1.Boolean()),
            sa.Column("price", v1.Numeric(12, 2)),
            sa.Column("large", v1.Numeric(30, 2)),
            sa.CheckConstraint("price >= 0 OR is_open = 1", name="ck_papers_positive"),
        )
        yield operations


def checks(op: Operations) -> dict[str, str]:
    found = sa.inspect(op.get_bind()).get_check_constraints("papers")
    named = {str(check["name"]): check["sqltext"] for check in found}
    assert len(named) == len(found)
    return named


WANTED = {
    "ck_papers_state": "state IN ('draft', 'active')",
    "ck_papers_document": "document IS NULL OR json_valid(document)",
    "ck_papers_tags": "tags IS NULL OR (json_valid(tags) AND json_type(tags) = 'array')",
    "ck_papers_is_open": "is_open IN (0, 1)",
    "ck_papers_positive": "price >= 0 OR is_open = 1",
}


def types(op: Operations) -> dict[str, str]:
    return {
        column["name"]: str(column["type"].compile(op.get_bind().dialect))
        for column in sa.inspect(op.get_bind()).get_columns("papers")
    }


def test_a_new_table_has_each_check_once(op: Operations) -> None:
    assert checks(op) == WANTED


def test_an_added_column_has_its_check(op: Operations) -> None:
    op.add_column(
        "papers",
        sa.Column("kind", v1.Enum("a", "b"), nullable=False, server_default=v1.Literal("a", v1.Enum("a", "b"))),
    )
    assert checks(op) == WANTED | {"ck_papers_kind": "kind IN ('a', 'b')"}


def test_a_rebuilt_table_has_each_check_once(op: Operations) -> None:
    for _ in range(3):
        with op.batch_alter_table("papers", recreate="always") as batch:
            batch.alter_column("document", nullable=True)
            batch.alter_column("is_open", server_default=v1.Literal(True, v1.Boolean()))
    assert checks(op) == WANTED


def test_a_rebuilt_table_keeps_the_names_of_the_column_types(op: Operations) -> None:
    before = types(op)
    with op.batch_alter_table("papers", recreate="always"):
        pass
    assert types(op) == before
    assert (before["price"], before["large"]) == ("SCALED_INT(12, 2)", "PADDED_TEXT(30, 2)")


def test_new_labels_take_the_place_of_the_old_ones(op: Operations) -> None:
    with op.batch_alter_table("papers") as batch:
        batch.alter_column("state", type_=v1.Enum("draft", "active", "done"), existing_type=STATE)
    assert checks(op) == WANTED | {"ck_papers_state": "state IN ('draft', 'active', 'done')"}
    op.get_bind().exec_driver_sql("INSERT INTO papers (state) VALUES ('done')")


def test_a_dropped_column_takes_its_check_with_it(op: Operations) -> None:
    with op.batch_alter_table("papers") as batch:
        batch.drop_column("state")
    assert checks(op) == {name: text for name, text in WANTED.items() if name != "ck_papers_state"}


def test_a_column_is_dropped_without_rebuilding_after_the_table_was_rebuilt(op: Operations) -> None:
    with op.batch_alter_table("papers", recreate="always"):
        pass
    op.drop_column("papers", "tags")
    assert "ck_papers_tags" not in checks(op)


def test_a_renamed_column_takes_its_check_with_it(op: Operations) -> None:
    with op.batch_alter_table("papers") as batch:
        batch.alter_column("state", new_column_name="phase", existing_type=STATE)
    renamed = {name: text for name, text in WANTED.items() if name != "ck_papers_state"}
    assert checks(op) == renamed | {"ck_papers_phase": "\"phase\" IN ('draft', 'active')"}
    op.get_bind().exec_driver_sql("INSERT INTO papers (phase) VALUES ('active')")
    with pytest.raises(sa.exc.IntegrityError):
        op.get_bind().exec_driver_sql("INSERT INTO papers (phase) VALUES ('other')")


def test_a_column_that_becomes_plain_text_loses_its_check(op: Operations) -> None:
    with op.batch_alter_table("papers") as batch:
        batch.alter_column("state", type_=v1.String(64), existing_type=STATE)
    assert checks(op) == {name: text for name, text in WANTED.items() if name != "ck_papers_state"}
    op.get_bind().exec_driver_sql("INSERT INTO papers (state) VALUES ('anything')")


def test_a_table_with_a_long_name_is_rebuilt_too(op: Operations) -> None:
    name = "a_table_whose_name_is_longer_than_the_temporary_one"
    op.create_table(name, sa.Column("id", v1.Integer(), primary_key=True), sa.Column("state", STATE))
    with op.batch_alter_table(name) as batch:
        batch.alter_column("state", type_=v1.Enum("a"), existing_type=STATE)
    found = sa.inspect(op.get_bind()).get_check_constraints(name)
    assert [(check["name"], check["sqltext"]) for check in found] == [(f"ck_{name}_state", "state IN ('a')")]
