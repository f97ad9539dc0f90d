"""Which rights accounts need: none, as on SQLite."""

from dbkit.backends.sqlite.grants import GRANTS

__all__ = ["GRANTS"]
