"""Projects: made, found, listed, changed, archived and deleted."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack, cast

import sqlalchemy as sa

from services.errors import Invalid
from services.paging import Keyset, Page
from services.project.common import Common, prove_order, prove_slug
from services.project.models import Member, MemberRole, Project, ProjectStatus, ProjectTag, Visibility
from services.values import accepted, each_once, equal, folded, in_order, only

if TYPE_CHECKING:
    from sqlalchemy.ext.orderinglist import OrderingList

__all__ = ["ProjectChanges", "ProjectFields", "ProjectFilter", "Projects"]

_PROJECTS: Final[Keyset[Project]] = Keyset(columns=(Project.created_at, Project.id), descending=True)
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


class ProjectFields(TypedDict, total=False):
    """What a project may be made with."""

    summary: str | None
    visibility: Visibility
    settings: dict[str, Any]
    budget: Decimal | None
    currency: str
    starts_on: date | None
    due_on: date | None


class ProjectChanges(ProjectFields, total=False):
    """What may be changed of a project."""

    slug: str
    name: str
    status: ProjectStatus
    tags: list[str]


class ProjectFilter(TypedDict, total=False):
    """Which projects a list is of; what is None does not matter."""

    owner_id: uuid.UUID | None
    member_id: uuid.UUID | None
    status: ProjectStatus | None
    visibility: Visibility | None
    tag: str | None
    name_contains: str | None
    """In whatever case."""


class Projects(Common):
    """Operations on projects."""

    def create_project(
        self, owner_id: uuid.UUID, *, slug: str, name: str, tags: Iterable[str] = (), **fields: Unpack[ProjectFields]
    ) -> Project:
        """Make a project; its owner is its first member.

        Raises:
            Invalid: a value cannot be kept, such as a name of over 200 characters.
            Conflict: the slug is taken.
            Unavailable: the database cannot do it now.
        """
        values = _proved({"slug": slug, "name": name, **fields}, tags)
        now = self._clock()
        with self.transaction() as session:
            project = Project(**{"tags": [], **values}, owner_id=owner_id, created_at=now, updated_at=now)
            _prove_dates(project)
            project.members = [Member(user_id=owner_id, role=MemberRole.OWNER, joined_at=now)]
            with self._conflicting(session, f"the slug {slug!r} is taken"):
                session.add(project)
            self._record(session, "project.create", project_id=project.id, by=owner_id, subject_id=project.id)
            return project

    def project(self, project_id: uuid.UUID) -> Project:
        """Give a project with its tags.

        Raises:
            NotFound: there is none.
            Unavailable: the database cannot do it now.
        """
        with self.transaction() as session:
            return self._get(session, Project, project_id, kind="project")

    def project_by_slug(self, slug: str) -> Project:
        """Give a project with its tags, by its slug.

        Raises:
            NotFound: there is none.
            Unavailable: the database cannot do it now.
        """
        with self.transaction() as session:
            found: Project = self._one(session, sa.select(Project).where(Project.slug == slug), slug, kind="project")
            return found

    def projects(self, *, limit: int = 50, cursor: str | None = None, **wanted: Unpack[ProjectFilter]) -> Page[Project]:
        """Give a page of projects with their tags, the newest first.

        Raises:
            Invalid: the limit is out of range, or nothing could be what is wanted.
            InvalidCursor: the cursor is not from this list.
            Unavailable: the database cannot do it now.
        """
        asked = ("projects", *in_order(wanted, ProjectFilter.__annotations__))
        query = sa.select(Project).where(*_conditions(wanted))
        text = wanted.get("name_contains")
        # not by the databases, which do not all fold the same letters
        keep = None if text is None else (lambda project: folded(text) in folded(project.name))
        with self.transaction() as session:
            return _PROJECTS.page(session, query, limit=limit, cursor=cursor, asked=asked, keep=keep)

    def update_project(
        self, project_id: uuid.UUID, *, version: int, by: uuid.UUID | None = None, **changes: Unpack[ProjectChanges]
    ) -> Project:
        """Change a project that is still at this version.

        A status of `archived` keeps when that was, any other forgets it.

        Raises:
            NotFound: there is no such project.
            VersionConflict: somebody has changed it since it was read.
            Conflict: the slug is taken.
            Invalid: a value cannot be kept.
            Unavailable: the database cannot do it now.
        """
        return self._change(project_id, "project.update", version=version, by=by, changes=dict(changes))

    def archive_project(self, project_id: uuid.UUID, *, version: int, by: uuid.UUID | None = None) -> Project:
        """Put a project away.

        Raises:
            NotFound: there is no such project.
            VersionConflict: somebody has changed it since it was read.
            Unavailable: the database cannot do it now.
        """
        changes = {"status": ProjectStatus.ARCHIVED}
        return self._change(project_id, "project.archive", version=version, by=by, changes=changes)

    def delete_project(self, project_id: uuid.UUID, *, version: int) -> None:
        """Delete a project that is still at this version, and all that is in it: nothing of it is left, not even its time line.

        Raises:
            NotFound: there is no such project.
            VersionConflict: somebody has changed it since it was read.
            Unavailable: the database cannot do it now.
        """
        with self.transaction() as session:
            self._delete(session, Project, project_id, version=version, kind="project")

    def _change(
        self, project_id: uuid.UUID, verb: str, *, version: int, by: uuid.UUID | None, changes: dict[str, Any]
    ) -> Project:
        values = _proved(changes, changes.pop("tags", None))
        tags: list[str] | None = values.pop("tags", None)
        if "status" in values:
            archived = values["status"] is ProjectStatus.ARCHIVED
            values |= {"archived_at": self._clock() if archived else None, "status_note": None}
        with self.transaction() as session:
            with self._conflicting(session, f"the slug {values.get('slug')!r} is taken"):
                project = self._update(session, Project, project_id, version=version, changes=values, kind="project")
            _prove_dates(project)
            if tags is not None:
                _put_tags(project, tags)
            changed = sorted({*changes, *(["tags"] if tags is not None else [])})
            self._record(
                session, verb, project_id=project_id, by=by, subject_id=project_id, payload={"changed": changed}
            )
            return project


def _proved(values: dict[str, Any], tags: Iterable[str] | None) -> dict[str, Any]:
    """Give the values as they are kept, the tags among them where there are any."""
    found = accepted(Project, only(values, ProjectChanges.__annotations__))
    if "slug" in found:
        prove_slug(found["slug"])
    if not _CURRENCY.fullmatch(found.get("currency", "EUR")):
        raise Invalid("currency", f"{found['currency']!r} is no code of three capital letters")
    if tags is not None:
        found["tags"] = each_once("tags", tags, ProjectTag.tag)
    return found


def _prove_dates(project: Project) -> None:
    prove_order(project.starts_on, project.due_on, field="due_on")


def _put_tags(project: Project, tags: list[str]) -> None:
    """Put these tags in the place of those that are there; a row that stays is moved, for its key is the tag."""
    had = {row.tag: row for row in project.tag_rows}
    project.tag_rows = [had.get(tag) or ProjectTag(tag=tag) for tag in tags]
    cast("OrderingList[ProjectTag]", project.tag_rows).reorder()


def _conditions(wanted: ProjectFilter) -> list[sa.ColumnElement[bool]]:
    member_id, tag = wanted.get("member_id"), wanted.get("tag")
    exact = {field: wanted.get(field) for field in ("owner_id", "status", "visibility")}
    found = equal(Project, **exact)
    if member_id is not None:
        found.append(Project.id.in_(sa.select(Member.project_id).where(Member.user_id == member_id)))
    if tag is not None:
        found.append(Project.id.in_(sa.select(ProjectTag.project_id).where(ProjectTag.tag == tag)))
    return found
