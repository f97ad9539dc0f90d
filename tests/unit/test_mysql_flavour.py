"""Which member of the MySQL family a server is: by its greeting, and where a proxy greets in its place, by asking."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dbkit.backends import get_backend


@pytest.mark.parametrize("asked", ["mysql", "mariadb", "tidb"])
@pytest.mark.parametrize(
    ("greeting", "answer", "flavour"),
    [
        ("8.0.11-TiDB-v8.5.3", None, "tidb"),
        ("5.5.5-10.11.19-MariaDB-log", None, "mariadb"),
        ("8.0.11", ("8.0.11-TiDB-v8.5.3", ""), "tidb"),
        ("8.0.11", ("8.0.11", "TiDB Server (Apache License 2.0)"), "tidb"),
        ("8.0.11", ("10.11.19-MariaDB", ""), "mariadb"),
        ("8.0.36", ("8.0.36", "MySQL Community Server - GPL"), "mysql"),
    ],
)
def test_a_product_that_hides_behind_a_proxy_is_asked_what_it_is(
    asked: str, greeting: str, answer: tuple[str, str] | None, flavour: str
) -> None:
    cursor = SimpleNamespace(execute=lambda _: None, fetchone=lambda: answer, close=lambda: None)
    connection: Any = SimpleNamespace(get_server_info=lambda: greeting, cursor=lambda: cursor)
    assert get_backend(asked).connector().flavour(connection) == flavour
