"""The types of the public names; never run, checked by mypy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import Session, sessionmaker

import dbkit
from dbkit import migrations
from dbkit.checks.findings import FindingsResult
from dbkit.config import DatabaseConfig
from dbkit.config.metrics import Measurement, measure
from dbkit.config.pool_use import PoolUse
from dbkit.errors import ExitCode
from dbkit.failover.plan import Route
from dbkit.failover.switching import Hearing
from dbkit.migrations import HistoryResult, NewRevision, Result, SchemaState, ServiceResult

if TYPE_CHECKING:
    project = dbkit.Project.find()
    samples: list[dbkit.Sample] = []

    assert_type(dbkit.migrate("user", "project", project=project), Result)
    assert_type(dbkit.migrate().services, tuple[ServiceResult, ...])
    assert_type(dbkit.migrate()["user"].exit_code, ExitCode)
    assert_type(dbkit.status(check=True).ok, bool)
    assert_type(dbkit.history("user"), HistoryResult)
    assert_type(dbkit.doctor("user", processes=4), FindingsResult)
    assert_type(dbkit.wait("user", goal="server", timeout_s=30), Result)
    assert_type(dbkit.engine("user"), sa.Engine)
    assert_type(dbkit.session("user"), sessionmaker[Session])
    assert_type(dbkit.health("user", deadline_s=0.5), dbkit.Health)
    assert_type(dbkit.health("user", project=project).ready, bool)
    assert_type(dbkit.health("user").as_dict(), dict[str, Any])
    assert_type(dbkit.health("user").state, SchemaState)
    assert_type(dbkit.health("user").pool, PoolUse | None)
    assert_type(dbkit.measure("user", dbkit.OpenTelemetrySink()), Measurement)
    assert_type(dbkit.measure("user", samples.append).stop(), None)
    assert_type(measure(dbkit.engine("user"), samples.append), Measurement)
    switches: list[dbkit.Switch] = []
    assert_type(dbkit.on_switch("user", switches.append, project=project), Hearing)
    assert_type(dbkit.on_switch("user", switches.append).stop(), None)
    assert_type(switches[0].route, Route)
    assert_type(measure(dbkit.async_engine("user"), samples.append), Measurement)

    assert_type(dbkit.async_engine("user", project=project), AsyncEngine)

    async def probe() -> None:
        assert_type(await dbkit.async_health("user", deadline_s=0.5), dbkit.Health)

    config = DatabaseConfig.from_env("user")
    assert_type(config.url(), sa.URL)
    assert_type(config.get_connection_url(), str)
    assert_type(config.create_engine(), sa.Engine)
    assert_type(config.create_async_engine(pool_size=1), AsyncEngine)
    assert_type(config.get_connection_url(asynchronous=True), str)
    assert_type(config.redacted(), str)
    assert_type(migrations.revision(project, "user", "message", autogenerate=True), NewRevision)
