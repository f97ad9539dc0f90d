"""Checked by mypy where the wheel is installed, and never run: the last line is wrong, and only `py.typed` lets that be seen."""

import sqlalchemy as sa

import dbkit

engine: sa.Engine = dbkit.engine("user")
ready: bool = dbkit.health("user", deadline_s=0.8).ready
wrong: int = dbkit.engine("user")
