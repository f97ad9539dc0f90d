"""SQL Server."""

from dbkit.backends.lazy import LazyBackend
from dbkit.backends.protocol import Backend, Traits

BACKEND: Backend = LazyBackend(
    name="mssql",
    package=__name__,
    traits=Traits(
        title="SQL Server",
        extra="mssql",
        driver="pyodbc",
        scheme="mssql",
        schemes=("sqlserver",),
        port=1433,
        transactional_ddl=True,
        # sysname: https://learn.microsoft.com/sql/relational-databases/databases/database-identifiers
        name_limit=128,
    ),
)
