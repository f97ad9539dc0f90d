"""The recipes of "Monitor a service" work as they stand there."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import dbkit
from dbkit import migrations
from dbkit.backends.protocol import Fault
from dbkit.config import metrics
from dbkit.config.pool_use import PoolUse
from dbkit.migrations import Health, SchemaState
from dbkit.project import Project
from tests.projects import Home

with warnings.catch_warnings():
    # newer releases of Starlette ask for httpx2, older ones know httpx alone
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/how-to/monitor-a-service.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs/reference/monitoring.md").read_text(encoding="utf-8")


def recipe(heading: str) -> dict[str, Any]:
    """Run the Python that stands under a heading, and give what it defines."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section is not None
    (code,) = re.findall(r"```python\n(.*?)```", section[1], re.DOTALL)
    names: dict[str, Any] = {"__name__": "recipe"}
    exec(compile(code, heading, "exec"), names)
    return names


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    made = Home(tmp_path).write("user")
    made.table("user", "0001", "people")
    monkeypatch.setenv("DATABASE_SQLITE_PATH", str(tmp_path / "user.db"))
    monkeypatch.chdir(tmp_path)
    yield made
    Project.find().engine("user").dispose()


def migrate(home: Home) -> None:
    """Make the database as `dbkit migrate` would, without its worker process."""
    engine = home.project().engine("user")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version_user (version_num VARCHAR(32) NOT NULL)")
        connection.exec_driver_sql("INSERT INTO alembic_version_user VALUES ('0001')")


def check(get: Any, home: Home) -> None:
    """Ask the three endpoints without a database, with it, and with files that are newer."""
    assert [get(path) for path in ("/livez", "/readyz", "/healthz")] == [
        (200, {"status": "alive"}),
        (503, "no_database"),
        (503, "no_database"),
    ]
    migrate(home)
    assert [get(path) for path in ("/readyz", "/healthz")] == [(200, "at_head"), (200, "at_head")]
    home.table("user", "0002", "pets")
    assert [get(path) for path in ("/livez", "/readyz", "/healthz")] == [
        (200, {"status": "alive"}),
        (503, "behind"),
        (200, "behind"),
    ]


def test_the_recipe_for_fastapi_works(home: Home) -> None:
    with TestClient(recipe("FastAPI")["app"]) as client:

        def get(path: str) -> tuple[int, Any]:
            answer = client.get(path)
            return answer.status_code, answer.json().get("state", answer.json())

        check(get, home)


def test_the_recipe_for_flask_works(home: Home) -> None:
    client = recipe("Flask")["app"].test_client()

    def get(path: str) -> tuple[int, Any]:
        answer = client.get(path)
        return answer.status_code, answer.json.get("state", answer.json)

    check(get, home)


def test_the_recipe_for_a_function_tells_of_errors(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    migrate(home)
    measurement = recipe("Metrics to a function")["measurement"]
    with dbkit.engine("user").connect() as connection, pytest.raises(sa.exc.OperationalError):
        connection.execute(sa.text("SELECT * FROM nowhere"))
    measurement.stop()
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "OperationalError (no_table)"
    ]


def test_the_recipe_for_opentelemetry_runs(home: Home) -> None:
    migrate(home)
    recipe("OpenTelemetry")
    with dbkit.engine("user").connect() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar() == 1


def test_the_answers_are_found_before_kubernetes_gives_up() -> None:
    deadlines = {float(found) for found in re.findall(r"deadline_s=([\d.]+)", PAGE)}
    (patience,) = re.findall(r"timeoutSeconds: (\d+)", PAGE)
    assert max(deadlines) < float(patience)


def test_the_reference_names_every_field_state_metric_and_fault() -> None:
    names = [field.name for kind in (Health, PoolUse) for field in fields(kind)]
    names += [state.value for state in SchemaState] + [fault.value for fault in Fault]
    names += [getattr(metrics, name) for name in metrics.__all__ if isinstance(getattr(metrics, name), str)]
    assert [name for name in names if f"`{name}`" not in REFERENCE] == []
    assert migrations.health.__kwdefaults__ == {"deadline_s": 1.0}
