"""Roles: what they permit, and who holds them until when."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from services.errors import Conflict, Invalid, NotFound
from services.paging import Keyset, Page
from services.store import Store, written
from services.user.models import Role, User, UserRole
from services.values import accepted, each_once

__all__ = ["Roles", "held_at"]

_BY_NAME: Final[Keyset[Role]] = Keyset(columns=(Role.name, Role.id))


def held_at(now: datetime) -> sa.ColumnElement[bool]:
    """Word that a grant has not expired."""
    return sa.or_(UserRole.expires_at.is_(None), UserRole.expires_at > now)


class Roles(Store):
    """The part of the store that is about roles."""

    def create_role(
        self, name: str, *, permissions: Iterable[str] = (), description: str | None = None, is_builtin: bool = False
    ) -> Role:
        """Make a role.

        Raises:
            Conflict: there is one of this name.
            Invalid: a value cannot be kept; it names the field.
            Unavailable: the database cannot do it now.
        """
        given = {
            "name": name.strip(),
            "permissions": sorted(each_once("permissions", permissions)),
            "description": description,
            "is_builtin": is_builtin,
        }
        values, now = accepted(Role, given), self._clock()
        role = Role(**values, created_at=now, updated_at=now)
        with self.transaction() as session, self._conflicting(session, f"there is a role {values['name']!r}"):
            session.add(role)
        return role

    def role(self, name: str) -> Role:
        """Fetch a role by its name.

        Raises:
            NotFound: there is no such role.
            Unavailable: the database cannot do it now.
        """
        with self.transaction() as session:
            found: Role = self._one(session, sa.select(Role).where(Role.name == name), name, kind="role")
            return found

    def roles(self, *, limit: int = 50, cursor: str | None = None) -> Page[Role]:
        """List roles by name.

        Raises:
            Invalid: the limit is out of range.
            InvalidCursor: the cursor is not from this list.
            Unavailable: the database cannot do it now.
        """
        with self.transaction() as session:
            return _BY_NAME.page(session, sa.select(Role), limit=limit, cursor=cursor)

    def delete_role(self, role_id: uuid.UUID) -> None:
        """Delete a role that nobody holds, and that the platform does not need.

        Raises:
            NotFound: there is no such role.
            Conflict: somebody holds it, or it is built in.
            Unavailable: the database cannot do it now.
        """
        deleted = sa.delete(Role).where(Role.id == role_id, ~Role.is_builtin)
        with self.transaction() as session:
            with self._conflicting(session, "somebody holds the role"):
                done = written(session, deleted)
            if done == 1:
                return
            found = session.scalar(sa.select(Role.name).where(Role.id == role_id).with_for_update())
        if found is None:
            raise NotFound("role", role_id)
        raise Conflict(f"the role {found!r} is built in")

    def grant(
        self,
        user_id: uuid.UUID,
        role_id: uuid.UUID,
        *,
        granted_by: uuid.UUID | None = None,
        expires_at: datetime | None = None,
    ) -> UserRole:
        """Give a role to a user, for good or for a while; a grant that has expired is renewed.

        Of two who give the same role at the same time, one hears that it is held.

        Raises:
            NotFound: there is no such user or role.
            Conflict: the user holds it.
            Invalid: the time has passed, or is no moment.
            Unavailable: the database cannot do it now.
        """
        now = self._clock()
        values = accepted(UserRole, {"granted_by": granted_by, "expires_at": expires_at}) | {"granted_at": now}
        if values["expires_at"] is not None and values["expires_at"] <= now:
            raise Invalid("expires_at", f"{values['expires_at'].isoformat()} has passed")
        with self.transaction() as session:
            if not _inserted(session, user_id=user_id, role_id=role_id, **values):
                _renew(session, user_id, role_id, now=now, values=values)
            return session.get_one(UserRole, (user_id, role_id), populate_existing=True)

    def revoke(self, user_id: uuid.UUID, role_id: uuid.UUID) -> None:
        """Take a role from a user.

        Raises:
            NotFound: the user does not hold it.
            Unavailable: the database cannot do it now.
        """
        deleted = sa.delete(UserRole).where(UserRole.user_id == user_id, UserRole.role_id == role_id)
        with self.transaction() as session:
            done = written(session, deleted)
        if done == 0:
            raise NotFound("grant", f"{role_id} to {user_id}")

    def grants(self, user_id: uuid.UUID) -> tuple[UserRole, ...]:
        """List what a user holds now, with the roles, by their names.

        Raises:
            Unavailable: the database cannot do it now.
        """
        query = sa.select(UserRole).join(UserRole.role).options(joinedload(UserRole.role)).order_by(Role.name)
        with self.transaction() as session:
            return tuple(session.scalars(query.where(UserRole.user_id == user_id, held_at(self._clock()))))

    def permissions(self, user_id: uuid.UUID) -> frozenset[str]:
        """Give all that the roles permit which a user holds now; nothing for who is not there.

        Raises:
            Unavailable: the database cannot do it now.
        """
        query = sa.select(Role.permissions).join(UserRole, UserRole.role_id == Role.id)
        with self.transaction() as session:
            found = session.scalars(query.where(UserRole.user_id == user_id, held_at(self._clock()))).all()
        return frozenset().union(*found)


def _inserted(session: Session, **values: object) -> bool:
    """Write a grant, and tell whether that could be; what came before it stays."""
    try:
        with session.begin_nested():
            session.execute(sa.insert(UserRole).values(values))
    except IntegrityError:
        return False
    return True


def _renew(
    session: Session, user_id: uuid.UUID, role_id: uuid.UUID, *, now: datetime, values: dict[str, object]
) -> None:
    """Renew a grant that has expired. Raises NotFound or Conflict where that is not what stood against it."""
    which = sa.and_(UserRole.user_id == user_id, UserRole.role_id == role_id)
    renewed = sa.update(UserRole).where(which, UserRole.expires_at <= now).values(values)
    if written(session, renewed) == 1:
        return
    for model, key, kind in ((User, user_id, "user"), (Role, role_id, "role")):
        if session.scalar(sa.select(model.id).where(model.id == key).with_for_update()) is None:
            raise NotFound(kind, key)
    raise Conflict(f"user {str(user_id)!r} holds role {str(role_id)!r}")
