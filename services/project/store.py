"""The store of the service `project`: all its operations, each in one transaction."""

from __future__ import annotations

from services.project.activities import Activities
from services.project.comments import Comments
from services.project.members import Members
from services.project.phases import Phases
from services.project.projects import Projects
from services.project.versions import Versions

__all__ = ["ProjectStore"]


class ProjectStore(Projects, Members, Phases, Versions, Comments, Activities):
    """Projects, who works on them, their phases and documents, and what is said of them.

    Make it of what makes sessions: `ProjectStore(dbkit.session("project"))`. Who may do something is for the caller to
    ask, with `may`; `by` says who does it, for the time line.
    """
