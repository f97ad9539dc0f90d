"""What the scripts of all backends' grants have in common."""

from __future__ import annotations

from typing import Final

from dbkit.backends.protocol import GrantPlace

PASSWORD: Final = "<PASSWORD>"  # noqa: S105 - a place for one
"""Stands where the administrator writes the password as a quoted string; a syntax error on every server until then."""

OWN_TABLES: Final = "dbkit_"
"""What the names of dbkit's own tables begin with: a service may read them."""


def one_account(place: GrantPlace) -> bool:
    """Tell whether one account does both, so that what is its own needs no grant."""
    return place.service_account == place.migration_account
