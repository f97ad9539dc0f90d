"""MySQL 8."""

from dbkit.backends.lazy import LazyBackend
from dbkit.backends.mysql.drivers import REFUSED, TLS_QUERY, WIRE, drivers
from dbkit.backends.protocol import Backend, Traits

BACKEND: Backend = LazyBackend(
    name="mysql",
    package=__name__,
    traits=Traits(
        title="MySQL",
        drivers=drivers("mysql"),
        refused_drivers=REFUSED,
        wire=WIRE,
        tls_query=TLS_QUERY,
        scheme="mysql",
        dialect="mysql",
        schemas_are_databases=True,
        schemes=(),
        port=3306,
        # PyMySQL 1.2.4 encodes a text password as latin-1; engines are given UTF-8 bytes, a bare URL cannot be.
        passwords_in_url="ascii",
    ),
)
