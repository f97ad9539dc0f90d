"""What a database may be called: never as those that a server keeps its own affairs in."""

from __future__ import annotations

import pytest

from dbkit.backends import get_backend
from dbkit.config import DatabaseConfig
from dbkit.errors import ConfigurationError
from dbkit.migrations.databases import create_missing, drop_existing

OWN = [
    ("postgresql", "template1"),
    ("mysql", "mysql"),
    ("mariadb", "mysql"),
    ("mariadb", "MySQL"),
    ("tidb", "INFORMATION_SCHEMA"),
    ("tidb", "metrics_schema"),
    ("mssql", "master"),
]


@pytest.mark.parametrize(("backend", "name"), OWN)
def test_a_servers_own_database_is_never_created_nor_dropped(backend: str, name: str) -> None:
    # nothing listens there: whatever asked the server would fail in another way
    config = DatabaseConfig(backend=backend, host="localhost", port=1, user="app", database=name)
    for change in (create_missing, drop_existing):
        with pytest.raises(ConfigurationError, match=f"'{name}' is not allowed: it is the server's own"):
            change(config)


def test_the_database_that_hosted_postgresql_hands_out_may_be_used() -> None:
    assert get_backend("postgresql").ddl.refuse_name("postgres") is None
