"""The database that a test is given, and what becomes of it at the end."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from dbkit.config import DatabaseConfig
from dbkit.testing.given import Database, given


class Making:
    """Stands in for what makes databases; writes down what happens."""

    def __init__(self) -> None:
        """Have an engine made of each service."""
        self.seen: list[str] = []
        self.yard = SimpleNamespace(drop=lambda place: self.seen.append(f"dropped {place}"))
        self.project = SimpleNamespace(
            select=lambda _names: None,
            config=lambda _service: None,
            forget_engine=lambda service: SimpleNamespace(dispose=lambda: self.seen.append(f"closed {service}")),
        )

    def fresh(self, service: str, _backend: str) -> str:
        """Make one of a test's own."""
        return f"own {service}"

    def of_worker(self, service: str, _backend: str) -> str:
        """Make one that tests share."""
        return f"shared {service}"

    def aimed(self, _places: object) -> AbstractContextManager[None]:
        """Lead nowhere."""
        return nullcontext()


def test_engines_are_closed_before_their_databases_are_dropped() -> None:
    making: Any = Making()
    with given(making, "user", "tidb", shared=False) as database:
        assert (database.of("user") is database, database.of("shop").service) == (True, "shop")
    assert making.seen == ["closed user", "dropped own user", "closed shop", "dropped own shop"]


def test_a_shared_database_outlives_the_test_and_the_engine_does_not() -> None:
    making: Any = Making()
    with given(making, "user", "tidb", shared=True):
        pass
    assert making.seen == ["closed user"]


def test_what_an_asynchronous_session_has_committed_can_be_read(tmp_path: Path) -> None:
    config = DatabaseConfig.from_env(environ={}, backend="sqlite", sqlite_path=str(tmp_path / "a.db"))
    nothing: Any = None
    database = Database(service="user", backend="sqlite", config=config, project=nothing, _others=nothing)
    assert database.async_session().sync_session.expire_on_commit is False
    assert database.async_session(expire_on_commit=True).sync_session.expire_on_commit is True
    assert database.async_engine is database.async_engine
