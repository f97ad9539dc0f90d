"""Who works on a project, and what they may do there."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from services.errors import Conflict, NotFound
from services.paging import Keyset, Page
from services.project.common import Common
from services.project.models import Member, MemberRole, Project
from services.values import accepted

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["Members"]

_MEMBERS: Final[Keyset[Member]] = Keyset(columns=(Member.joined_at, Member.user_id))
_MEMBERSHIPS: Final[Keyset[Member]] = Keyset(columns=(Member.joined_at, Member.project_id))
_PLACES: Final = {role: place for place, role in enumerate(MemberRole)}
"""The roles are declared from all to least."""


class Members(Common):
    """Operations on the members of projects. Each that writes holds the project, so that its last owner is known for certain."""

    def add_member(
        self,
        project_id: uuid.UUID,
        user_id: uuid.UUID,
        role: MemberRole,
        *,
        by: uuid.UUID | None = None,
        capacity_percent: int | None = None,
    ) -> Member:
        """Have a user join a project.

        Raises:
            NotFound: there is no such project.
            Conflict: the user is a member already.
            Invalid: a value cannot be kept.
            Unavailable: the database cannot do it now.
        """
        values = accepted(Member, {"role": role, "capacity_percent": capacity_percent})
        with self.transaction() as session:
            self._hold(session, Project, project_id, kind="project")
            member = Member(project_id=project_id, user_id=user_id, invited_by=by, joined_at=self._clock(), **values)
            with self._conflicting(session, f"user {str(user_id)!r} is a member already"):
                session.add(member)
            payload = {"role": member.role.value}
            self._record(session, "member.add", project_id=project_id, by=by, subject_id=user_id, payload=payload)
            return member

    def change_role(
        self, project_id: uuid.UUID, user_id: uuid.UUID, role: MemberRole, *, by: uuid.UUID | None = None
    ) -> Member:
        """Give a member another role.

        Raises:
            NotFound: there is no such project, or the user is no member of it.
            Conflict: it is the last owner.
            Invalid: there is no such role.
            Unavailable: the database cannot do it now.
        """
        role = accepted(Member, {"role": role})["role"]
        with self.transaction() as session:
            member = self._held_member(session, project_id, user_id)
            if role is not MemberRole.OWNER:
                _prove_other_owner(session, member)
            payload = {"from": member.role.value, "to": role.value}
            member.role = role
            self._record(
                session, "member.change_role", project_id=project_id, by=by, subject_id=user_id, payload=payload
            )
            return member

    def transfer_project(
        self, project_id: uuid.UUID, to: uuid.UUID, *, version: int, by: uuid.UUID | None = None
    ) -> Project:
        """Have a project that is still at this version belong to another of its members, who becomes an owner by that.

        Who it belonged to goes on as an owner; `change_role` or `remove_member` comes after, where that is wanted.

        Raises:
            NotFound: there is no such project, or the user is no member of it.
            VersionConflict: somebody has changed the project since it was read.
            Conflict: it is theirs already.
            Invalid: that is no user's id.
            Unavailable: the database cannot do it now.
        """
        to = accepted(Project, {"owner_id": to})["owner_id"]
        with self.transaction() as session:
            project = self._hold(session, Project, project_id, version=version, kind="project")
            if project.owner_id == to:
                raise Conflict(f"the project is that of user {str(to)!r} already")
            self._member(session, project_id, to).role = MemberRole.OWNER
            payload = {"from": str(project.owner_id), "to": str(to)}
            project.owner_id, project.updated_at = to, self._clock()
            self._record(
                session, "project.transfer", project_id=project_id, by=by, subject_id=project_id, payload=payload
            )
            return project

    def remove_member(self, project_id: uuid.UUID, user_id: uuid.UUID, *, by: uuid.UUID | None = None) -> None:
        """Have a user leave a project.

        Raises:
            NotFound: there is no such project, or the user is no member of it.
            Conflict: it is the last owner.
            Unavailable: the database cannot do it now.
        """
        with self.transaction() as session:
            member = self._held_member(session, project_id, user_id)
            _prove_other_owner(session, member)
            session.delete(member)
            self._record(session, "member.remove", project_id=project_id, by=by, subject_id=user_id)

    def members(self, project_id: uuid.UUID, *, limit: int = 50, cursor: str | None = None) -> Page[Member]:
        """Give a page of a project's members, in the order in which they joined.

        Raises:
            Invalid: the limit is out of range.
            InvalidCursor: the cursor is not from this list.
            Unavailable: the database cannot do it now.
        """
        query = sa.select(Member).where(Member.project_id == project_id)
        with self.transaction() as session:
            return _MEMBERS.page(session, query, limit=limit, cursor=cursor, asked=("members", project_id))

    def memberships(self, user_id: uuid.UUID, *, limit: int = 50, cursor: str | None = None) -> Page[Member]:
        """Give a page of the projects that a user works on, and in which role, in the order in which they joined.

        Raises:
            Invalid: the limit is out of range.
            InvalidCursor: the cursor is not from this list.
            Unavailable: the database cannot do it now.
        """
        query = sa.select(Member).where(Member.user_id == user_id)
        with self.transaction() as session:
            return _MEMBERSHIPS.page(session, query, limit=limit, cursor=cursor, asked=("memberships", user_id))

    def role_of(self, user_id: uuid.UUID, project_id: uuid.UUID) -> MemberRole | None:
        """Give a user's role in a project; None for who is no member of it.

        Raises:
            Unavailable: the database cannot do it now.
        """
        query = sa.select(Member.role).where(Member.user_id == user_id, Member.project_id == project_id)
        with self.transaction() as session:
            return session.scalars(query).one_or_none()

    def may(self, user_id: uuid.UUID, project_id: uuid.UUID, role: MemberRole) -> bool:
        """Tell whether a user may do in a project what this role may: an owner all, a viewer least, and nobody else anything.

        Raises:
            Invalid: there is no such role.
            Unavailable: the database cannot do it now.
        """
        asked = accepted(Member, {"role": role})["role"]
        has = self.role_of(user_id, project_id)
        return has is not None and _PLACES[has] <= _PLACES[asked]

    def _held_member(self, session: Session, project_id: uuid.UUID, user_id: uuid.UUID) -> Member:
        self._hold(session, Project, project_id, kind="project")
        return self._member(session, project_id, user_id)

    def _member(self, session: Session, project_id: uuid.UUID, user_id: uuid.UUID) -> Member:
        """Read a member as it is now, and hold it. Raises NotFound."""
        query = sa.select(Member).where(Member.project_id == project_id, Member.user_id == user_id).with_for_update()
        member = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
        if member is None:
            raise NotFound("member", user_id)
        return member


def _prove_other_owner(session: Session, member: Member) -> None:
    """Refuse to do without an owner. Raises Conflict."""
    if member.role is not MemberRole.OWNER:
        return
    owners = sa.select(Member.user_id).where(Member.project_id == member.project_id, Member.role == MemberRole.OWNER)
    if session.scalars(owners.with_for_update()).all() == [member.user_id]:
        raise Conflict(f"user {str(member.user_id)!r} is the last owner of the project: make another one first")
