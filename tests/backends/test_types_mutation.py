"""Documents and arrays that are changed in place: nothing is lost, wherever the change is made."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

import dbkit.types as dbt
from tests.servers import Database


class Base(DeclarativeBase):
    pass


class Paper(Base):
    __tablename__ = "papers"

    id: Mapped[int] = mapped_column(dbt.Integer(), primary_key=True)
    document: Mapped[Any] = mapped_column(dbt.Json(), server_default=dbt.EmptyObject())
    tags: Mapped[list[str] | None] = mapped_column(dbt.Array(dbt.Text()))


class Chapter(Paper):
    pass


@pytest.fixture(scope="module")
def engine(database: Database) -> Iterator[sa.Engine]:
    Base.metadata.create_all(database.engine)
    yield database.engine
    Base.metadata.drop_all(database.engine)


@pytest.fixture
def paper(engine: sa.Engine) -> int:
    document = {"title": "x", "authors": [{"name": "a"}, {"name": "b"}], "pages": {"first": 1}}
    with Session(engine) as session:
        session.execute(sa.delete(Paper))
        session.add(Paper(id=1, document=document, tags=["one", "two"]))
        session.commit()
    return 1


def stored(engine: sa.Engine, column: str = "document") -> Any:
    with engine.connect() as connection:
        return connection.scalar(sa.select(Paper.__table__.c[column]).where(Paper.__table__.c.id == 1))


CHANGES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "a key is set": (lambda d: d.__setitem__("title", "y"), lambda d: d["title"] == "y"),
    "a key is deleted": (lambda d: d.__delitem__("title"), lambda d: "title" not in d),
    "a key is popped": (lambda d: d.pop("title"), lambda d: "title" not in d),
    "the document is updated": (lambda d: d.update(title="y"), lambda d: d["title"] == "y"),
    "the document is merged": (lambda d: d.__ior__({"title": "y"}), lambda d: d["title"] == "y"),
    "the document is cleared": (lambda d: d.clear(), lambda d: d == {}),
    "a default is set deep": (lambda d: d.setdefault("new", {}).update(k=1), lambda d: d["new"] == {"k": 1}),
    "a nested key is set": (
        lambda d: d["pages"].__setitem__("last", 9),
        lambda d: d["pages"] == {"first": 1, "last": 9},
    ),
    "a list within is appended to": (lambda d: d["authors"].append(5), lambda d: d["authors"][2] == 5),
    "a list within is extended": (lambda d: d["authors"].extend([5]), lambda d: d["authors"][2] == 5),
    "a list within is added to": (lambda d: d["authors"].__iadd__([5]), lambda d: d["authors"][2] == 5),
    "a list within is reversed": (lambda d: d["authors"].reverse(), lambda d: d["authors"][0] == {"name": "b"}),
    "an item is replaced": (lambda d: d["authors"].__setitem__(0, 1), lambda d: d["authors"][0] == 1),
    "an object in a list is changed": (
        lambda d: d["authors"][1].update(name="c"),
        lambda d: d["authors"][1] == {"name": "c"},
    ),
    "1 becomes true": (lambda d: d["pages"].__setitem__("first", True), lambda d: d["pages"]["first"] is True),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_stored_when(engine: sa.Engine, paper: int, change: str) -> None:
    make, proved = CHANGES[change]
    with Session(engine) as session:
        make(session.get_one(Paper, paper).document)
        session.commit()
    assert proved(stored(engine))


def test_a_change_is_stored_after_the_first_flush_too(engine: sa.Engine, paper: int) -> None:
    with Session(engine) as session:
        found = session.get_one(Paper, paper)
        document = found.document
        document["fresh"] = {"n": 1}
        session.flush()
        document["fresh"]["n"] = 2
        document["pages"]["first"] = 3
        session.commit()
    assert (stored(engine)["fresh"], stored(engine)["pages"]) == ({"n": 2}, {"first": 3})


def test_an_assigned_document_may_be_changed_until_it_is_flushed_and_through_the_instance_later(
    engine: sa.Engine, paper: int
) -> None:
    with Session(engine) as session:
        found = session.get_one(Paper, paper)
        mine: dict[str, Any] = {"a": []}
        found.document = mine
        mine["a"].append(1)
        session.flush()
        found.document["a"].append(2)
        session.commit()
    assert stored(engine) == {"a": [1, 2]}


def test_an_array_is_tracked(engine: sa.Engine, paper: int) -> None:
    with Session(engine) as session:
        tags = session.get_one(Paper, paper).tags
        assert tags is not None
        tags.append("three")
        tags.sort()
        session.commit()
    assert stored(engine, "tags") == ["one", "three", "two"]


def test_scalars_at_the_top_are_values_too(engine: sa.Engine, paper: int) -> None:
    with Session(engine) as session:
        found = session.get_one(Paper, paper)
        found.document = 1
        session.commit()
        found.document = True
        session.commit()
    assert stored(engine) is True


def test_a_server_default_is_tracked(engine: sa.Engine, paper: int) -> None:
    with Session(engine) as session:
        session.delete(session.get_one(Paper, paper))
        session.flush()
        fresh = Paper(id=1)
        session.add(fresh)
        session.flush()
        fresh.document["a"] = 1
        session.commit()
    assert stored(engine) == {"a": 1}


def test_nothing_is_written_where_nothing_changed(engine: sa.Engine, paper: int) -> None:
    with Session(engine) as session:
        found = session.get_one(Paper, paper)
        assert found.document["pages"] == {"first": 1}
        found.document = {"pages": {"first": 1}, "authors": [{"name": "a"}, {"name": "b"}], "title": "x"}
        assert not session.is_modified(found)


def test_a_change_to_an_expired_document_is_refused(engine: sa.Engine, paper: int) -> None:
    with Session(engine) as session:
        document = session.get_one(Paper, paper).document
        session.expire_all()
        with pytest.raises(InvalidRequestError):
            document["title"] = "lost"


@pytest.mark.usefixtures("paper")
def test_a_subclass_is_tracked(engine: sa.Engine) -> None:
    with Session(engine) as session:
        session.query(Chapter).one().document["title"] = "y"
        session.commit()
    assert stored(engine)["title"] == "y"


def test_a_merged_instance_is_tracked(engine: sa.Engine, paper: int) -> None:
    with Session(engine) as session:
        detached = session.get_one(Paper, paper)
        session.expunge(detached)
        merged = session.merge(detached)
        session.flush()
        merged.document["pages"]["first"] = 7
        session.commit()
    assert stored(engine)["pages"] == {"first": 7}


def test_a_pickled_instance_is_tracked_when_it_is_back(engine: sa.Engine, paper: int) -> None:
    with Session(engine) as session:
        found = session.get_one(Paper, paper)
        session.expunge(found)
    back = pickle.loads(pickle.dumps(found))
    with Session(engine) as session:
        session.add(back)
        back.document["authors"].append(1)
        session.commit()
    assert stored(engine)["authors"][2] == 1


def test_copies_are_plain(engine: sa.Engine, paper: int) -> None:
    with Session(engine) as session:
        document = session.get_one(Paper, paper).document
        for made in (copy.deepcopy(document), pickle.loads(pickle.dumps(document))):
            assert (type(made), type(made["authors"]), made) == (dict, list, document)
        assert type(document.copy()) is dict
        assert not session.dirty
