"""What is to be seen on a file of Acme's: what is to be seen on any of SQLite's."""

from dbkit.backends.sqlite.examine import EXAMINER

__all__ = ["EXAMINER"]
