"""The migration lock on MariaDB: MySQL's."""

from dbkit.backends.mysql.locks import MysqlLocker
from dbkit.backends.protocol import Locker

LOCKER: Locker = MysqlLocker()
