"""The lease beside TiDB's lock, which is lost without a word: who has it, who may take it over, and who is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import sqlalchemy as sa

from dbkit.backends import get_backend
from dbkit.backends.tidb import living
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


# No test server has two TiDB servers, so the servers that are listed and the cluster's list are put in the place of the real ones.
NOBODYS = 3
TWO_SERVERS = sa.text("SELECT ddl_id FROM information_schema.tidb_servers_info UNION ALL SELECT 'another'")


@pytest.mark.parametrize(
    ("listing", "dead"),
    [
        ("SELECT id FROM information_schema.processlist", True),
        (f"SELECT {NOBODYS} AS id", False),
        # what is left when a server does not answer: no rows of it, and a warning
        ("SELECT CAST('no answer' AS SIGNED) AS id", False),
        # the real one, which the test server cannot answer
        ("SELECT /*+ MAX_EXECUTION_TIME(200) */ id FROM information_schema.cluster_processlist", False),
        ("SELECT id FROM information_schema.no_such_list", False),
    ],
)
def test_a_session_is_gone_only_where_every_server_of_the_cluster_has_said_so(
    config: DatabaseConfig, monkeypatch: pytest.MonkeyPatch, listing: str, *, dead: bool
) -> None:
    monkeypatch.setattr(living, "SERVERS", TWO_SERVERS)
    monkeypatch.setattr(living, "EVERYWHERE", sa.text(listing))
    with connect(config) as connection:
        me = connection.scalar(sa.text("SELECT current_user()"))
        assert living.dead(connection, NOBODYS, me) is dead


def test_our_own_number_is_no_proof_of_life_and_another_servers_same_number_is(
    config: DatabaseConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(living, "SERVERS", TWO_SERVERS)
    with connect(config) as connection:
        mine, me = connection.execute(sa.text("SELECT connection_id(), current_user()")).one()
        monkeypatch.setattr(living, "EVERYWHERE", sa.text(f"SELECT {mine} AS id"))
        assert living.dead(connection, mine, me)
        monkeypatch.setattr(living, "EVERYWHERE", sa.text(f"SELECT {mine} AS id UNION ALL SELECT {mine}"))
        assert not living.dead(connection, mine, me)


def test_the_only_server_of_a_cluster_is_asked_alone(config: DatabaseConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(living, "EVERYWHERE", sa.text("SELECT id FROM information_schema.no_such_list"))
    with connect(config) as connection, connect(config) as other:
        me, number = other.execute(sa.text("SELECT current_user(), connection_id()")).one()
        assert living.dead(connection, NOBODYS, me)
        assert not living.dead(connection, number, me)
