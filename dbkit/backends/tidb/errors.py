"""What the drivers' errors mean: as on MySQL."""

from dbkit.backends.mysql.errors import MysqlErrors
from dbkit.backends.protocol import Errors

ERRORS: Errors = MysqlErrors()
