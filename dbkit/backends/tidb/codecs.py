"""How TiDB keeps each kind: as MySQL does."""

from __future__ import annotations

from dbkit.backends.mysql.codecs import MysqlCodecs
from dbkit.backends.protocol import Codecs


class TidbCodecs(MysqlCodecs):
    """The codecs of TiDB."""

    name = "tidb"


CODECS: Codecs = TidbCodecs()
