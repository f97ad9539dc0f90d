"""Sample rows are written, on every backend by every driver: those that are missing, all of them or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from dbkit.config import DatabaseConfig
from dbkit.config.connect import connect
from dbkit.errors import InterruptedRunError, SeedError, UnreachableError
from dbkit.migrations.seeding.samples import read_rows
from dbkit.migrations.seeding.sowing import Sower
from tests.sampled import LONG_AGO, Base, Desk, Drawer, Group, Person, Team, everything, key
from tests.servers import WAYS, Database

SYNC = [pytest.param(way, id=str(way), marks=getattr(pytest.mark, way.backend)) for way in WAYS if not way.asynchronous]
pytestmark = pytest.mark.parametrize("database", SYNC, indirect=True)


@dataclass(frozen=True, kw_only=True)
class Field:
    """A database with the tables of the samples, empty."""

    config: DatabaseConfig
    pauses: list[None] = field(default_factory=list)

    def sow(self, *given: object, tell: Callable[[int, int], None] = lambda _done, _total: None) -> int:
        with connect(self.config) as connection:
            sower = Sower(
                connection=connection, root=Path(__file__).parent, tell=tell, pause=lambda: self.pauses.append(None)
            )
            return sower.put(read_rows(given, Base.metadata))

    def missing(self, *given: object) -> int:
        with connect(self.config) as connection:
            sower = Sower(connection=connection, root=Path(), tell=print, pause=print)
            return len(sower.missing(read_rows(given, Base.metadata)))

    def read(self, *columns: object) -> list[tuple[object, ...]]:
        with connect(self.config) as connection:
            return [tuple(row) for row in connection.execute(sa.select(*columns))]  # type: ignore[call-overload] # columns of tables

    def counts(self) -> dict[str, int]:
        with connect(self.config) as connection:
            tables = Base.metadata.sorted_tables
            return {
                table.name: count
                for table in tables
                if (count := connection.scalar(sa.select(sa.func.count()).select_from(table)))
            }

    def run(self, statement: sa.Executable) -> None:
        with connect(self.config) as connection:
            connection.execute(statement)
            connection.commit()


@pytest.fixture(scope="module")
def tables(database: Database) -> DatabaseConfig:
    Base.metadata.create_all(database.engine)
    return DatabaseConfig.from_env(environ=database.environ)


@pytest.fixture
def sown(tables: DatabaseConfig) -> Iterator[Field]:
    yield Field(config=tables)
    with connect(tables) as connection:
        connection.execute(sa.update(Person.__table__).values(boss_id=None))  # type: ignore[arg-type] # a table
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(sa.delete(table))
        connection.commit()


def person(name: str, **values: object) -> Person:
    return Person(id=key(name), **{"email": f"{name}@x", **values})


ALL = {"desks": 1, "drawers": 2, "groups": 2, "membership": 2, "people": 3, "teams": 1}


def test_all_rows_are_written_in_whatever_order_the_seed_gives_them(sown: Field) -> None:
    assert sown.sow(*everything()) == 10
    assert sown.counts() == ALL


def test_what_is_read_back_is_what_the_seed_has_set_and_what_defaults_made_of_the_rest(sown: Field) -> None:
    sown.sow(*everything())
    with connect(sown.config) as connection, Session(connection) as session:
        ann, zoe = (session.get_one(Person, key(name)) for name in ("ann", "zoe"))
        assert (ann.email, ann.tags, ann.settings, ann.boss_id, ann.version) == ("ann@x", ["new"], {}, key("zoe"), 1)
        assert (zoe.tags, zoe.settings, zoe.made_at, zoe.version) == ([], {"a": [1]}, LONG_AGO, 1)
        assert ann.made_at > LONG_AGO
        red = session.get_one(Group, key("red"))
        assert isinstance(red, Team)
        assert (red.kind, red.lead_id, {one.id for one in red.people}) == ("team", key("bob"), {key("ann"), key("bob")})


def test_a_row_has_the_version_that_the_seed_has_set(sown: Field) -> None:
    assert sown.sow(person("ann", version=4, made_at=LONG_AGO), person("bob", version=1), person("zoe")) == 3

    found = {row[0]: row[1:] for row in sown.read(Person.email, Person.version, Person.made_at)}
    assert {email: version for email, (version, _) in found.items()} == {"ann@x": 4, "bob@x": 1, "zoe@x": 1}
    assert found["ann@x"] == (4, LONG_AGO)


def test_a_second_run_writes_nothing(sown: Field) -> None:
    sown.sow(*everything())
    assert sown.missing(*everything()) == 0
    assert sown.sow(*everything()) == 0
    assert sown.counts() == ALL


def test_rows_that_somebody_has_changed_stay_as_they_are(sown: Field) -> None:
    sown.sow(*everything())
    sown.run(sa.update(Person).where(Person.id == key("bob")).values(email="robert@x", version=7))
    assert sown.sow(*everything()) == 0
    assert sown.read(Person.email, Person.version) != []
    assert ("robert@x", 7) in sown.read(Person.email, Person.version)


def test_what_somebody_has_deleted_is_written_again_and_nothing_else(sown: Field) -> None:
    sown.sow(*everything())
    sown.run(sa.delete(Drawer).where(Drawer.number == 2))
    sown.run(sa.delete(Base.metadata.tables["membership"]).where(sa.column("person_id", Person.id.type) == key("bob")))
    assert sown.missing(*everything()) == 2
    assert sown.sow(*everything()) == 2
    assert sown.counts() == ALL


def test_a_parent_may_be_in_the_database_alone(sown: Field) -> None:
    sown.sow(person("zoe"))
    assert sown.sow(person("ann", boss_id=key("zoe"))) == 1


def test_a_row_whose_parent_is_nowhere_is_refused_before_anything_is_written(sown: Field) -> None:
    with pytest.raises(SeedError) as caught:
        sown.sow(person("zoe"), person("ann", boss_id=key("gone")), Drawer(desk_id=key("no desk"), number=1))
    assert caught.value.message == (
        f"table 'people', row id='{key('ann')}': the row of table 'people' with id='{key('gone')}' "
        "is neither in the seed nor in the database (1 more such)"
    )
    assert sown.counts() == {}


def test_a_value_that_is_taken_already_is_told_in_the_databases_own_words(sown: Field) -> None:
    sown.sow(person("somebody", email="ann@x"))
    with pytest.raises(
        SeedError, match=r"^rows of table 'people' cannot be written: .*(?i:unique|duplicate)"
    ) as caught:
        sown.sow(person("zoe"), Desk(person=person("ann")))
    assert "\n" not in caught.value.message
    assert sown.counts() == {"people": 1}
    assert len(sown.pauses) == 1


def test_two_sample_rows_with_the_same_unique_value_are_refused(sown: Field) -> None:
    with pytest.raises(SeedError, match="rows of table 'people' cannot be written"):
        sown.sow(person("ann"), person("bob", email="ann@x"))
    assert sown.counts() == {}


def test_a_value_that_its_type_refuses_is_told_with_its_row_and_column(sown: Field) -> None:
    with pytest.raises(SeedError) as caught:
        sown.sow(person("zoe"), person("ann", email="a" * 21))
    assert caught.value.message.startswith(f"table 'people', row id='{key('ann')}': column 'email': ")
    assert sown.counts() == {}


def test_what_the_database_refuses_leaves_nothing_behind(sown: Field) -> None:
    with pytest.raises(SeedError, match=r"^rows of table 'people' cannot be written: .*email"):
        sown.sow(Group(id=key("all")), Person(id=key("zoe")))
    assert sown.counts() == {}


def test_a_function_of_the_models_that_raises_is_told_with_its_line(sown: Field) -> None:
    def refuse(*_: object) -> None:
        message = "not on a Saturday"
        raise RuntimeError(message)

    sa.event.listen(Drawer, "before_insert", refuse)
    try:
        with pytest.raises(SeedError) as caught:
            sown.sow(*everything())
    finally:
        sa.event.remove(Drawer, "before_insert", refuse)
    line = refuse.__code__.co_firstlineno + 2
    assert caught.value.message == (
        f"rows of table 'drawers' cannot be written: RuntimeError at {__file__}:{line}: not on a Saturday"
    )
    assert sown.counts() == {}


def test_who_gives_up_between_two_tables_leaves_nothing_behind(sown: Field) -> None:
    def give_up(done: int, total: int) -> None:
        if done:
            message = f"{done} of {total}"
            raise InterruptedRunError(message)

    with pytest.raises(InterruptedRunError, match=r"\d of 10"):
        sown.sow(*everything(), tell=give_up)
    assert sown.counts() == {}


def end_connections(database: Database) -> None:
    """End all connections to a database, as an administrator does."""
    assert database.server is not None
    name = database.environ["DATABASE_NAME"]
    if database.backend == "postgresql":
        database.server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        return
    with database.server.engine(poolclass=NullPool).connect() as eyes:
        for (number,) in eyes.exec_driver_sql(
            f"SELECT id FROM information_schema.processlist WHERE db = '{name}'"
        ).all():
            eyes.exec_driver_sql(f"KILL {number}")


def test_where_the_connection_is_lost_nothing_is_written(sown: Field, database: Database) -> None:
    if database.server is None:
        pytest.skip("nobody can end a connection to a file")

    def cut(done: int, _total: int) -> None:
        if done == 5:
            end_connections(database)

    with pytest.raises(UnreachableError, match=r"^rows of table 'desks' cannot be written: ") as caught:
        sown.sow(*everything(), tell=cut)
    assert caught.value.hint == "run the command again: all of them are written, or none"
    assert sown.counts() == {}
    assert sown.sow(*everything()) == 10


def test_what_another_run_has_just_written_is_found_there(sown: Field) -> None:
    others: list[int] = []

    def meanwhile(_done: int, _total: int) -> None:
        if not others:
            others.append(0)
            others.append(sown.sow(*everything()))

    assert sown.sow(*everything(), tell=meanwhile) == 0
    assert others == [0, 10]
    assert sown.counts() == ALL


def test_what_another_run_has_written_in_part_is_completed(sown: Field) -> None:
    others: list[int] = []

    def meanwhile(_done: int, _total: int) -> None:
        if not others:
            others.append(0)
            others.append(sown.sow(person("zoe"), person("bob")))

    assert sown.sow(*everything(), tell=meanwhile) == 8
    assert sown.counts() == ALL


def test_more_rows_than_one_question_takes_are_looked_for(sown: Field) -> None:
    def many() -> list[object]:
        owner = person("owner")
        return [Desk(person=owner, drawers=[Drawer(number=number) for number in range(900)])]

    assert sown.sow(*many()) == 902
    assert sown.missing(*many()) == 0
