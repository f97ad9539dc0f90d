"""What is to be seen on a MariaDB server: what MySQL has, with an age and a collation of its own."""

from __future__ import annotations

from typing import cast

from dbkit.backends.mariadb.connect import CONNECTOR
from dbkit.backends.mysql.connect import MysqlConnector
from dbkit.backends.mysql.examine import MysqlExaminer
from dbkit.backends.protocol import Examiner

EXAMINER: Examiner = MysqlExaminer(
    connector=cast("MysqlConnector", CONNECTOR),
    title="MariaDB",
    # The oldest that its makers maintained in 2026: https://mariadb.org/about/#maintenance-policy; measured on 10.11.
    oldest=(10, 6),
    collation="utf8mb4_nopad_bin",
)
