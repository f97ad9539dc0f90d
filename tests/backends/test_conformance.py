"""dbkit's own backends keep to the protocol: the suite that other packages run."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from dbkit.testing.conformance import BackendConformance, Profile, never, notyet
from tests.servers import PREFIX, find_server, how_to_start

ENVS = Path(__file__).parents[2] / "alembic_envs"


class OurBackend(BackendConformance):
    """One of dbkit's own: revisions are written as this repository's are."""

    template = ENVS / "user" / "script.py.mako"


BACKTICK = notyet(
    "test_a_name_may_hold_a_backtick",
    reason="SQLAlchemy reads SHOW CREATE TABLE and leaves a backtick in a column's name doubled: "
    "_parse_column in sqlalchemy/dialects/mysql/reflection.py, seen on 2.1.9",
    raises=AssertionError,
)


def of_server(backend: str, **known: object) -> Profile:
    server = find_server(backend)
    if server is None:
        return Profile(backend=backend, prefix=PREFIX, missing=how_to_start(backend), **known)  # type: ignore[arg-type] # fields
    return Profile(backend=backend, prefix=PREFIX, environ=server.environ(), **known)  # type: ignore[arg-type] # fields


@pytest.mark.sqlite
class TestSqlite(OurBackend):
    profile = Profile(backend="sqlite", prefix=PREFIX, alike=frozenset({"TEXT", "INTEGER", "BLOB", "VARCHAR(64)"}))


@pytest.mark.postgresql
class TestPostgresql(OurBackend):
    profile = of_server("postgresql", alike=frozenset({"BYTEA", "VARCHAR(64)", "VARCHAR(64)[]"}))


@pytest.mark.mariadb
class TestMariadb(OurBackend):
    profile = of_server("mariadb", alike=frozenset({"LONGTEXT"}), differences=(BACKTICK,))


@pytest.mark.mysql
class TestMysql(OurBackend):
    profile = of_server("mysql", alike=frozenset({"JSON"}), differences=(BACKTICK,))


@pytest.mark.tidb
class TestTidb(OurBackend):
    profile = of_server("tidb", alike=frozenset({"JSON"}), differences=(BACKTICK,))


@pytest.mark.mssql
class TestMssql(OurBackend):
    profile = of_server(
        "mssql",
        alike=frozenset({"NVARCHAR(MAX)", "NVARCHAR(128)"}),
        differences=(
            never(
                "test_truth_values_are_asked_for_by_is",
                reason="its IS knows NULL alone: https://learn.microsoft.com/sql/t-sql/queries/is-null-transact-sql",
                raises=sa.exc.DBAPIError,
            ),
        ),
    )
