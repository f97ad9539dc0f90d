"""Connecting: what a connection is told of itself, and what it is refused."""

from __future__ import annotations

import secrets
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from dbkit.backends import backend_of
from dbkit.backends.protocol import Connector, Demand, GrantPlace, Observation, Role, Verdict
from dbkit.config import DatabaseConfig
from dbkit.config.connect import connect
from dbkit.errors import BackendMismatchError, DatabaseMissingError, TlsRefusedError, UnreachableError
from dbkit.migrations.databases import create_missing, drop_existing, exists
from dbkit.testing.authorities import Authority
from dbkit.testing.conformance.base import Conformance, Database, on_every_driver, throw_away
from dbkit.testing.impostors import impostor_of
from dbkit.testing.proof import prove

__all__ = ["Connecting", "Databases", "Servers"]


def connector_of(connection: sa.Connection) -> Connector:
    """Give the connector of an open connection."""
    return backend_of(connection.dialect).connector(connection.dialect.driver)


def driver_of(connection: sa.Connection) -> Any:
    """Give the driver's own connection."""
    return connection.connection.dbapi_connection


class Connecting(Conformance):
    """Connections, as every driver makes them."""

    @on_every_driver
    def test_the_server_tells_what_it_is(self, connection: sa.Connection) -> None:
        connector = connector_of(connection)
        facts = connector.facts(driver_of(connection))
        assert connector.flavour(driver_of(connection)) == facts.flavour == self.profile.backend
        assert facts.version
        assert all(isinstance(number, int) for number in facts.version)
        assert facts.text

    @on_every_driver
    def test_the_dialect_knows_its_backend_also_when_it_migrates(self, database: Database) -> None:
        assert backend_of(database.engine.dialect) is self.profile.product
        with connect(database.config, migrating=True) as connection:
            assert backend_of(connection.dialect) is self.profile.product
            assert connection.dialect.name == self.profile.product.traits.dialect

    @on_every_driver
    def test_a_hung_connection_can_be_shut_by_its_socket(self, connection: sa.Connection) -> None:
        found = connector_of(connection).socket_fd(driver_of(connection))
        assert (found is None) != self.profile.on_server

    @on_every_driver
    def test_the_engines_url_holds_no_password(self, database: Database) -> None:
        assert database.engine.url.password is None

    @on_every_driver
    def test_work_that_is_rolled_back_leaves_nothing(self, database: Database) -> None:
        table = sa.Table("undone", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True, autoincrement=False))
        table.create(database.engine)
        try:
            with database.engine.connect() as connection:
                connection.execute(table.insert(), {"id": 1})
                connection.rollback()
                assert connection.execute(sa.select(table.c.id)).all() == []
        finally:
            table.drop(database.engine)

    @on_every_driver
    def test_names_of_tables_and_columns_may_hold_what_they_like(self, database: Database) -> None:
        names = ["select", "with blank", 'q"uote', "100%s", "a:b", "Ümläut", "[b]", "UPPER"]
        columns = [sa.Column(name, sa.Integer, key=f"c{number}") for number, name in enumerate(names)]
        assert self.reflected(database, 'Order "of" 5% :x', columns) == names

    def test_a_name_may_hold_a_backtick(self, database: Database) -> None:
        assert self.reflected(database, "plain", [sa.Column("back`tick", sa.Integer, key="c0")]) == ["back`tick"]

    def reflected(self, database: Database, name: str, columns: list[sa.Column[Any]]) -> list[str]:
        """Make a table, write a row and read it back, and have the server tell the names of the columns."""
        key = sa.Column("id", sa.Integer, primary_key=True, autoincrement=False)
        table = sa.Table(name, sa.MetaData(), key, *columns)
        table.create(database.engine)
        try:
            row = {column.key: number for number, column in enumerate(columns)}
            with database.engine.begin() as connection:
                connection.execute(table.insert(), {"id": 1, **row})
                found = connection.execute(sa.select(*columns).where(columns[-1] == len(columns) - 1)).one()
                there = sa.inspect(connection).get_columns(table.name)
            assert list(found) == list(row.values())
        finally:
            table.drop(database.engine)
        return [column["name"] for column in there if column["name"] != "id"]

    def test_looking_at_the_server_gives_observations_and_changes_nothing(self, database: Database) -> None:
        examiner = self.profile.product.examiner
        config = replace(database.config, query=dict(examiner.reading(database.config.endpoint())))
        before = sa.inspect(database.engine).get_table_names()
        with connect(config) as connection:
            demand = Demand(connections=1, together=1, idle_s=60)
            found = list(examiner.examine(connection, config.endpoint(), demand))
            assert sa.inspect(connection).get_table_names() == before
        assert found
        assert [one for one in found if not isinstance(one, Observation) or "\n" in one.message] == []
        assert [one for one in found if one.verdict is not Verdict.OK and not one.hint] == []
        assert len({one.check for one in found}) > 1

    def test_an_administrator_misses_no_right(self, database: Database) -> None:
        user = database.config.user or ""
        place = GrantPlace(database=database.config.database or "", service_account=user, migration_account=user)
        with connect(database.config) as connection:
            assert self.profile.product.grants.missing(connection, place, Role.MIGRATION) == ()


