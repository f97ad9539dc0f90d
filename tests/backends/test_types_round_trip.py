"""Every portable type on every backend: what goes in comes out, or is refused before anything is sent."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.backends.samples import ALL, Case
from tests.driving import on_every_driver
from tests.servers import Database

pytestmark = pytest.mark.driven

by_case = pytest.mark.parametrize("case", ALL, ids=lambda case: case.id)


def equal(found: Any, wanted: Any) -> bool:
    """Compare strictly: a bool is no int, a Decimal has its digits, a moment is in UTC."""
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(equal, found, wanted))
    if isinstance(wanted, dict):
        return (
            isinstance(found, dict)
            and found.keys() == wanted.keys()
            and all(equal(found[k], wanted[k]) for k in wanted)
        )
    if isinstance(wanted, datetime):
        return found == wanted and found.tzinfo is UTC
    if isinstance(wanted, bool) or isinstance(found, bool):
        return found is wanted
    return bool(found == wanted)


class Tables:
    """One table per type, made when it is first asked for."""

    def __init__(self, database: Database) -> None:
        self.engine = database.engine
        self.metadata = sa.MetaData()
        self.serial = itertools.count(1)

    def of(self, case: Case) -> sa.Table:
        if case.id not in self.metadata.tables:
            table = sa.Table(
                case.id,
                self.metadata,
                sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
                sa.Column("value", case.type),
            )
            table.create(self.engine)
        return self.metadata.tables[case.id]

    def through(self, case: Case, values: list[Any]) -> list[Any]:
        """Write values with bound parameters, and read them back in their order."""
        table = self.of(case)
        rows = [{"id": next(self.serial), "value": value} for value in values]
        with self.engine.begin() as connection:
            connection.execute(table.insert(), rows)
        return self.read(table, [row["id"] for row in rows])

    def through_literals(self, case: Case, values: list[Any]) -> list[Any]:
        """Write values as constants in the SQL, as a revision does offline."""
        table = self.of(case)
        numbers = [next(self.serial) for _ in values]
        rows = [{"id": number, "value": value} for number, value in zip(numbers, values, strict=True)]
        with self.engine.begin() as connection:
            for row in rows:
                statement = table.insert().values(**row).compile(connection, compile_kwargs={"literal_binds": True})
                connection.exec_driver_sql(str(statement))
        return self.read(table, numbers)

    def read(self, table: sa.Table, numbers: list[int]) -> list[Any]:
        with self.engine.connect() as connection:
            query = sa.select(table.c.id, table.c.value).where(table.c.id.in_(numbers))
            found = {number: value for number, value in connection.execute(query)}  # noqa: C416 - rows are no pairs to mypy
        return [found[number] for number in numbers]


@pytest.fixture(scope="module")
def tables(database: Database) -> Iterator[Tables]:
    made = Tables(database)
    yield made
    made.metadata.drop_all(database.engine)


@on_every_driver
@by_case
def test_awkward_values_come_back_as_they_went_in(tables: Tables, case: Case) -> None:
    values = [*case.exact, None]
    found = tables.through(case, values)
    assert [(there, wanted) for there, wanted in zip(found, values, strict=True) if not equal(there, wanted)] == []


@on_every_driver
@by_case
def test_constants_in_the_sql_come_back_as_they_went_in(tables: Tables, case: Case) -> None:
    values = [*case.exact, None]
    found = tables.through_literals(case, values)
    assert [(there, wanted) for there, wanted in zip(found, values, strict=True) if not equal(there, wanted)] == []


@by_case
def test_any_value_comes_back_as_it_went_in(tables: Tables, case: Case) -> None:
    @settings(max_examples=25)
    @given(st.lists(case.strategy, min_size=1, max_size=10))
    def check(values: list[Any]) -> None:
        assert [
            there
            for there, wanted in zip(tables.through(case, values), values, strict=True)
            if not equal(there, wanted)
        ] == []
        written = tables.through_literals(case, values[:2])
        assert [there for there, wanted in zip(written, values, strict=False) if not equal(there, wanted)] == []

    check()
