"""A database of a release before Dagster's first revision, with rows."""

import sqlalchemy as sa

NOW = sa.text("CURRENT_TIMESTAMP")
THEN = "2020-02-03 04:05:06"


def tables(*, mysql: bool) -> sa.MetaData:
    """Describe the tables; MySQL needs lengths where the others have none."""
    metadata = sa.MetaData()
    text = sa.String(255) if mysql else sa.String()
    key = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
    columns: dict[str, tuple[sa.Column, ...]] = {
        "runs": (
            sa.Column("run_id", sa.String(255), unique=True),
            sa.Column("pipeline_name", text),
            sa.Column("status", sa.String(63)),
            sa.Column("run_body", sa.Text),
            sa.Column("create_timestamp", sa.DateTime, server_default=NOW),
            sa.Column("update_timestamp", sa.DateTime, server_default=NOW),
        ),
        "run_tags": (
            sa.Column("run_id", sa.String(255), sa.ForeignKey("runs.run_id", name="run_tags_run_id_fkey")),
            sa.Column("key", text),
            sa.Column("value", text),
        ),
        "event_logs": (
            sa.Column("run_id", sa.String(255)),
            sa.Column("event", sa.Text, nullable=False),
            sa.Column("dagster_event_type", sa.Text),
            sa.Column("timestamp", sa.TIMESTAMP, nullable=True),
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


def prepare(engine: sa.Engine) -> None:
    """Make what was there before the first revision."""
    metadata = tables(mysql=engine.dialect.name == "mysql")
    metadata.create_all(engine)
    then = sa.literal_column(f"'{THEN}'")
    with engine.begin() as connection:
        for n, status in enumerate(("FAILURE", "SUCCESS", "SUCCESS")):
            run = {"run_id": f"run-{n}", "pipeline_name": "nightly", "status": status, "run_body": "{}"}
            connection.execute(
                metadata.tables["runs"].insert().values(**run, create_timestamp=then, update_timestamp=then)
            )
            tag = {"run_id": f"run-{n}", "key": "owner", "value": f"person-{n}"}
            connection.execute(metadata.tables["run_tags"].insert().values(**tag))
            event = {"run_id": f"run-{n}", "event": "{}", "dagster_event_type": "STEP_START"}
            connection.execute(metadata.tables["event_logs"].insert().values(**event))
        one = {"schedule_origin_id": "one", "status": "RUNNING", "schedule_body": "{}"}
        connection.execute(metadata.tables["schedules"].insert().values(**one))
