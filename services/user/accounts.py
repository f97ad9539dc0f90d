"""Accounts and what their holders show of themselves: one thing with one version."""

from __future__ import annotations

import uuid
from typing import Final, TypedDict, Unpack

import sqlalchemy as sa
from sqlalchemy.orm import contains_eager, joinedload
from sqlalchemy.orm.attributes import set_committed_value

from services.errors import Invalid, NotFound
from services.paging import Keyset, Page
from services.store import Store
from services.user.models import AccountStatus, Profile, Role, User, UserRole, name_key_of
from services.user.roles import held_at
from services.user.values import ProfileFields, normal_email, profile_values, prove_email, prove_name
from services.values import accepted, equal, only

__all__ = ["AccountChanges", "Accounts"]

# made once: to build one and to find what it was compiled to costs a third of the fetch
_WITH_PROFILE: Final = sa.select(User).options(joinedload(User.profile))
_BY_ID: Final = _WITH_PROFILE.where(User.id == sa.bindparam("key"))
_OLDEST_FIRST: Final[Keyset[User]] = Keyset(columns=(User.created_at, User.id))


class AccountChanges(TypedDict, total=False):
    """What may be changed of an account."""

    email: str
    password_hash: str | None
    is_staff: bool


class Accounts(Store):
    """The part of the store that is about users. They are given with their profile."""

    def create_user(
        self,
        email: str,
        *,
        password_hash: str | None = None,
        status: AccountStatus = AccountStatus.INVITED,
        is_staff: bool = False,
        **profile: Unpack[ProfileFields],
    ) -> User:
        """Open an account; `given_name` must be among what its profile holds.

        Args:
            email: the address to sign in with; kept in lower case.
            password_hash: as whoever checks passwords has made it; None where another party vouches for the person.
            status: how far the account is.
            is_staff: whether the person works for the platform.
            profile: what the holder shows.

        Raises:
            Conflict: the address is taken, in whatever case.
            Invalid: a value cannot be kept; it names the field.
            Unavailable: the database cannot do it now.
        """
        address, now = prove_email(email), self._clock()
        given = {"email": address, "password_hash": password_hash, "status": status, "is_staff": is_staff}
        values, shown = accepted(User, given), profile_values(profile)
        if "given_name" not in shown:
            raise Invalid("given_name", "it cannot be empty")
        prove_name(shown["given_name"], shown.get("family_name"))
        user = User(**values, created_at=now, updated_at=now)
        user.profile = Profile(**shown, created_at=now, updated_at=now)
        with self.transaction() as session, self._conflicting(session, f"the address {address!r} is taken"):
            session.add(user)
        return user

    def user(self, user_id: uuid.UUID) -> User:
        """Fetch a user.

        Raises:
            NotFound: there is no such user.
            Unavailable: the database cannot do it now.
        """
        with self.transaction() as session:
            found: User = self._one(session, _BY_ID, user_id, kind="user", values={"key": user_id})
            return found

    def user_by_email(self, email: str) -> User:
        """Fetch a user by the address to sign in with, in whatever case.

        Raises:
            NotFound: nobody has it.
            Unavailable: the database cannot do it now.
        """
        query = _WITH_PROFILE.where(User.email == normal_email(email))
        with self.transaction() as session:
            found: User = self._one(session, query, email, kind="user")
            return found

    def users(
        self,
        *,
        status: AccountStatus | None = None,
        role: str | None = None,
        name_contains: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[User]:
        """List users, the oldest account first.

        Args:
            status: those whose account is this far.
            role: those who hold the role of this name now.
            name_contains: those in whose name this text stands, in whatever case.
            limit: how many at most, 1 to 200.
            cursor: where the page before ended.

        Raises:
            Invalid: the limit is out of range, or nothing could be what is wanted.
            InvalidCursor: the cursor is not from this list.
            Unavailable: the database cannot do it now.
        """
        query = sa.select(User).outerjoin(User.profile).options(contains_eager(User.profile))
        query = query.where(*equal(User, status=status))
        if role is not None:
            held = sa.select(UserRole.user_id).join(UserRole.role).where(Role.name == role, held_at(self._clock()))
            query = query.where(User.id.in_(held))
        key = name_key_of(name_contains.strip()) if name_contains else ""
        if key:
            query = query.where(Profile.name_key.contains(key, autoescape=True))
        with self.transaction() as session:
            return _OLDEST_FIRST.page(session, query, limit=limit, cursor=cursor, asked=(status, role, key))

    def update_user(self, user_id: uuid.UUID, *, version: int, **changes: Unpack[AccountChanges]) -> User:
        """Change an account that is still at this version.

        Raises:
            NotFound: there is no such user.
            VersionConflict: somebody has changed it meanwhile.
            Conflict: the address is taken.
            Invalid: a value cannot be kept; it names the field.
            Unavailable: the database cannot do it now.
        """
        values = only(changes, AccountChanges.__annotations__)
        if isinstance(values.get("email"), str):
            values["email"] = prove_email(values["email"])
        said = f"the address {values.get('email')!r} is taken"
        with self.transaction() as session:
            with self._conflicting(session, said):
                user = self._update(session, User, user_id, version=version, changes=values, kind="user")
            session.refresh(user, ["profile"])
        return user

    def set_status(self, user_id: uuid.UUID, status: AccountStatus, *, version: int) -> User:
        """Invite, activate, suspend or close an account. Only who has an active one is signed in.

        Raises:
            NotFound: there is no such user.
            VersionConflict: somebody has changed it meanwhile.
            Invalid: it is no status.
            Unavailable: the database cannot do it now.
        """
        with self.transaction() as session:
            user = self._update(session, User, user_id, version=version, changes={"status": status}, kind="user")
            session.refresh(user, ["profile"])
        return user

    def update_profile(self, user_id: uuid.UUID, *, version: int, **changes: Unpack[ProfileFields]) -> User:
        """Change what a user shows, where account and profile are still at this version.

        Raises:
            NotFound: there is no such user, or it has no profile.
            VersionConflict: somebody has changed the account or the profile meanwhile.
            Invalid: a value cannot be kept; it names the field.
            Unavailable: the database cannot do it now.
        """
        values = profile_values(changes)
        with self.transaction() as session:
            user = self._update(session, User, user_id, version=version, changes={}, kind="user")
            # a locking read: what is written follows from what stands there
            profile = session.get(Profile, user_id, populate_existing=True, with_for_update=True)
            if profile is None:
                raise NotFound("profile", user_id)
            for field, value in values.items():
                setattr(profile, field, value)
            prove_name(profile.given_name, profile.family_name)
            profile.name_key = name_key_of(profile.given_name, profile.family_name)
            profile.updated_at = user.updated_at
            set_committed_value(user, "profile", profile)
        return user

    def delete_user(self, user_id: uuid.UUID, *, version: int | None = None) -> None:
        """Delete a user with profile, grants and sign-ins. What they did stays in the audit trail.

        Args:
            user_id: whom.
            version: only where the account is still at this version; None for at whatever one it is.

        Raises:
            NotFound: there is no such user.
            VersionConflict: somebody has changed it meanwhile.
            Unavailable: the database cannot do it now.
        """
        with self.transaction() as session:
            self._delete(session, User, user_id, version=version, kind="user")
