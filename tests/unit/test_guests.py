"""Guests on one connection: what they may end, and what they must not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from dbkit.errors import DbkitError
from dbkit.migrations.own.guests import Lender, LentEngine
from dbkit.migrations.own.guests_async import LentAsyncEngine

INSERT = sa.text("INSERT INTO t VALUES (:id)")


@pytest.fixture
def host() -> Iterator[sa.Connection]:
    """Give a connection to a database with a table, whose transactions begin as dbkit's do."""
    engine = sa.create_engine("sqlite://", poolclass=StaticPool)
    sa.event.listen(engine, "connect", lambda driver, _record: setattr(driver, "isolation_level", None))
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE TABLE t (id INTEGER PRIMARY KEY)"))
        connection.commit()
        yield connection
    engine.dispose()


def lend(host: sa.Connection, *, running: bool = False) -> LentEngine:
    return LentEngine(Lender.of(host, running=running))


def ids(host: sa.Connection) -> list[int]:
    """Read what stays when all that is unfinished is rolled back."""
    host.rollback()
    found = list(host.scalars(sa.text("SELECT id FROM t ORDER BY id")))
    host.rollback()
    return found


def test_a_guest_that_closes_leaves_the_connection_open_and_takes_back_its_work(host: sa.Connection) -> None:
    guest = lend(host).connect()
    guest.execute(INSERT, {"id": 1})
    guest.close()
    assert (guest.closed, host.closed, host.in_transaction()) == (True, False, False)
    assert ids(host) == []


def test_a_guest_that_closes_again_takes_nothing_back_of_what_came_after_it(host: sa.Connection) -> None:
    guest = lend(host).connect()
    guest.close()
    host.execute(INSERT, {"id": 1})
    guest.close()
    host.commit()
    assert ids(host) == [1]


def test_a_guest_in_an_autocommit_block_of_a_revision_sets_no_savepoint(host: sa.Connection) -> None:
    host.execution_options(isolation_level="AUTOCOMMIT")
    host.execute(INSERT, {"id": 1})
    guest = lend(host, running=True).connect()
    assert (guest.closed, host.in_transaction(), host.in_nested_transaction()) == (False, True, False)


def test_what_a_guest_commits_is_committed(host: sa.Connection) -> None:
    engine = lend(host)
    with engine.begin() as guest:
        guest.execute(INSERT, {"id": 1})
    with engine.connect() as guest:
        guest.execute(INSERT, {"id": 2})
        guest.commit()
        guest.execute(INSERT, {"id": 3})
    with pytest.raises(sa.exc.IntegrityError), engine.begin() as guest:
        guest.execute(INSERT, [{"id": 4}, {"id": 4}])
    assert ids(host) == [1, 2]


def test_to_begin_is_no_transaction_that_alembic_would_leave_to_others(host: sa.Connection) -> None:
    guest = lend(host).connect()
    loan = guest.begin()
    assert (loan.is_active, guest.in_transaction(), guest.get_transaction()) == (True, True, loan)
    assert not host.in_transaction()
    loan.rollback()
    assert (loan.is_active, guest.in_transaction()) == (False, False)
    with guest.begin_twophase() as loan:
        guest.execute(INSERT, {"id": 1})
        loan.prepare()
    assert ids(host) == [1]


def test_a_guest_that_closes_beside_another_one_takes_nothing_of_its_work_back(host: sa.Connection) -> None:
    engine = lend(host)
    with engine.connect() as guest:
        guest.execute(INSERT, {"id": 1})
        assert sa.inspect(engine).has_table("t")
        guest.commit()
    assert ids(host) == [1]


def test_in_the_middle_of_a_revision_nothing_that_a_guest_ends_ends_the_revision(host: sa.Connection) -> None:
    engine, step = lend(host, running=True), host.begin()
    host.execute(INSERT, {"id": 1})
    with engine.begin() as guest:
        guest.execute(INSERT, {"id": 2})
    with pytest.raises(sa.exc.IntegrityError), engine.begin() as guest:
        guest.execute(INSERT, [{"id": 3}, {"id": 3}])
    with engine.connect() as guest:
        guest.execute(INSERT, {"id": 4})
        guest.commit()
        guest.execute(INSERT, {"id": 5})
        guest.rollback()
        guest.execute(INSERT, {"id": 6})
    with Session(engine) as session:
        session.execute(INSERT, {"id": 7})
        session.commit()
        session.execute(INSERT, {"id": 8})
    assert step.is_active
    step.commit()
    assert ids(host) == [1, 2, 4, 7]


