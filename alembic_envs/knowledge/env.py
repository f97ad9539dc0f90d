"""Runs the revisions of the service `knowledge`; the stock `alembic` command starts here too."""

from dbkit.migrations import env

env.run("knowledge")
