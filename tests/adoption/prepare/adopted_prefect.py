"""What Prefect's revisions take for granted: that a driver leaves a `%` alone, as asyncpg does, in SQL that goes to it as it is."""

from typing import Any

import sqlalchemy as sa
from prefect.server.database.orm_models import Base

metadata = Base.metadata


@sa.event.listens_for(sa.Engine, "before_cursor_execute", retval=True)
def double(connection: sa.Connection, _cursor: Any, statement: str, parameters: Any, context: Any, _many: bool) -> Any:
    """Double it for a driver that puts parameters where it stands."""
    raw = context is not None and context.compiled is None and not parameters
    if raw and connection.dialect.paramstyle in ("format", "pyformat"):
        statement = statement.replace("%", "%%")
    return statement, parameters


def ready(_call: object) -> None:
    """Be a hook: all is done when this module has been imported."""
