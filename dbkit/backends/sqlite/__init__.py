"""SQLite: the embedded default."""

from dbkit.backends.lazy import LazyBackend
from dbkit.backends.protocol import Backend, Driver, Traits
from dbkit.backends.traits import ASYNC, SYNC

BACKEND: Backend = LazyBackend(
    name="sqlite",
    package=__name__,
    traits=Traits(
        title="SQLite",
        drivers=(
            Driver(name="pysqlite", kinds=SYNC, extra=None),
            Driver(name="aiosqlite", kinds=ASYNC, extra="async", module="connect_aiosqlite"),
        ),
        scheme="sqlite",
        dialect="sqlite",
        schemes=("sqlite3",),
        port=None,
        file_based=True,
        # With dbkit's own BEGIN IMMEDIATE; pysqlite's default leaves the debris of a failed revision.
        transactional_ddl=True,
        # https://www.sqlite.org/lang_altertable.html
        alters_columns=False,
        name_limit=4096,
    ),
)
