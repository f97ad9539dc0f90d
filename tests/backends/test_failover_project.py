"""The engines that a project gives where a fallback is configured, and where none is."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

import dbkit
from dbkit.config.metrics import CREATE_TIME, Sample
from dbkit.errors import ConfigurationError, FallbackMissingError, UnknownServiceError
from dbkit.failover.engines import RoutedEngine
from dbkit.failover.plan import Route
from dbkit.project import Project
from tests.projects import Home
from tests.stand_ins import made

REFUSED_S = 0.5


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Give one whose server is on a port that nobody listens on."""
    home = Home(tmp_path).write("user", "pet")
    home.table("user", "0001", "people")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    environ = {
        "DATABASE_TYPE": "tidb",
        "DATABASE_HOST": "127.0.0.1",
        "DATABASE_PORT": str(port),
        "DATABASE_USER": "nobody",
        "DATABASE_TLS": "insecure-loopback",
        "DATABASE_FALLBACK": "dev",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return home.project()


def test_the_engine_is_routed_and_the_same_one_at_each_call(project: Project) -> None:
    engine = project.engine("user")
    assert isinstance(engine, RoutedEngine)
    assert project.engine("user") is engine
    assert dbkit.engine("user", project=project) is engine
    assert project.session("user").kw["bind"] is engine
    assert (engine.route, engine.dialect.name) == (Route.PRIMARY, "mysql")


def test_the_engines_of_a_service_share_one_route_and_services_do_not(project: Project) -> None:
    pytest.importorskip("asyncmy")

    async def asynchronous() -> sa.Engine:
        return project.async_engine("user").sync_engine

    found = [project.engine("user"), asyncio.run(asynchronous()), project.engine("pet")]
    routers = [engine.router for engine in found if isinstance(engine, RoutedEngine)]
    assert routers[0] is routers[1]
    assert routers[0] is not routers[2]


def test_without_a_fallback_the_engine_is_a_plain_one(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_FALLBACK", "off")
    assert type(project.engine("user")) is sa.Engine


def test_a_file_is_its_own_primary_and_has_no_fallback(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_TYPE", "sqlite")
    assert type(project.engine("user")) is sa.Engine


def test_a_configuration_of_ones_own_makes_an_engine_that_never_falls_back(project: Project) -> None:
    assert type(project.config("user").create_engine()) is sa.Engine


def test_in_production_no_engine_is_given(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBKIT_ENV", "production")
    with pytest.raises(ConfigurationError):
        project.engine("user")


def test_another_configuration_is_another_route(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    first = project.engine("user")
    monkeypatch.setenv("DATABASE_NAME", "another")
    second = project.engine("user")
    assert isinstance(first, RoutedEngine)
    assert isinstance(second, RoutedEngine)
    assert first.router is not second.router


def test_nobody_is_told_of_the_switches_of_a_service_that_is_not_there(project: Project) -> None:
    with pytest.raises(UnknownServiceError, match="unknown service 'users'"):
        dbkit.on_switch("users", print, project=project)


def test_a_service_falls_back_to_its_file_and_both_pools_are_measured_and_the_switch_told(project: Project) -> None:
    samples: list[Sample] = []
    switches: list[dbkit.Switch] = []
    measurement, hearing = (
        dbkit.measure("user", samples.append, project=project),
        dbkit.on_switch("user", switches.append, project=project),
    )
    config = project.config("user").for_fallback()
    with pytest.raises(FallbackMissingError):
        project.engine("user").connect()
    made(config, "0001")
    began = time.monotonic()
    with project.engine("user").connect() as connection:
        assert connection.exec_driver_sql("SELECT name FROM people").scalar() == "Ada"
    assert time.monotonic() - began < REFUSED_S
    while not switches and time.monotonic() - began < 5:
        time.sleep(0.005)
    hearing.stop()
    measurement.stop()
    end(project)
    created = [sample for sample in samples if sample.name == CREATE_TIME]
    assert [sample.attributes["db.client.connection.pool.name"] for sample in created] == [
        "user",
        "user",
        "user.fallback",
    ]
    assert [(switch.service, switch.route, switch.place) for switch in switches] == [
        ("user", Route.FALLBACK, config.database)
    ]


def end(project: Project) -> None:
    """Have no thread go on that looks for the server."""
    engine = project.engine("user")
    assert isinstance(engine, RoutedEngine)
    engine.router._route = Route.PRIMARY
    engine.dispose()
