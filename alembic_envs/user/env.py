"""Runs the revisions of the service `user`; the stock `alembic` command starts here too."""

from dbkit.migrations import env

env.run("user")
