"""How an operation begins with a write, so that on every backend it waits for whoever was before it and then sees what they did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from dbkit.backends import backend_of
from dbkit.backends.protocol import Fault
from services.base import Timestamps
from services.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["hold", "inserting"]


def hold(session: Session, model: type[Timestamps], rows: sa.ColumnElement[bool]) -> int:
    """Lock rows until the transaction ends, by writing them as they are, and tell how many there are.

    Not by a locking read: SQLite knows none, and a transaction that has read there is not let write what somebody else has
    written since.
    """
    write = sa.update(model).where(rows).values(updated_at=model.updated_at)
    done: Any = session.execute(write.execution_options(synchronize_session=False))
    return int(done.rowcount)


@contextmanager
def inserting(session: Session, *, taken: StoreError, missing: StoreError) -> Iterator[None]:
    """Insert what is added inside without a look beforehand, and raise what stands against it.

    Args:
        session: what it is added to.
        taken: raised where a unique rule does.
        missing: raised where what it refers to is not there.
    """
    errors = backend_of(session.connection().dialect).errors
    try:
        yield
        session.flush()
    except IntegrityError as error:
        said = {Fault.DUPLICATE: taken, Fault.REFERENCE: missing}.get(errors.fault(error))
        if said is None:
            raise
        raise said from error
