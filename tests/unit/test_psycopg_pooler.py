"""When psycopg may prepare statements on the server: played, the real PgBouncer is asked in tests/backends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dbkit.backends.postgresql.connect_psycopg import CONNECTOR
from dbkit.backends.protocol import Endpoint


class Driver:
    """A connection of psycopg that was greeted with one number and is served by another."""

    def __init__(self, greeted: int, serving: int) -> None:
        self.info = SimpleNamespace(backend_pid=greeted, parameter_status=lambda _: "UTC")
        self.prepare_threshold: int | None = 5
        self.autocommit = False
        self.said: list[tuple[str, bool]] = []
        self.description = ("pid",)
        self._serving = serving

    def cursor(self) -> Driver:
        return self

    def execute(self, statement: str) -> None:
        self.said.append((statement, self.autocommit))

    def fetchone(self) -> tuple[int]:
        return (self._serving,)

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("greeted", "serving", "query", "threshold"),
    [(7, 7, {}, 5), (99, 7, {}, None), (99, 7, {"prepare_threshold": "5"}, 5)],
    ids=["no-pooler", "pooler", "pooler-and-told-to"],
)
def test_nothing_is_prepared_where_another_process_serves_than_greeted(
    greeted: int, serving: int, query: dict[str, str], threshold: int | None
) -> None:
    driver: Any = Driver(greeted, serving)
    CONNECTOR.set_up(driver, Endpoint(driver="psycopg", host="localhost", query=query))
    assert driver.prepare_threshold == threshold
    assert driver.said == ([] if query else [("SELECT pg_backend_pid()", True)])
    assert driver.autocommit is False
