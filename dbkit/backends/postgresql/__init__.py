"""PostgreSQL."""

from dbkit.backends.lazy import LazyBackend
from dbkit.backends.protocol import Backend, Traits

BACKEND: Backend = LazyBackend(
    name="postgresql",
    package=__name__,
    traits=Traits(
        title="PostgreSQL",
        extra="postgresql",
        driver="psycopg2",
        scheme="postgresql",
        schemes=("postgres", "pgsql"),
        port=5432,
        transactional_ddl=True,
        # NAMEDATALEN - 1: https://www.postgresql.org/docs/current/sql-syntax-lexical.html
        name_limit=63,
    ),
)
