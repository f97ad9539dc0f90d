"""The impostors by the protocol that they speak. A new protocol is one class and one line here."""

from __future__ import annotations

from typing import Final

from dbkit.backends import get_backend
from dbkit.errors import UsageError
from dbkit.testing.impostor import HOST, Handed, Impostor, Line, Seen
from dbkit.testing.impostor_mysql import MysqlImpostor
from dbkit.testing.impostor_postgresql import PostgresqlImpostor
from dbkit.testing.tds import TdsImpostor

__all__ = ["HOST", "Handed", "Impostor", "Line", "Seen", "impostor_of"]

_IMPOSTORS: Final = {kind.wire: kind for kind in (MysqlImpostor, PostgresqlImpostor, TdsImpostor)}


def impostor_of(backend: str) -> type[Impostor]:
    """Find the impostor for a backend's protocol.

    Raises:
        UnknownBackendError: there is no such backend.
        UsageError: there is no impostor for it.
    """
    traits = get_backend(backend).traits
    found: type[Impostor] | None = _IMPOSTORS.get(traits.wire or "")
    if found is None:
        raise UsageError(
            f"there is no impostor for {traits.title}", hint=f"protocols that have one: {', '.join(_IMPOSTORS)}"
        )
    return found
