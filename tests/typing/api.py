"""The types of the public names; never run, checked by mypy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

import dbkit
from dbkit import migrations
from dbkit.checks.findings import FindingsResult
from dbkit.config import DatabaseConfig
from dbkit.errors import ExitCode
from dbkit.migrations import HistoryResult, NewRevision, Result, ServiceResult

if TYPE_CHECKING:
    project = dbkit.Project.find()

    assert_type(dbkit.migrate("user", "project", project=project), Result)
    assert_type(dbkit.migrate().services, tuple[ServiceResult, ...])
    assert_type(dbkit.migrate()["user"].exit_code, ExitCode)
    assert_type(dbkit.status(check=True).ok, bool)
    assert_type(dbkit.history("user"), HistoryResult)
    assert_type(dbkit.doctor("user", processes=4), FindingsResult)
    assert_type(dbkit.engine("user"), sa.Engine)
    assert_type(dbkit.session("user"), sessionmaker[Session])

    config = DatabaseConfig.from_env("user")
    assert_type(config.url(), sa.URL)
    assert_type(config.get_connection_url(), str)
    assert_type(config.create_engine(), sa.Engine)
    assert_type(config.redacted(), str)
    assert_type(migrations.revision(project, "user", "message", autogenerate=True), NewRevision)
