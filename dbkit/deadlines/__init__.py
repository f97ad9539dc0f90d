"""Deadlines: one timer for the process, and work that is watched by it; knows sockets, but no database."""

from dbkit.deadlines.aside import aside
from dbkit.deadlines.timer import arm
from dbkit.deadlines.watch import Watch, current_watch

__all__ = ["Watch", "arm", "aside", "current_watch"]
