"""The harness itself: a test that is given a database finds it empty, verified and of the kind that it says."""

from __future__ import annotations

import sqlalchemy as sa

from dbkit.backends import backend_of
from tests.servers import Database, Server


def test_a_database_is_of_the_kind_that_it_says(database: Database) -> None:
    with database.engine.connect() as connection:
        assert backend_of(connection.dialect).name == database.backend


def test_a_database_takes_tables(database: Database) -> None:
    table = sa.Table("harness", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))
    table.create(database.engine)
    assert sa.inspect(database.engine).get_table_names() == ["harness"]
    table.drop(database.engine)


def test_a_database_of_a_server_is_gone_afterwards(server: Server) -> None:
    with server.database() as name:
        assert server.has_database(name)
    assert not server.has_database(name)