def test_a_revision_that_is_rolled_back_takes_its_guests_work_along(host: sa.Connection) -> None:
    engine, step = lend(host, running=True), host.begin()
    with engine.begin() as guest:
        guest.execute(INSERT, {"id": 1})
    raw = engine.raw_connection()
    raw.cursor().execute("INSERT INTO t VALUES (2)")
    raw.commit()
    raw.close()
    with pytest.raises(DbkitError, match="rolls back on the driver's connection"):
        raw.rollback()
    step.rollback()
    assert ids(host) == []


def test_the_drivers_own_connection_is_lent_and_cannot_be_closed(host: sa.Connection) -> None:
    raw = lend(host).raw_connection()
    host.begin()
    raw.cursor().execute("INSERT INTO t VALUES (1)")
    raw.commit()
    raw.close()
    host.rollback()
    assert ids(host) == [1]


def test_an_autocommit_that_a_guest_has_set_ends_with_it(host: sa.Connection) -> None:
    engine = lend(host)
    with engine.execution_options(isolation_level="AUTOCOMMIT", tag="x").connect() as guest:
        assert guest.get_execution_options()["tag"] == "x"
        assert guest.get_execution_options()["isolation_level"] == "AUTOCOMMIT"
    assert "tag" not in host.get_execution_options()
    assert host.get_execution_options().get("isolation_level") != "AUTOCOMMIT"
    engine.update_execution_options(tag="y")
    assert engine.connect().get_execution_options()["tag"] == "y"


def test_an_error_of_a_guest_is_not_rolled_back_behind_the_revisions_back(host: sa.Connection) -> None:
    engine, step = lend(host, running=True), host.begin()
    host.execute(INSERT, {"id": 1})
    guest = engine.connect()
    with pytest.raises(sa.exc.OperationalError):
        guest.execute(sa.text("SELECT * FROM nowhere"))
    with pytest.raises(DbkitError, match="wants isolation level 'AUTOCOMMIT' in the middle of a transaction"):
        engine.execution_options(isolation_level="AUTOCOMMIT").connect()
    step.commit()
    assert ids(host) == [1]


def test_before_revisions_run_what_was_done_is_committed_and_autocommit_is_off(host: sa.Connection) -> None:
    lender = Lender.of(host)
    guest = LentEngine(lender).connect()
    guest.execution_options(isolation_level="AUTOCOMMIT", schema_translate_map={None: None})
    guest.execute(INSERT, {"id": 1})
    lender.before_revisions()
    assert not host.in_transaction()
    assert set(host.get_execution_options()) == {"schema_translate_map"}
    assert ids(host) == [1]


def test_the_connection_of_alembic_cannot_be_taken_away(host: sa.Connection) -> None:
    resident = Lender.of(host, running=True).resident()
    resident.close()
    with resident.connect() as same:
        assert same.scalar(sa.text("SELECT 1")) == 1
    assert not host.closed
    for take in (resident.detach, resident.invalidate):
        with pytest.raises(DbkitError, match="the connection that holds the lock"):
            take()
    assert isinstance(resident.engine, LentEngine)
    resident.engine.dispose()
    assert resident.scalar(sa.text("SELECT 1")) == 1


def test_a_lost_connection_is_not_opened_anew(host: sa.Connection) -> None:
    engine = lend(host)
    host.invalidate()
    for ask in (engine.connect, engine.raw_connection):
        with pytest.raises(DbkitError, match="the connection was lost"):
            ask()


def test_listeners_hear_what_guests_send_and_nothing_of_a_new_connection(host: sa.Connection) -> None:
    engine, heard = lend(host), []
    sa.event.listen(engine, "connect", lambda *_given: heard.append("connect"))
    sa.event.listen(engine, "before_cursor_execute", lambda *given: heard.append(given[2]))
    with engine.connect() as guest:
        guest.execute(sa.text("SELECT 1"))
    assert [one for one in heard if one != "BEGIN"] == ["SELECT 1"]


def test_the_asynchronous_twins_await_on_a_driver_that_does_not(host: sa.Connection) -> None:
    engine = LentAsyncEngine(lend(host)).execution_options(tag="x")

    async def use() -> list[int]:
        async with engine.begin() as connection:
            await connection.execute(INSERT, {"id": 1})
            await connection.run_sync(lambda inside: inside.execute(INSERT, {"id": 2}))
        async with engine.connect() as connection:
            await connection.exec_driver_sql("INSERT INTO t VALUES (3)")
            await connection.rollback()
        async with AsyncSession(engine) as session:
            await session.execute(INSERT, {"id": 4})
            await session.commit()
        await engine.dispose()
        async with engine.connect() as connection:
            return list((await connection.scalars(sa.text("SELECT id FROM t"))).all())

    assert asyncio.run(use()) == [1, 2, 4]
    assert ids(host) == [1, 2, 4]
