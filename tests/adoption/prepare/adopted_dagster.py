"""What `dagster instance migrate` does before it upgrades: its revisions ask for the instance that is being upgraded."""

import sqlalchemy as sa
from dagster import DagsterInstance
from dagster._core.storage.event_log import SqlEventLogStorageMetadata
from dagster._core.storage.migration import utils
from dagster._core.storage.runs.schema import RunStorageSqlMetadata
from dagster._core.storage.schedules.schema import ScheduleStorageSqlMetadata

utils._UPGRADING_INSTANCE = DagsterInstance.ephemeral()

metadata = sa.MetaData()
for part in (RunStorageSqlMetadata, SqlEventLogStorageMetadata, ScheduleStorageSqlMetadata):
    for table in part.tables.values():
        if table.name not in metadata.tables:  # one table is in two of them
            table.to_metadata(metadata)


def ready(_call: object) -> None:
    """Be a hook: all is done when this module has been imported."""
