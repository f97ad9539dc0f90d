"""Acme: files of SQLite that are stamped as Acme's own, keep UUIDs as bytes and moments as numbers."""

from dbkit.backends.lazy import LazyBackend
from dbkit.backends.protocol import Backend, Driver, Traits
from dbkit.backends.traits import SYNC

BACKEND: Backend = LazyBackend(
    name="acme",
    package=__name__,
    traits=Traits(
        title="Acme",
        drivers=(Driver(name="acmelite", kinds=SYNC, extra=None),),
        scheme="acme",
        dialect="acme",
        schemes=(),
        port=None,
        file_based=True,
        transactional_ddl=True,
        alters_columns=False,
        name_limit=4096,
    ),
)
