"""How MariaDB keeps each kind: as MySQL does, under the name of its own collation."""

from __future__ import annotations

from dbkit.backends.mysql.codecs import MysqlCodecs
from dbkit.backends.protocol import Codecs


class MariadbCodecs(MysqlCodecs):
    """The codecs of MariaDB. UUIDs are bytes here too: its own type refuses some and sorts by other bytes (10.11)."""

    name = "mariadb"
    collation = "utf8mb4_nopad_bin"
    # Documents are text; dbkit writes each in one way, so equal ones are equal texts.
    document = None


CODECS: Codecs = MariadbCodecs()
