"""The applications whose histories are adopted: where they are, how their own upgrade is run, and the lines that adopt them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Where an application's own upgrade fails on a backend that it does not support, and dbkit's must."""

    revision: str
    """The one that fails."""
    error: str
    """The server's error number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """One history of revisions."""

    name: str
    pins: str
    """The file of its environment."""
    backends: tuple[str, ...]
    """Those that the application supports, and those that speak one of their protocols."""
    migrations: str
    """What stands in the project's file."""
    metadata: str
    version_table: str = "alembic_version"
    """Where its revision is kept: its env.py says so, or nobody does."""
    further: str = ""
    """Further lines of its table, where two do not do."""
    ini: str | None = None
    """The alembic.ini that its own upgrade reads, below its packages."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What its own upgrade sets in code; `{packages}` and `{dialect}` may stand in it."""
    way: str = "url"
    """How its own upgrade connects: by the url of the ini, a connection that is handed over, or its own settings."""
    autocommit: frozenset[str] = frozenset()
    """The backends on which the connection that it hands over is one without transactions."""
    environ: Callable[[sa.URL], Mapping[str, str]] = lambda _url: {}
    """Its own settings."""
    ready: str | None = None
    """A module that does what the application's command does before it upgrades; it is the project's own, and gives the metadata."""
    prepare: str | None = None
    """A module that makes the tables which were there before the first revision."""
    varying: frozenset[str] = frozenset()
    """Columns (`table.column`) in which its revisions write what is another value in each run."""
    refused: str | None = None
    """What is said where its env.py cannot be run by `env = "own"`; None where it can."""
    halts: Mapping[str, Halt] = field(default_factory=dict)
    """By backend."""


def _prefect(url: sa.URL) -> dict[str, str]:
    driver = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}[url.get_backend_name()]
    reached = url.set(drivername=driver).render_as_string(hide_password=False)
    return {"PREFECT_API_DATABASE_CONNECTION_URL": reached, "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}


def _airflow(url: sa.URL) -> dict[str, str]:
    return {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url.render_as_string(hide_password=False)}


_KEYSTONE = "{packages}/keystone/common/sql/migrations/versions"
_KEYSTONE_FOLDERS = (
    "yoga/expand",
    "yoga/contract",
    "bobcat/expand",
    "bobcat/contract",
    "2024.1/expand",
    "2025.2/expand",
    "2026.1/expand",
)

APPLICATIONS = (
    Application(
        name="mlflow",
        pins="mlflow",
        backends=("sqlite", "postgresql", "mariadb", "mysql", "tidb"),
        migrations="mlflow.store:db_migrations",
        metadata="mlflow.store.db.base_sql_model:Base.metadata",
        ini="mlflow/store/db_migrations/alembic.ini",
        options={"script_location": "{packages}/mlflow/store/db_migrations"},
        prepare="mlflow.py",
        # "drop primary key" of a clustered table
        halts={"tidb": Halt(revision="451aebb31d03", error="8200")},
    ),
    Application(
        name="mlflow-auth",
        pins="mlflow",
        backends=("sqlite", "postgresql", "mariadb", "mysql", "tidb"),
        migrations="mlflow.server.auth.db:migrations",
        metadata="mlflow.server.auth.db.models:Base.metadata",
        version_table="alembic_version_auth",
        ini="mlflow/server/auth/db/migrations/alembic.ini",
        options={"script_location": "{packages}/mlflow/server/auth/db/migrations"},
        # MariaDB keeps names of foreign keys apart by database, and this one is there twice
        halts={"mariadb": Halt(revision="8606fa83a998", error="1005")},
    ),
    Application(
        name="optuna",
        pins="optuna",
        backends=("sqlite", "postgresql", "mariadb", "mysql", "tidb"),
        migrations="optuna.storages._rdb:alembic",
        metadata="optuna.storages._rdb.models:BaseModel.metadata",
        ini="optuna/storages/_rdb/alembic.ini",
        options={"script_location": "{packages}/optuna/storages/_rdb/alembic"},
        # a column is dropped that a unique key is made of: MySQL shortens the key, the two others refuse
        halts={
            "mariadb": Halt(revision="v2.4.0.a", error="1072"),
            "tidb": Halt(revision="v2.4.0.a", error="8200"),
        },
    ),
    Application(
        name="prefect",
        pins="prefect",
        backends=("sqlite", "postgresql"),
        migrations="prefect.server.database:_migrations",
        metadata="adopted_prefect:metadata",
        further="""\
[tool.dbkit.services.prefect.alembic]
version_locations = ["prefect.server.database:_migrations/versions/{dialect}"]
""",
        ini="prefect/server/database/alembic.ini",
        options={"version_locations": "{packages}/prefect/server/database/_migrations/versions/{dialect}"},
        way="anyio",
        # the stock command says so too: only the application's own, which is in such a thread, can run it
        refused="Not running inside an AnyIO worker thread",
        ready="adopted_prefect.py",
        environ=_prefect,
    ),
    Application(
        name="dagster",
        pins="dagster",
        backends=("sqlite", "postgresql", "mariadb", "mysql", "tidb"),
        migrations="dagster._core.storage:alembic",
        metadata="adopted_dagster:metadata",
        further="[tool.dbkit.services.dagster.alembic]\nautocommit = true\n",
        ini="dagster_postgres/alembic/alembic.ini",
        way="connection",
        autocommit=frozenset({"postgresql"}),
        ready="adopted_dagster.py",
        prepare="dagster.py",
        # an index on the first eight bytes of a time: all of it, which MySQL and MariaDB allow
        halts={"tidb": Halt(revision="17154c80d885", error="1089")},
    ),
    Application(
        name="airflow",
        pins="airflow",
        backends=("sqlite", "postgresql"),
        migrations="airflow:migrations",
        metadata="airflow.models.base:Base.metadata",
        ini="airflow/alembic.ini",
        varying=frozenset({"log_template.created_at"}),
        way="connection",
        environ=_airflow,
    ),
    Application(
        name="keystone",
        pins="keystone",
        backends=("sqlite", "postgresql", "mariadb", "mysql", "tidb"),
        migrations="keystone.common.sql:migrations",
        metadata="adopted_keystone:metadata",
        further="[tool.dbkit.services.keystone.alembic]\nversion_locations = [\n"
        + "".join(
            f'  "keystone.common.sql:migrations/versions{folder}",\n'
            for folder in ("", *(f"/{folder}" for folder in _KEYSTONE_FOLDERS))
        )
        + "]\n",
        ini="keystone/common/sql/alembic.ini",
        options={
            "version_locations": ":".join((_KEYSTONE, *(f"{_KEYSTONE}/{folder}" for folder in _KEYSTONE_FOLDERS)))
        },
        ready="adopted_keystone.py",
    ),
)
