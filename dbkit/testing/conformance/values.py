"""Every portable type: what goes in comes out, or is refused before anything is sent."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbkit.backends.protocol import Codecs
from dbkit.errors import TypeRefusedError
from dbkit.testing.conformance.base import Conformance, Database, each_case, on_every_driver
from dbkit.testing.conformance.samples import ALL, Case, kinds_of

__all__ = ["Values", "any_value", "equal"]

# A round trip to a database takes what it takes; only its outcome is tested.
any_value = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors])


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


def changed(found: list[Any], wanted: list[Any]) -> list[tuple[Any, Any]]:
    """List what came back otherwise than it went in."""
    return [pair for pair in zip(found, wanted, strict=True) if not equal(*pair)]


def refusal(codecs: Codecs, case: Case) -> TypeRefusedError | None:
    """Give what a backend refuses a type with."""
    try:
        codecs.codec(case.type.kind)
    except TypeRefusedError as error:
        return error
    return None


class Tables:
    """One table per type, made when it is first asked for."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.metadata = sa.MetaData()
        self.serial = itertools.count(1)

    def of(self, case: Case) -> sa.Table:
        """Give the table of a type."""
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
        """Read the values of rows."""
        with self.engine.connect() as connection:
            query = sa.select(table.c.id, table.c.value).where(table.c.id.in_(numbers))
            found = {number: value for number, value in connection.execute(query)}  # noqa: C416 - rows are no pairs to mypy
        return [found[number] for number in numbers]


class Values(Conformance):
    """Values of every kind, to the database and back."""

    @pytest.fixture(scope="class")
    @classmethod
    def tables(cls, database: Database) -> Iterator[Tables]:
        made = Tables(database.engine)
        yield made
        made.metadata.drop_all(database.engine)

    @on_every_driver
    @each_case()
    def test_awkward_values_come_back_as_they_went_in(self, tables: Tables, case: Case) -> None:
        values = [*case.exact, None]
        assert changed(tables.through(case, values), values) == []

    @on_every_driver
    @each_case()
    def test_constants_in_the_sql_come_back_as_they_went_in(self, tables: Tables, case: Case) -> None:
        values = [*case.exact, None]
        assert changed(tables.through_literals(case, values), values) == []

    @each_case()
    def test_any_value_comes_back_as_it_went_in(self, tables: Tables, case: Case) -> None:
        @settings(any_value, max_examples=25)
        @given(st.lists(case.strategy, min_size=1, max_size=10))
        def check(values: list[Any]) -> None:
            assert changed(tables.through(case, values), values) == []
            assert changed(tables.through_literals(case, values[:2]), values[:2]) == []

        check()

    def test_a_kind_is_kept_or_refused_with_what_to_do_instead(self) -> None:
        refusals = {case.id: refusal(self.profile.product.codecs, case) for case in ALL}
        wanted = {case.id for case in ALL if kinds_of(case.type) & self.profile.refuses}
        assert {name for name, error in refusals.items() if error is not None} == wanted
        assert [name for name, error in refusals.items() if error is not None and not error.hint] == []
