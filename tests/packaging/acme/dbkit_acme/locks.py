"""The migration lock: that of SQLite, on a file beside the database."""

from dbkit.backends.sqlite.locks import LOCKER

__all__ = ["LOCKER"]
