"""The SQL of revisions as a script for sqlcmd and its like, which go on after an error unless they are told not to.

An error ends the transaction (XACT_ABORT), and then nothing more is executed: without this the batches that follow would be
committed each by itself, the revision's number among them.
https://learn.microsoft.com/sql/t-sql/statements/set-xact-abort-transact-sql
https://learn.microsoft.com/sql/t-sql/statements/set-noexec-transact-sql
https://learn.microsoft.com/sql/tools/sqlcmd/sqlcmd-utility (QUOTED_IDENTIFIER is off there)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dbkit.backends.mssql.session import STATEMENTS

_GO: Final = "GO"
# Alembic's words
_BEGIN: Final = "BEGIN TRANSACTION;"
_COMMIT: Final = "COMMIT;"
_GUARD: Final = "IF @@TRANCOUNT = 0 SET NOEXEC ON;"


def script(text: str) -> str:
    """Set the session as an engine does, begin each transaction in a batch of its own, and stop where one has ended early."""
    settings = "\n".join(f"{statement};" for statement in STATEMENTS)
    return "".join(f"{batch}\n\n{_GO}\n\n" for batch in (settings, *_batches(text), "SET NOEXEC OFF;"))


def _batches(text: str) -> Iterator[str]:
    """Give Alembic's batches, with a guard behind each that leaves a transaction open."""
    inside = False
    for part in f"\n{text}\n".split(f"\n{_GO}\n"):
        lines = part.strip().splitlines()
        if _BEGIN in lines:
            # what creates a view, a trigger or a procedure has to be the first of its batch
            place = lines.index(_BEGIN) + 1
            yield "\n".join(lines[:place])
            lines, inside = lines[place:], True
        batch = "\n".join(lines).strip()
        if not batch:
            continue
        yield batch
        inside = inside and not batch.endswith(_COMMIT)
        if inside:
            yield _GUARD
