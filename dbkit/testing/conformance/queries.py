"""Portable types in queries: compared, listed, sorted, added and counted alike."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from dbkit.testing.conformance.base import Conformance, Database, each_case, on_every_driver
from dbkit.testing.conformance.models import Base, Counted, Row
from dbkit.testing.conformance.samples import ALL, AWKWARD_TEXT, Case, kinds_of
from dbkit.testing.conformance.values import any_value

__all__ = ["Queries"]

NUMBERS = st.lists(st.decimals(Decimal("-9999999999.99"), Decimal("9999999999.99"), places=2), min_size=1, max_size=20)
LARGE = st.lists(
    st.integers(-(10**30) + 1, 10**30 - 1).map(
        lambda number: Decimal((int(number < 0), tuple(map(int, str(abs(number)))), -5))
    ),
    min_size=1,
    max_size=20,
)
MOMENTS = st.lists(st.datetimes(timezones=st.just(UTC)), min_size=1, max_size=20)


def in_order(session: Session, attribute: Any, values: list[Any]) -> list[Any]:
    """Write values of a column, and read them sorted."""
    session.execute(sa.delete(Counted))
    session.execute(sa.insert(Counted), [{attribute.key: value} for value in values])
    return list(session.scalars(sa.select(attribute).order_by(attribute)))


class Queries(Conformance):
    """Queries, whose answers are the same on every backend."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, database: Database) -> Iterator[sa.Engine]:
        Base.metadata.create_all(database.engine)
        yield database.engine
        Base.metadata.drop_all(database.engine)

    @pytest.fixture
    def session(self, engine: sa.Engine) -> Iterator[Session]:
        with Session(engine) as made:
            made.execute(sa.delete(Counted))
            made.execute(sa.delete(Row))
            yield made
            made.rollback()

    @pytest.fixture(scope="class")
    @classmethod
    def compared(cls, database: Database) -> Iterator[sa.MetaData]:
        metadata, cases = sa.MetaData(), [case for case in ALL if not kinds_of(case.type) & cls.profile.refuses]
        for case in cases:
            key = sa.Column("id", sa.Integer, primary_key=True, autoincrement=False)
            sa.Table(f"c_{case.id}", metadata, key, sa.Column("value", case.type))
        metadata.create_all(database.engine)
        with database.engine.begin() as connection:
            for case in cases:
                rows = [{"id": number, "value": value} for number, value in enumerate(case.exact)]
                connection.execute(metadata.tables[f"c_{case.id}"].insert(), rows)
        yield metadata
        metadata.drop_all(database.engine)

    @each_case()
    @pytest.mark.parametrize("literal", [False, True], ids=["bound", "constant"])
    @on_every_driver
    def test_a_value_finds_its_row_by_equality_and_in_a_list(
        self, database: Database, compared: sa.MetaData, *, case: Case, literal: bool
    ) -> None:
        table = compared.tables[f"c_{case.id}"]

        def numbers(condition: Any) -> list[int]:
            query = sa.select(table.c.id).where(condition).order_by(table.c.id)
            if not literal:
                return list(connection.scalars(query))
            text = query.compile(connection, compile_kwargs={"literal_binds": True})
            return list(connection.exec_driver_sql(str(text)).scalars())

        with database.engine.connect() as connection:
            for number, value in enumerate(case.exact):
                assert number in numbers(table.c.value == value), value
                assert number in numbers(table.c.value.in_([value, case.exact[0]])), value
                assert number not in numbers(table.c.value != value), value
            assert len(numbers(table.c.value.in_(list(case.exact)))) == len(case.exact)
            assert numbers(table.c.value.is_(None)) == []

    @each_case(lambda case: case.hashable and case.id != "float")
    @on_every_driver
    def test_no_two_different_values_are_equal(self, database: Database, compared: sa.MetaData, case: Case) -> None:
        table = compared.tables[f"c_{case.id}"]
        other = table.alias()
        pairs = sa.select(sa.func.count()).where(table.c.value == other.c.value)
        wanted = sum(first == second for first in case.exact for second in case.exact)
        with database.engine.connect() as connection:
            assert connection.scalar(pairs) == wanted

    @on_every_driver
    def test_documents_are_equal_whatever_the_order_of_their_keys(self, session: Session) -> None:
        session.add(Row(document={"b": [1, 2.0], "a": {"é": None}, "c": "it's"}))
        session.flush()
        assert (
            session.scalar(
                sa.select(sa.func.count()).where(Row.document == {"c": "it's", "a": {"é": None}, "b": [1.0, 2]})
            )
            == 1
        )
        assert (
            session.scalar(
                sa.select(sa.func.count()).where(Row.document == {"c": "it's", "a": {"é": None}, "b": [1, 3]})
            )
            == 0
        )

    @on_every_driver
    def test_a_part_of_a_document_is_compared_as_what_it_is(self, session: Session) -> None:
        session.add_all(
            [Row(document={"name": "it's", "n": 7, "at": {"x": [True, 1.5]}}), Row(document={"name": "other"})]
        )
        session.flush()

        def count(condition: Any) -> int | None:
            return session.scalar(sa.select(sa.func.count()).where(condition))

        assert count(Row.document["name"].as_string() == "it's") == 1
        assert count(Row.document["n"].as_integer() == 7) == 1
        assert count(Row.document["at", "x", 1].as_float() > 1.4) == 1
        assert session.scalars(sa.select(Row.document["at"]).where(Row.document["n"].as_integer() == 7)).one() == {
            "x": [True, 1.5]
        }

    @pytest.mark.parametrize(
        ("attribute", "strategy"),
        [(Counted.price, NUMBERS), (Counted.large, LARGE), (Counted.at, MOMENTS)],
        ids=["numeric", "numeric beyond 18 digits", "moment"],
    )
    @on_every_driver
    def test_values_sort_as_in_python(
        self, session: Session, attribute: Any, strategy: st.SearchStrategy[list[Any]]
    ) -> None:
        @settings(any_value, max_examples=10)
        @given(strategy)
        def check(values: list[Any]) -> None:
            assert in_order(session, attribute, values) == sorted(values)

        check()

    @on_every_driver
    def test_text_sorts_by_code_point(self, session: Session) -> None:
        assert in_order(session, Counted.name, AWKWARD_TEXT) == sorted(AWKWARD_TEXT)

    @on_every_driver
    def test_labels_sort_by_code_point_whatever_their_declaration(self, session: Session) -> None:
        assert in_order(session, Counted.label, ["b", "Z", "a", "é", "C"]) == ["C", "Z", "a", "b", "é"]

    @on_every_driver
    def test_truth_values_are_asked_for_in_every_way(self, session: Session) -> None:
        session.add_all([Row(name="yes", flag=True), Row(name="no", flag=False)])
        session.flush()

        def names(*conditions: Any) -> list[list[str]]:
            return [list(session.scalars(sa.select(Row.name).where(one))) for one in conditions]

        assert names(Row.flag, Row.flag == True, Row.flag.in_([True]), Row.flag != False) == [["yes"]] * 4  # noqa: E712 - SQL
        assert names(~Row.flag, Row.flag == False, Row.flag.in_([False]), Row.flag != True) == [["no"]] * 4  # noqa: E712 - SQL

    @on_every_driver
    def test_truth_values_are_asked_for_by_is(self, session: Session) -> None:
        session.add_all([Row(name="yes", flag=True), Row(name="no", flag=False)])
        session.flush()

        def names(*conditions: Any) -> list[list[str]]:
            return [list(session.scalars(sa.select(Row.name).where(one))) for one in conditions]

        assert names(Row.flag.is_(True), Row.flag.is_not(False)) == [["yes"]] * 2
        assert names(Row.flag.is_(False), Row.flag.is_not(True)) == [["no"]] * 2

    @on_every_driver
    def test_ranges_are_found(self, session: Session) -> None:
        noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
        session.add_all([Counted(at=noon + timedelta(microseconds=step), price=Decimal(step)) for step in range(-2, 3)])
        session.flush()
        assert session.scalar(sa.select(sa.func.count()).where(Counted.at > noon)) == 2
        assert session.scalar(sa.select(sa.func.count()).where(Counted.price.between(-1, Decimal("1.00")))) == 3
        assert session.scalar(sa.select(sa.func.max(Counted.at))) == noon + timedelta(microseconds=2)

    @on_every_driver
    def test_text_is_matched_joined_and_compared_with_what_is_longer_than_the_column(self, session: Session) -> None:
        session.add_all([Counted(name="abc%"), Counted(name="XYZ"), Counted(name="abc ")])
        session.flush()
        assert session.scalars(
            sa.select(Counted.name).where(Counted.name.like("ab%")).order_by(Counted.name)
        ).all() == [
            "abc ",
            "abc%",
        ]
        assert session.scalars(sa.select(Counted.name).where(Counted.name.endswith("%", autoescape=True))).all() == [
            "abc%"
        ]
        assert session.scalars(sa.select(Counted.name + "!").where(Counted.name == "XYZ")).all() == ["XYZ!"]
        assert session.scalars(sa.select(Counted.name).where(Counted.name == "x" * 500)).all() == []
        assert session.scalars(sa.select(Counted.name).where(Counted.name.like("%" * 500 + "Z"))).all() == ["XYZ"]

    @on_every_driver
    def test_numbers_are_added_multiplied_and_summed_exactly(self, session: Session) -> None:
        session.add_all([Counted(price=Decimal("0.10"), count=3), Counted(price=Decimal("0.20"), count=-3)])
        session.flush()
        assert session.scalar(sa.select(sa.func.sum(Counted.price))) == Decimal("0.30")
        assert session.scalars(sa.select(Counted.price * 3).order_by(Counted.price)).all() == [
            Decimal("0.30"),
            Decimal("0.60"),
        ]
        assert session.scalars(sa.select(Counted.price * Counted.count).order_by(Counted.price)).all() == [
            Decimal("0.30"),
            Decimal("-0.60"),
        ]
        assert session.scalars(sa.select(Counted.price + Decimal("1.05")).order_by(Counted.price)).all() == [
            Decimal("1.15"),
            Decimal("1.25"),
        ]
        session.execute(sa.update(Counted).values(price=Counted.price - 1))
        assert session.scalars(sa.select(Counted.price).order_by(Counted.price)).all() == [
            Decimal("-0.90"),
            Decimal("-0.80"),
        ]

    @on_every_driver
    def test_whole_numbers_are_compared_with_what_does_not_fit_the_column(self, session: Session) -> None:
        session.add(Counted(count=7, share=0.5))
        session.flush()
        assert session.scalars(sa.select(Counted.count + 1).where(Counted.count < 100_000)).all() == [8]
        assert session.scalars(sa.select(Counted.count * 2).where(Counted.count != 2**40)).all() == [14]
        assert session.scalars(sa.select(Counted.share * 2).where(Counted.share < 1)).all() == [1.0]

    @on_every_driver
    def test_keys_are_counted_up_by_the_server(self, session: Session) -> None:
        first, second = Counted(), Counted()
        session.add_all([first, second])
        session.flush()
        assert second.id > first.id > 0

    @on_every_driver
    def test_what_is_left_out_is_filled_in_by_the_server(self, session: Session) -> None:
        made = Row()
        session.add(made)
        session.flush()
        session.refresh(made)
        assert abs(made.made_at - datetime.now(UTC)) < timedelta(minutes=5)
        found = {key: getattr(made, key) for key in Row.__table__.c.keys() if key not in {"id", "made_at"}}  # noqa: SIM118 - a collection of columns
        assert found == {
            "state": "new",
            "price": Decimal("-12.50"),
            "large": Decimal("-1.50000"),
            "flag": True,
            "day": date(2026, 1, 31),
            "at": datetime(2026, 1, 31, 10, 0, 0, 1, tzinfo=UTC),
            "name": "it's 100% \\ é😀 'x' :y",
            "small": -5,
            "big": 2**63 - 1,
            "share": 0.1,
            "tiny": 5e-324,
            "document": {},
            "listed": [],
            "tags": [],
            "numbers": [],
        }

    @on_every_driver
    def test_many_rows_with_keys_of_the_program_come_back_in_order(self, session: Session) -> None:
        rows = [Row(name=str(number)) for number in range(50)]
        session.add_all(rows)
        session.flush()
        assert [row.flag for row in rows] == [True] * 50
        session.expire_all()
        assert [session.get_one(Row, row.id).name for row in rows] == [str(number) for number in range(50)]

    @on_every_driver
    def test_an_enum_refuses_another_label_on_every_server(self, session: Session) -> None:
        session.add(Row())
        session.flush()
        with pytest.raises(sa.exc.DBAPIError), session.begin_nested():
            session.execute(sa.text("UPDATE rows SET state = 'other'"))
