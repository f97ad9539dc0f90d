"""Pools as the servers see them: limits, dead connections, the order of use, age, and many users at once."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from dbkit.errors import PoolTimeoutError, UnreachableError
from tests.backends.asking import Asker, Kind, asking
from tests.backends.pooled import Seen, crowd, in_both_kinds, seen_by
from tests.servers import Server

pytestmark = in_both_kinds
USERS = 50


@pytest.fixture(scope="module")
def seen(server: Server) -> Iterator[Seen]:
    with seen_by(server) as found:
        yield found


def sized(seen: Seen, kind: Kind, size: int, overflow: int) -> Any:
    """Make an engine whose pool is full at once; nobody waits long for it."""
    assert seen.settled(lambda ids: not ids) == set()
    return asking(seen.config, kind, pool_size=size, max_overflow=overflow, pool_timeout=0.1)


# --- limits ---------------------------------------------------------------------------------------------------------------


def test_no_more_connections_are_open_than_pool_size_and_max_overflow_allow(seen: Seen, kind: Kind) -> None:
    with sized(seen, kind, 2, 1) as pool:
        held = [pool.hold() for _ in range(3)]
        ids = {one.ask(seen.own) for one in held}
        with pytest.raises(sa.exc.TimeoutError):
            pool.hold()
        assert seen.ids() == ids
        assert len(ids) == 3
        for one in held:
            one.close()


def test_a_wait_that_was_in_vain_says_which_settings_ran_out(seen: Seen, kind: Kind) -> None:
    with sized(seen, kind, 2, 1) as pool:
        held = [pool.hold() for _ in range(3)]
        with pytest.raises(sa.exc.TimeoutError) as caught:
            pool.hold()
        for one in held:
            one.close()
    error = caught.value
    assert str(error) == (
        "no connection of the pool became free within 0.1 s: all 3 are in use "
        "(DATABASE_POOL_SIZE 2, DATABASE_MAX_OVERFLOW 1)"
    )
    assert isinstance(error, PoolTimeoutError)
    assert not isinstance(error, UnreachableError)
    assert error.hint == (
        "close connections and sessions sooner, also where work fails, "
        "or raise DATABASE_POOL_SIZE or DATABASE_MAX_OVERFLOW"
    )
    assert error.code == "3o7r"
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.hint) == (type(error), str(error), error.hint)


def test_a_wait_in_vain_costs_the_pool_nothing(seen: Seen, kind: Kind) -> None:
    with sized(seen, kind, 1, 0) as pool:
        held = pool.hold()
        before = held.ask(seen.own)
        for _ in range(2):
            with pytest.raises(PoolTimeoutError):
                pool.hold()
        held.close()
        assert pool.ask(seen.own) == before


def test_connections_above_pool_size_are_closed_when_they_are_given_back(seen: Seen, kind: Kind) -> None:
    with sized(seen, kind, 2, 2) as pool:
        held = [pool.hold() for _ in range(4)]
        ids = [one.ask(seen.own) for one in held]
        for one in held:
            one.close()
        assert seen.settled(lambda found: len(found) <= 2) == set(ids[:2])


def test_who_waits_is_given_the_connection_that_comes_back(seen: Seen, kind: Kind) -> None:
    def ask(connection: sa.Connection) -> Any:
        return connection.exec_driver_sql(seen.own).scalar()

    assert len(set(crowd(seen.config, kind, [ask] * 6, pool_size=1, max_overflow=0, pool_timeout=20))) == 1


# --- connections that died ------------------------------------------------------------------------------------------------


def pooled(pool: Asker, seen: Seen, number: int) -> list[Any]:
    """Have some connections lie in the pool; the last is the one that is taken first."""
    held = [pool.hold() for _ in range(number)]
    ids = [one.ask(seen.own) for one in held]
    for one in held:
        one.close()
    return ids


def taken(pool: Asker, seen: Seen, number: int) -> list[Any]:
    """Take some at once, ask each for its number, and give them back."""
    held = [pool.hold() for _ in range(number)]
    ids = [one.ask(seen.own) for one in held]
    for one in reversed(held):
        one.close()
    return ids


def test_a_pooled_connection_that_was_killed_is_replaced(seen: Seen, kind: Kind) -> None:
    with sized(seen, kind, 3, 0) as pool:
        first, second, third = pooled(pool, seen, 3)
        seen.kill(first)
        ids = taken(pool, seen, 3)
        assert ids[:2] == [third, second]
        assert ids[2] not in {first, second, third}
        assert seen.ids() == set(ids)


def test_pooled_connections_that_were_all_killed_are_all_replaced(seen: Seen, kind: Kind) -> None:
    with sized(seen, kind, 3, 0) as pool:
        before = pooled(pool, seen, 3)
        seen.kill(*before)
        after = taken(pool, seen, 3)
        assert len(set(after)) == 3
        assert not set(before).intersection(after)
        assert seen.ids() == set(after)


def test_a_connection_that_was_killed_while_it_was_held_is_not_given_to_the_next(seen: Seen, kind: Kind) -> None:
    with sized(seen, kind, 1, 0) as pool:
        held = pool.hold()
        before = held.ask(seen.own)
        seen.kill(before)
        with pytest.raises(sa.exc.DBAPIError) as caught:
            held.ask(seen.own)
        held.close()
        assert caught.value.connection_invalidated
        assert pool.ask(seen.own) != before


# --- order and age --------------------------------------------------------------------------------------------------------


def test_the_connection_that_came_back_last_is_taken_first(seen: Seen, kind: Kind) -> None:
    with sized(seen, kind, 3, 0) as pool:
        first, second, third = pooled(pool, seen, 3)
        assert [pool.ask(seen.own) for _ in range(3)] == [third] * 3
        assert taken(pool, seen, 3) == [third, second, first]


AGE_S = 300
"""The default of DATABASE_POOL_RECYCLE."""


@pytest.mark.parametrize(("recycle_s", "stays"), [(AGE_S, False), (AGE_S + 60, True)], ids=["old", "young"])
def test_a_connection_is_replaced_when_it_is_older_than_pool_recycle(
    seen: Seen, kind: Kind, *, recycle_s: int, stays: bool
) -> None:
    def grow_old(_connection: object, record: Any) -> None:
        record.starttime -= AGE_S + 1

    options = {} if recycle_s == AGE_S else {"pool_recycle": recycle_s}
    with asking(seen.config, kind, **options) as pool:
        sa.event.listen(pool.engine, "checkin", grow_old)
        before = pool.ask(seen.own)
        sa.event.remove(pool.engine, "checkin", grow_old)
        after = pool.ask(seen.own)
        assert (after == before) is stays
        assert seen.settled(lambda ids: ids == {after}) == {after}


# --- many at once ---------------------------------------------------------------------------------------------------------


def test_fifty_users_at_once_never_share_a_connection_nor_exceed_the_limit(seen: Seen, kind: Kind) -> None:
    # no overflow: it is closed when it comes back, and a server counts what is closed for a moment more
    assert seen.settled(lambda ids: not ids) == set()
    size = 5
    holders: dict[Any, object] = {}
    most: list[int] = []
    looking = threading.Lock()

    def work(connection: sa.Connection) -> tuple[Any, bool]:
        me = object()
        before = connection.exec_driver_sql(seen.own).scalar()
        alone = holders.setdefault(before, me) is me
        with looking:
            most.append(len(seen.ids()))
        after = connection.exec_driver_sql(seen.own).scalar()
        alone = alone and holders.pop(before) is me and after == before
        return before, alone

    found = crowd(seen.config, kind, [work] * USERS, pool_size=size, max_overflow=0, pool_timeout=20)
    assert [alone for _, alone in found] == [True] * USERS
    assert len({number for number, _ in found}) <= size
    assert (max(most), len(most)) == (len({number for number, _ in found}), USERS)
