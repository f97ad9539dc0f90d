"""PostgreSQL."""

from dbkit.backends.lazy import LazyBackend
from dbkit.backends.protocol import Backend, Driver, Traits
from dbkit.backends.traits import ASYNC, SYNC

BACKEND: Backend = LazyBackend(
    name="postgresql",
    package=__name__,
    traits=Traits(
        title="PostgreSQL",
        drivers=(
            Driver(name="psycopg2", kinds=SYNC, extra="postgresql"),
            Driver(name="psycopg", kinds=SYNC | ASYNC, extra="async", module="connect_psycopg"),
            Driver(name="asyncpg", kinds=ASYNC, extra="asyncpg", module="connect_asyncpg"),
        ),
        scheme="postgresql",
        dialect="postgresql",
        schemes=("postgres", "pgsql"),
        port=5432,
        transactional_ddl=True,
        # NAMEDATALEN - 1: https://www.postgresql.org/docs/current/sql-syntax-lexical.html
        name_limit=63,
        own_keys=frozenset({"schema"}),
        wire="postgresql",
        # https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-SSL-VIEW
        tls_query="SELECT 'Ssl_version', version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        " UNION ALL SELECT 'Ssl_cipher', cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    ),
)
