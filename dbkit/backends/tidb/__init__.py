"""TiDB: a dialect of its own on the MySQL protocol."""

from dbkit.backends.lazy import LazyBackend
from dbkit.backends.mysql.drivers import REFUSED, TLS_QUERY, WIRE, drivers
from dbkit.backends.protocol import Backend, Traits

BACKEND: Backend = LazyBackend(
    name="tidb",
    package=__name__,
    traits=Traits(
        title="TiDB",
        drivers=drivers("tidb"),
        refused_drivers=REFUSED,
        wire=WIRE,
        tls_query=TLS_QUERY,
        scheme="tidb",
        dialect="mysql",
        schemas_are_databases=True,
        # A plain MySQL URL says how to talk, not what is there: DATABASE_TYPE may say that it is this one.
        schemes=("mysql",),
        port=4000,
        # tidb_enable_check_constraint is off by default and GLOBAL only (seen on 8.5.3).
        enforces_checks=False,
        passwords_in_url="ascii",
    ),
)
