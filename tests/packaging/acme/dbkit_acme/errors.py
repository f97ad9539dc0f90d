"""What Acme's errors mean: SQLite's, and that a file is somebody else's."""

from __future__ import annotations

from dbkit.backends.marks import driver_error
from dbkit.backends.protocol import Errors, Fault
from dbkit.backends.sqlite.errors import SqliteErrors
from dbkit_acme.connect import NotAcmeError


class AcmeErrors(SqliteErrors):
    """Knows one error more."""

    def fault(self, error: BaseException) -> Fault:
        """Classify an error."""
        return Fault.DAMAGED if isinstance(driver_error(error), NotAcmeError) else super().fault(error)


ERRORS: Errors = AcmeErrors()
