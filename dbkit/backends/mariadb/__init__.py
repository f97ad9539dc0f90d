"""MariaDB."""

from dbkit.backends.lazy import LazyBackend
from dbkit.backends.mysql.drivers import REFUSED, TLS_QUERY, WIRE, drivers
from dbkit.backends.protocol import Backend, Traits

BACKEND: Backend = LazyBackend(
    name="mariadb",
    package=__name__,
    traits=Traits(
        title="MariaDB",
        drivers=drivers("mariadb"),
        refused_drivers=REFUSED,
        wire=WIRE,
        tls_query=TLS_QUERY,
        scheme="mariadb",
        dialect="mysql",
        schemas_are_databases=True,
        # A plain MySQL URL says how to talk, not what is there: DATABASE_TYPE may say that it is this one.
        schemes=("mysql",),
        port=3306,
        passwords_in_url="ascii",
    ),
)
