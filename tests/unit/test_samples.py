"""What is read off the instances that a seed gives, what is refused, and in which order rows can be written."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, make_transient_to_detached, mapped_column

from dbkit.errors import SeedError
from dbkit.migrations.seeding.samples import Row, read_rows
from dbkit.migrations.seeding.sowing import generations
from tests.sampled import Base, Desk, Drawer, Group, Person, everything, key


class OtherBase(DeclarativeBase):
    pass


class Foreign(OtherBase):
    __tablename__ = "people"

    id: Mapped[int] = mapped_column(primary_key=True)


class Ring(OtherBase):
    __tablename__ = "rings"

    id: Mapped[int] = mapped_column(primary_key=True)
    next_id: Mapped[int | None] = mapped_column(sa.ForeignKey("rings.id"))


def read(*given: object) -> list[Row]:
    return read_rows(given, Base.metadata)


def named(rows: list[Row]) -> list[str]:
    return [f"{row.table} {', '.join(map(str, row.key))}" for row in rows]


def test_what_is_related_is_read_too_and_each_row_once() -> None:
    ann = Person(id=key("ann"), email="ann@x")
    desk = Desk(person=ann, drawers=[Drawer(number=1)])
    assert sorted(named(read(desk, ann))) == [
        f"desks {key('ann')}",
        f"drawers {key('ann')}, 1",
        f"people {key('ann')}",
    ]


def test_an_association_that_both_ends_know_is_one_row() -> None:
    ann = Person(id=key("ann"), email="ann@x")
    group = Group(id=key("all"), people=[ann])
    assert ann.groups == [group]
    assert [row.key for row in read(ann, group) if row.instance is None] == [(key("ann"), key("all"))]


def test_what_a_relationship_says_is_known_before_anything_is_written() -> None:
    ann = Person(id=key("ann"), email="ann@x", desk=Desk())
    (desk,) = [row for row in read(ann) if row.table == "desks"]
    assert (desk.key, [str(reference) for reference in desk.references]) == (
        (key("ann"),),
        [f"the row of table 'people' with id='{key('ann')}'"],
    )


def test_rows_come_after_those_that_they_refer_to() -> None:
    found = [sorted({row.table for row in part}) for part in generations(read(*everything()))]
    assert found == [["groups", "people"], ["groups", "people"], ["desks", "membership"], ["drawers"]]


def test_rows_of_one_generation_keep_the_order_of_the_seed() -> None:
    people = [Person(id=key(name), email=name) for name in ("c", "a", "b")]
    assert [[row.key[0] for row in part] for part in generations(read(*people))] == [[key("c"), key("a"), key("b")]]


def test_rows_that_refer_to_each_other_in_a_circle_are_refused() -> None:
    rows = read_rows([Ring(id=1, next_id=2), Ring(id=2, next_id=1)], OtherBase.metadata)
    with pytest.raises(
        SeedError, match=r"table 'rings', row id=1: this row and 1 more refer to each other in a circle"
    ):
        generations(rows)


def test_a_row_may_refer_to_itself() -> None:
    (row,) = read_rows([Ring(id=1, next_id=1)], OtherBase.metadata)
    assert generations([row]) == [[row]]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("a text", "the seed gives 'a text', which is no instance of a mapped class"),
        (Person, "which is no instance of a mapped class"),
        (Foreign(id=1), "the seed gives an instance of Foreign, which is no model of this service"),
    ],
    ids=["text", "class", "foreign"],
)
def test_what_is_no_row_of_the_service_is_refused(given: object, said: str) -> None:
    with pytest.raises(SeedError, match=said) as caught:
        read(given)
    assert caught.value.hint


def test_a_row_that_was_read_from_a_database_is_refused() -> None:
    ann = Person(id=key("ann"), email="ann@x")
    make_transient_to_detached(ann)
    with pytest.raises(SeedError, match="an instance of Person that was read from a database"):
        read(ann)


def test_a_row_without_a_key_is_refused_also_where_the_model_would_make_one_up() -> None:
    with pytest.raises(SeedError, match="sample row 2 of table 'people' has no 'id'"):
        read(Person(id=key("ann"), email="ann@x"), Person(email="bob@x"))


def test_half_a_key_is_none() -> None:
    with pytest.raises(SeedError, match="sample row 1 of table 'drawers' has no 'number'"):
        read(Drawer(desk_id=key("ann")))


def test_a_key_that_the_database_would_make_is_none() -> None:
    with pytest.raises(SeedError, match="sample row 1 of table 'people' has no 'id'"):
        read(Person(id=sa.func.gen_random_uuid(), email="ann@x"))


def test_two_rows_with_one_key_are_refused() -> None:
    with pytest.raises(SeedError, match=rf"two sample rows of table 'people' have id='{key('ann')}'"):
        read(Person(id=key("ann"), email="ann@x"), Person(id=key("ann"), email="bob@x"))


def test_reading_changes_no_key_and_no_value() -> None:
    first, second = everything(), everything()
    read(*first)
    assert [vars(one).get("email") for one in first] == [vars(one).get("email") for one in second]
