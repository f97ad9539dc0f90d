"""One spelling for each column type and default on TiDB: MySQL's."""

from __future__ import annotations

from dbkit.backends.mysql.canonical import canonical_default, canonical_type

__all__ = ["canonical_default", "canonical_type"]
