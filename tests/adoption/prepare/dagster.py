"""A database of a release before Dagster's first revision, with rows; on MySQL of the first release that could use it."""

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from dagster._core.storage.event_log import SqlEventLogStorageMetadata
from dagster._core.storage.runs.schema import RunStorageSqlMetadata
from dagster._core.storage.schedules.schema import ScheduleStorageSqlMetadata

NOW = sa.text("CURRENT_TIMESTAMP")
THEN = "2020-02-03 04:05:06"
MYSQL = "ba4050312958"
"""The revision by which MySQL came in."""
LATER: dict[str, set[str]] = {
    "runs": {"mode", "start_time", "end_time", "backfill_id"},
    "run_tags": set(),
    "snapshots": set(),
    "daemon_heartbeats": {"id"},
    "bulk_actions": {"action_type", "selector_id", "job_name"},
    "event_logs": set(),
    "secondary_indexes": set(),
    "asset_keys": {
        *("last_materialization", "last_run_id", "asset_details", "wipe_timestamp", "last_materialization_timestamp"),
        *("tags", "cached_status_data"),
    },
    "jobs": {"selector_id"},
    "job_ticks": {"selector_id"},
}
"""The tables that MySQL had then, and which of today's columns they had not."""


def first_tables() -> sa.MetaData:
    """Describe the tables before the first revision."""
    metadata = sa.MetaData()
    key = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
    columns: dict[str, tuple[sa.Column, ...]] = {
        "runs": (
            sa.Column("run_id", sa.String(255), unique=True),
            sa.Column("pipeline_name", sa.String),
            sa.Column("status", sa.String(63)),
            sa.Column("run_body", sa.Text),
            sa.Column("create_timestamp", sa.DateTime, server_default=NOW),
            sa.Column("update_timestamp", sa.DateTime, server_default=NOW),
        ),
        "run_tags": (
            sa.Column("run_id", sa.String(255), sa.ForeignKey("runs.run_id", name="run_tags_run_id_fkey")),
            sa.Column("key", sa.String),
            sa.Column("value", sa.String),
        ),
        "event_logs": (
            sa.Column("run_id", sa.String(255)),
            sa.Column("event", sa.Text, nullable=False),
            sa.Column("dagster_event_type", sa.Text),
            sa.Column("timestamp", sa.TIMESTAMP),
        ),
        "schedules": (
            sa.Column("schedule_origin_id", sa.String(255), unique=True),
            sa.Column("status", sa.String(63)),
            sa.Column("schedule_body", sa.Text),
        ),
    }
    for name, own in columns.items():
        sa.Table(name, metadata, sa.Column("id", key, primary_key=True, autoincrement=True), *own)
    return metadata


def mysql_tables() -> sa.MetaData:
    """Describe the tables of the first release for MySQL."""
    metadata = sa.MetaData()
    today = {
        name: table
        for part in (RunStorageSqlMetadata, SqlEventLogStorageMetadata, ScheduleStorageSqlMetadata)
        for name, table in part.tables.items()
    }
    for name, later in LATER.items():
        own = [column._copy() for column in today[name].columns if column.name not in later]
        for column in own:
            if column.name == "id":
                column.type = sa.Integer()  # the larger one came for new databases alone
        sa.Table(name, metadata, *own)
    return metadata


def prepare(engine: sa.Engine) -> None:
    """Make what was there before the first revision that is run."""
    mysql = engine.dialect.name == "mysql"
    metadata = mysql_tables() if mysql else first_tables()
    metadata.create_all(engine)
    then = sa.literal_column(f"'{THEN}'")
    times = {"create_timestamp": then, "update_timestamp": then}
    with engine.begin() as connection:
        for n, status in enumerate(("FAILURE", "SUCCESS", "SUCCESS")):
            run = {"run_id": f"run-{n}", "pipeline_name": "nightly", "status": status, "run_body": "{}"}
            connection.execute(metadata.tables["runs"].insert().values(**run, **times))
            tag = {"run_id": f"run-{n}", "key": "owner", "value": f"person-{n}"}
            connection.execute(metadata.tables["run_tags"].insert().values(**tag))
            event = {"run_id": f"run-{n}", "event": "{}", "dagster_event_type": "STEP_START", "timestamp": then}
            connection.execute(metadata.tables["event_logs"].insert().values(**event))
        if mysql:
            context = MigrationContext.configure(connection)
            context._ensure_version_table()
            connection.execute(context._version.insert().values(version_num=MYSQL))
        else:
            one = {"schedule_origin_id": "one", "status": "RUNNING", "schedule_body": "{}"}
            connection.execute(metadata.tables["schedules"].insert().values(**one))
