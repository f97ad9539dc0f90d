"""Which rights accounts need on TiDB: MySQL's, without those for triggers and routines, which TiDB has not.

The lease needs no more. The right PROCESS is left out, because it shows the statements of everybody: without it a run sees the
sessions of its own account, and that is enough to find out that a run of the same account is dead. Only the lease of a dead run of
*another* account would be taken over with it. An ALTER USER that does not say REQUIRE SSL anew, such as one that changes the password,
takes it away (seen on 8.5.3). https://docs.pingcap.com/tidb/stable/privilege-management
"""

from __future__ import annotations

from dbkit.backends.mysql.grants import FAMILY, REFERENCES, MysqlGrants
from dbkit.backends.protocol import Grants

GRANTS: Grants = MysqlGrants(migration={**FAMILY, **REFERENCES})
