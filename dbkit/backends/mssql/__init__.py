"""SQL Server."""

from dbkit.backends.lazy import LazyBackend
from dbkit.backends.protocol import Backend, Driver, Traits
from dbkit.backends.traits import SYNC

BACKEND: Backend = LazyBackend(
    name="mssql",
    package=__name__,
    traits=Traits(
        title="SQL Server",
        drivers=(Driver(name="pyodbc", kinds=SYNC, extra="mssql"),),
        scheme="mssql",
        schemes=("sqlserver",),
        port=1433,
        transactional_ddl=True,
        # sysname: https://learn.microsoft.com/sql/relational-databases/databases/database-identifiers
        name_limit=128,
        # https://opentelemetry.io/docs/specs/semconv/registry/attributes/db/
        telemetry="microsoft.sql_server",
    ),
)
