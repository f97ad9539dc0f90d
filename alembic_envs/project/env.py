"""Runs the revisions of the service `project`; the stock `alembic` command starts here too."""

from dbkit.migrations import env

env.run("project")
