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
    # RENAME COLUMN: https://mariadb.com/docs/release-notes/community-server/old-releases/release-notes-mariadb-10-5-series
    oldest=(10, 5, 2),
    collation="utf8mb4_nopad_bin",
)
