"""The migration lock of PostgreSQL and poolers, played: what a pooler in transaction mode does is in the docs, as measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from dbkit.backends.postgresql.locks import LOCKER
from dbkit.errors import ConfigurationError

REFUSED = "the server's sessions change between transactions, so no lock can be held"


class Client:
    """A connection whose sessions somebody chooses, anew for each question."""

    def __init__(self, sessions: Callable[[], int], *, greeted: int, others: Callable[[], int] | None = None) -> None:
        self._sessions, self._others = sessions, others
        self.asked: list[str] = []
        self.closed = self.invalidated = False
        self.connection = SimpleNamespace(dbapi_connection=SimpleNamespace(info=SimpleNamespace(backend_pid=greeted)))
        self.engine = SimpleNamespace(connect=self.another)
        self.holds = True

    @contextmanager
    def another(self) -> Iterator[Client]:
        assert self._others is not None, "no second connection is wanted"
        yield Client(self._others, greeted=0)

    def execute(self, statement: Any, values: object = None) -> Any:
        del values
        words = str(statement)
        self.asked.append(words)
        answer: int = True
        if "pg_locks" in words:
            answer = int(self.holds)
        elif "pg_backend_pid" in words:
            answer = self._sessions()
        return SimpleNamespace(scalar_one=lambda: answer, scalar=lambda: answer)

    def scalar(self, statement: Any, values: object = None) -> Any:
        return self.execute(statement, values).scalar()

    def commit(self) -> None:
        pass

    rollback = commit

    @property
    def locked(self) -> bool:
        return any("try_advisory" in words for words in self.asked)

    @property
    def released(self) -> bool:
        return any("advisory_unlock" in words for words in self.asked)


def take(client: Any) -> None:
    with LOCKER.lock(client, patience_s=0, on_wait=lambda: None):
        pass


def each(*numbers: int) -> Callable[[], int]:
    """Give one after the other, and the last for ever."""
    left = list(numbers)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def test_a_server_without_a_pooler_is_asked_once_and_by_one_connection() -> None:
    client = Client(each(7), greeted=7)
    take(client)
    assert client.locked
    assert client.released


def test_a_pooler_in_session_mode_is_taken_as_a_server() -> None:
    client = Client(each(7), greeted=99, others=each(8))
    take(client)
    assert client.released


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [((7,), (7,)), ((7, 8), (9,)), ((7, 7, 8), (9, 10)), ((7,), (8, 9, 7))],
    ids=["shared", "moved", "moved-later", "shared-later"],
)
def test_a_pooler_in_transaction_mode_is_refused_before_a_lock_is_left_in_its_session(
    ours: tuple[int, ...], theirs: tuple[int, ...]
) -> None:
    client = Client(each(*ours), greeted=99, others=each(*theirs))
    with pytest.raises(ConfigurationError, match=REFUSED) as caught:
        take(client)
    assert caught.value.hint == "connect to PostgreSQL itself, or to a pooler in session mode"
    assert not client.locked


def test_a_lock_that_stayed_in_another_session_is_found_missing_and_let_go() -> None:
    client = Client(each(7), greeted=7)
    client.holds = False
    with pytest.raises(ConfigurationError, match=REFUSED):
        take(client)
    assert client.released
