"""What was asked and what the server says that it has: the same in one spelling, and different where it is different."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

import dbkit.types as dbt
from dbkit.backends import backend_of
from dbkit.backends.storage import single_percents
from dbkit.testing.conformance.base import Conformance, Database
from dbkit.testing.conformance.columns import columns_of
from dbkit.testing.conformance.values import any_value

__all__ = ["Spelling"]


@dataclass(frozen=True)
class Wording:
    """A type and a default, each in the backend's one spelling."""

    type: str
    default: str | None


def asked(dialect: sa.Dialect, column: sa.Column[Any]) -> Wording:
    """Spell what a column was to be."""
    ddl = backend_of(dialect).ddl
    compiler: Any = dialect.ddl_compiler(dialect, None)  # type: ignore[arg-type] # it takes no statement
    type_ = dialect.type_compiler_instance.process(column.type.dialect_impl(dialect), type_expression=column)
    default = compiler.get_column_default_string(column)
    if default is not None:
        default = single_percents(default, dialect)
    return Wording(ddl.canonical_type(type_), ddl.canonical_default(default))


def found(dialect: sa.Dialect, column: Any) -> Wording:
    """Spell what the server says of a column."""
    ddl = backend_of(dialect).ddl
    type_ = dialect.type_compiler_instance.process(column["type"])
    return Wording(ddl.canonical_type(type_), ddl.canonical_default(column["default"]))


Spellings = list[tuple[sa.Column[Any], Wording, Wording]]


class Spelling(Conformance):
    """Types and defaults, as they were asked for and as the server words them."""

    @pytest.fixture(scope="class")
    @classmethod
    def spellings(cls, database: Database) -> Iterator[Spellings]:
        key = sa.Column("id", sa.Integer, primary_key=True)
        table = sa.Table("many", sa.MetaData(), key, *columns_of(cls.profile.refuses))
        table.create(database.engine)
        dialect = database.engine.dialect
        columns = [column for column in sa.inspect(database.engine).get_columns("many") if column["name"] != "id"]
        yield [
            (table.c[column["name"]], asked(dialect, table.c[column["name"]]), found(dialect, column))
            for column in columns
        ]
        table.drop(database.engine)

    def test_the_server_has_what_was_asked_for(self, spellings: Spellings) -> None:
        assert len(spellings) == len(list(columns_of(self.profile.refuses)))
        assert [(column.type, wanted, there) for column, wanted, there in spellings if wanted != there] == []

    def test_a_table_of_all_types_is_reflected_whole(self, database: Database, spellings: Spellings) -> None:
        table = sa.Table("many", sa.MetaData(), autoload_with=database.engine)
        assert [column.name for column in table.columns if isinstance(column.type, sa.types.NullType)] == []
        assert len(table.columns) == len(spellings) + 1

    def test_types_that_are_kept_differently_are_spelt_differently(self, spellings: Spellings) -> None:
        by_spelling: dict[str, set[str]] = {}
        for column, _, there in spellings:
            if column.name.startswith("t"):
                by_spelling.setdefault(there.type, set()).add(repr(column.type))
        shared = {spelling for spelling, types in by_spelling.items() if len(types) > 1}
        assert shared <= self.profile.alike

    def test_defaults_that_differ_are_spelt_differently(self, spellings: Spellings) -> None:
        clashes = [
            (repr(first.server_default), repr(second.server_default))
            for first, _, one in spellings
            for second, _, other in spellings
            if first.name.startswith("d") and first.type == second.type and repr(first.type) == repr(second.type)
            if first.name < second.name and one.default == other.default
            if repr(first.server_default.arg) != repr(second.server_default.arg)  # type: ignore[union-attr] # each has one
        ]
        assert clashes == []

    def test_any_text_is_found_again_as_a_default(self, database: Database) -> None:
        letters = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\0")

        @settings(any_value, max_examples=10)
        @given(st.lists(st.text(letters, max_size=20), min_size=1, max_size=8))
        def check(texts: list[str]) -> None:
            type_ = dbt.String(50)
            columns: list[sa.Column[Any]] = [
                sa.Column(f"c{number}", type_, server_default=dbt.Literal(text, type_))
                for number, text in enumerate(texts)
            ]
            table = sa.Table("one", sa.MetaData(), *columns)
            table.create(database.engine)
            try:
                dialect = database.engine.dialect
                there = [found(dialect, column) for column in sa.inspect(database.engine).get_columns("one")]
                assert [asked(dialect, column) for column in columns] == there
            finally:
                table.drop(database.engine)

        check()

    def test_a_spelling_is_its_own_spelling(self) -> None:
        ddl = self.profile.product.ddl
        dialect = ddl.offline_dialect(None)
        table = sa.Table("many", sa.MetaData(), *columns_of(self.profile.refuses))
        for column in table.columns:
            once = asked(dialect, column)
            assert Wording(ddl.canonical_type(once.type), ddl.canonical_default(once.default)) == once
