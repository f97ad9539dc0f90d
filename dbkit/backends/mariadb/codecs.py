"""How MariaDB keeps each kind: as MySQL does, under the name of its own collation."""

from __future__ import annotations

from typing import Any

from dbkit.backends.kinds import Kind
from dbkit.backends.mysql.codecs import MysqlCodecs
from dbkit.backends.protocol import Codecs


class MariadbCodecs(MysqlCodecs):
    """The codecs of MariaDB. UUIDs are bytes here too: its own type refuses some and sorts by other bytes (10.11)."""

    name = "mariadb"
    collation = "utf8mb4_nopad_bin"

    def default_literal(self, value: Any, kind: Kind) -> str:  # noqa: ANN401 - a value of that kind
        """Word bytes by a function: SHOW CREATE TABLE prints constant ones raw, and no driver can read that (10.11)."""
        text = super().default_literal(value, kind)
        return f"(UNHEX('{text.removeprefix('0x')}'))" if text.startswith("0x") else text


CODECS: Codecs = MariadbCodecs()
