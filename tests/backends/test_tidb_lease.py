"""The lease beside TiDB's lock, which is lost without a word: who has it, who may take it over, and who is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import sqlalchemy as sa

from dbkit.backends import get_backend
from dbkit.backends.tidb.locks import lock_name
from dbkit.config import DatabaseConfig
from dbkit.config.connect import connect
from dbkit.errors import LeaseLostError, LockedError
from tests.servers import Server, find_server, how_to_start

pytestmark = pytest.mark.tidb
locker = get_backend("tidb").locker


@pytest.fixture(scope="module")
def server() -> Server:
    """Give the TiDB server."""
    found = find_server("tidb")
    if found is None:
        pytest.skip(how_to_start("tidb"))
    return found


@pytest.fixture
def config(server: Server) -> Iterator[DatabaseConfig]:
    """Give the configuration of an empty database."""
    with server.database() as name:
        yield DatabaseConfig.from_env("user", environ=server.environ(name))


def nothing() -> None:
    """Hear nothing."""


def test_the_lease_names_its_run_and_its_statement(config: DatabaseConfig) -> None:
    with connect(config, migrating=True) as one, connect(config) as other:
        with locker.lock(one, patience_s=0, on_wait=nothing) as lock:
            one.execute(sa.text("SELECT 1"))  # begins a transaction, as every revision does
            lock.before_statement("CREATE TABLE a (id INT)")
            one.commit()
            row = other.execute(sa.text("SELECT run_id, statement, beat FROM dbkit_lease")).one()
            assert (len(row.run_id), row.statement, row.beat) == (32, "CREATE TABLE a (id INT)", 1)
            other.rollback()
        assert other.execute(sa.text("SELECT run_id FROM dbkit_lease")).one() == (None,)


def test_a_second_run_is_kept_out_and_told_who_has_the_lock(config: DatabaseConfig) -> None:
    with connect(config, migrating=True) as one, connect(config, migrating=True) as two:
        with (
            locker.lock(one, patience_s=0, on_wait=nothing),
            pytest.raises(LockedError, match=r"is locked by process \d+ on "),
            locker.lock(two, patience_s=0, on_wait=nothing),
        ):
            pass
        with locker.lock(two, patience_s=0, on_wait=nothing):
            pass


def test_a_run_that_has_lost_its_lock_is_still_protected_by_its_lease(config: DatabaseConfig) -> None:
    with (
        connect(config, migrating=True) as one,
        connect(config, migrating=True) as two,
        locker.lock(one, patience_s=0, on_wait=nothing) as lock,
    ):
        # what max-txn-ttl does after an hour
        one.execute(sa.text("SELECT RELEASE_LOCK(:name)"), {"name": lock_name(str(config.database))})
        one.commit()
        with pytest.raises(LockedError), locker.lock(two, patience_s=0, on_wait=nothing):
            pass
        lock.before_statement("SELECT 1")


def test_the_lease_of_a_dead_connection_is_taken_over(config: DatabaseConfig) -> None:
    with ExitStack() as stack, connect(config, migrating=True) as two:
        one = connect(config, migrating=True)
        stack.enter_context(locker.lock(one, patience_s=0, on_wait=nothing))
        one.invalidate()  # closes the socket, and leaves the lease as it is
        with locker.lock(two, patience_s=10, on_wait=nothing) as lock:
            lock.before_statement("SELECT 1")


def test_a_run_whose_lease_was_taken_over_sends_nothing_more(config: DatabaseConfig) -> None:
    with (
        connect(config, migrating=True) as one,
        connect(config) as two,
        locker.lock(one, patience_s=0, on_wait=nothing) as lock,
    ):
        two.execute(sa.text("UPDATE dbkit_lease SET run_id = 'another'"))
        two.commit()
        with pytest.raises(LeaseLostError, match="has been taken over by another run"):
            lock.before_statement("DROP TABLE a")
