"""SQL Server."""

from dbkit.backends.lazy import LazyBackend
from dbkit.backends.protocol import Backend, Driver, Traits
from dbkit.backends.traits import SYNC

# unixODBC, which pyodbc is linked with, and libltdl, which Microsoft's driver is; their wheels bring neither.
LIBRARIES = (
    "apt-get install libodbc2 libltdl7 (Debian, Ubuntu), dnf install unixODBC libtool-ltdl (Red Hat),"
    " apk add unixodbc libltdl (Alpine)"
)
# https://learn.microsoft.com/openspecs/windows_protocols/ms-tds
WIRE = "tds"

BACKEND: Backend = LazyBackend(
    name="mssql",
    package=__name__,
    traits=Traits(
        title="SQL Server",
        drivers=(Driver(name="pyodbc", kinds=SYNC, extra="mssql", libraries=LIBRARIES),),
        scheme="mssql",
        dialect="mssql",
        schemes=("sqlserver",),
        port=1433,
        takes_ca_file=False,
        wire=WIRE,
        # measured with driver 18.6
        retries_refused=True,
        transactional_ddl=True,
        own_keys=frozenset({"mssql_encrypt"}),
        # sysname: https://learn.microsoft.com/sql/relational-databases/databases/database-identifiers
        name_limit=128,
        # https://opentelemetry.io/docs/specs/semconv/registry/attributes/db/
        telemetry="microsoft.sql_server",
    ),
)
