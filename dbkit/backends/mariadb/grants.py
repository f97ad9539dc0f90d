"""Which rights accounts need on MariaDB: MySQL's, without one.

REFERENCES is not needed: SELECT, INSERT or UPDATE on the parent will do for a foreign key (seen on 10.11).
https://mariadb.com/kb/en/grant/#table-privileges
"""

from __future__ import annotations

from dbkit.backends.mysql.grants import FAMILY, ROUTINES, MysqlGrants
from dbkit.backends.protocol import Grants

GRANTS: Grants = MysqlGrants(migration={**FAMILY, **ROUTINES})
