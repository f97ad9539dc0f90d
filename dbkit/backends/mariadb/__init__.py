"""MariaDB."""

from dbkit.backends.lazy import LazyBackend
from dbkit.backends.protocol import Backend, Traits

BACKEND: Backend = LazyBackend(
    name="mariadb",
    package=__name__,
    traits=Traits(
        title="MariaDB",
        extra="mariadb",
        driver="pymysql",
        scheme="mariadb",
        schemes=(),
        port=3306,
        passwords_in_url="ascii",
    ),
)
