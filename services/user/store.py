"""The store of the service `user`: all operations on its tables.

store = UserStore(dbkit.session("user"))
ada = store.create_user("ada@example.org", given_name="Ada", family_name="Lovelace")
with store.transaction():
    store.grant(ada.id, store.role("architect").id)
    store.record("role.grant", Outcome.ALLOWED, target=("user", ada.id))
"""

from __future__ import annotations

from services.user.accounts import Accounts
from services.user.audit import AuditTrail
from services.user.roles import Roles
from services.user.sign_in import SignedIn, SignIns

__all__ = ["SignedIn", "UserStore"]


class UserStore(Accounts, Roles, SignIns, AuditTrail):
    """Users and their profiles, roles, sessions and the audit trail.

    Each operation is one transaction; several inside of `transaction()` are one together. Passwords are hashed by who checks
    them: the store keeps the hash that it is given.
    """