class Databases(Conformance):
    """Databases that are made and dropped, and what is said where there is none."""

    @pytest.fixture
    def unmade(self, tmp_path: Path) -> DatabaseConfig:
        """Give the configuration of a database that nobody has made, whose name must be quoted."""
        if self.profile.missing is not None:
            pytest.skip(self.profile.missing)
        name = f"{self.profile.prefix}-Ab$_{secrets.token_hex(4)}"
        return DatabaseConfig.from_env(environ=throw_away(self.profile, tmp_path, name))

    def test_a_database_is_made_once_found_and_dropped_once(self, unmade: DatabaseConfig) -> None:
        assert not exists(unmade)
        try:
            assert create_missing(unmade)
            assert exists(unmade)
            if self.profile.on_server:
                assert not create_missing(unmade)
        finally:
            assert drop_existing(unmade)
        assert not exists(unmade)
        assert not drop_existing(unmade)

    def test_a_database_that_is_missing_is_told_as_that(self, unmade: DatabaseConfig) -> None:
        if not self.profile.on_server:
            unmade = replace(unmade, sqlite_path=str(Path(str(unmade.sqlite_path)).parent / "no" / "such.db"))
        with pytest.raises(DatabaseMissingError if self.profile.on_server else UnreachableError) as caught:
            connect(unmade)
        assert caught.value.hint
        assert "\n" not in str(caught.value)


class Servers(Conformance):
    """What only a server can do wrong; a file has no log-in and no TLS."""

    @pytest.fixture
    def served(self, database: Database) -> DatabaseConfig:
        if not self.profile.on_server:
            pytest.skip(f"{self.profile.product.traits.title} is a file")
        return database.config

    def refused(self, config: DatabaseConfig) -> UnreachableError:
        """Connect in vain."""
        with pytest.raises(UnreachableError) as caught:
            connect(config)
        assert "\n" not in str(caught.value)
        assert caught.value.hint
        return caught.value

    @pytest.mark.parametrize("field", ["password", "user"])
    def test_a_wrong_log_in_is_told_as_that(self, served: DatabaseConfig, field: str) -> None:
        wrong = secrets.token_hex(8)
        environ = {"DATABASE_TYPE": self.profile.backend, **self.profile.environ, f"DATABASE_{field.upper()}": wrong}
        found = self.refused(DatabaseConfig.from_env(environ={**environ, "DATABASE_NAME": str(served.database)}))
        assert "refuses the log-in of" in str(found)
        assert field == "user" or wrong not in str(found)

    def test_a_port_that_refuses_is_told_as_that(self, served: DatabaseConfig) -> None:
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
        assert "cannot reach" in str(self.refused(replace(served, host="localhost", port=port)))

    def test_without_a_database_one_can_still_connect(self, served: DatabaseConfig) -> None:
        missing = replace(served, database=f"{self.profile.prefix}_missing")
        with connect(missing, database=False) as connection:
            assert connection.scalar(sa.select(1)) == 1

    def test_a_server_of_another_kind_is_refused(self, served: DatabaseConfig, monkeypatch: pytest.MonkeyPatch) -> None:
        connector = self.profile.product.connector()
        monkeypatch.setattr(type(connector), "flavour", lambda self, connection: "another")  # noqa: ARG005 - its parameters
        with pytest.raises(BackendMismatchError, match="is 'another'"):
            connect(served)

    def test_a_certificate_of_an_unknown_ca_is_refused(self, served: DatabaseConfig, tmp_path: Path) -> None:
        if served.tls != "verify":
            pytest.skip("the test server has no certificate: name its CA in DBKIT_TEST_CA")
        if not self.profile.product.traits.takes_ca_file:
            pytest.skip(f"{self.profile.product.traits.title} trusts what the system trusts")
        with connect(served) as connection:
            assert connector_of(connection).encrypted(driver_of(connection))
        stranger = Authority.make(tmp_path / "ca").ca_file
        with pytest.raises(TlsRefusedError):
            connect(replace(served, ssl_ca=stranger))

    def test_nothing_is_handed_to_an_impostor(self) -> None:
        traits = self.profile.product.traits
        if traits.file_based:
            pytest.skip(f"{traits.title} is a file")
        if traits.wire is None:
            pytest.skip("there is no impostor for its protocol: prove it in a test of your own")
        assert impostor_of(self.profile.backend).wire == traits.wire
        config = DatabaseConfig(backend=self.profile.backend, host="db.example.com", user="u", database="d")
        proof = prove(config)
        assert (proof.leaks, proof.unproved) == ((), ())
