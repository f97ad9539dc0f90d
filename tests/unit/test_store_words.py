"""What a store raises for what a database says: one of a few classes, whatever the backend."""

from __future__ import annotations

import uuid

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from dbkit.backends.protocol import Fault
from services.errors import Conflict, Invalid, NotFound, StoreError, Unavailable, VersionConflict
from services.store import _word
from services.user.models import AccountStatus, User
from services.values import accepted


class Told:
    """Reads the fault off the driver's error, where this test has written it."""

    def fault(self, error: BaseException) -> Fault:
        return Fault(str(error.orig))  # type: ignore[attr-defined] # SQLAlchemy's wrapper

    def message(self, error: BaseException) -> str:
        return f"it is {self.fault(error)}"


EXPECTED = {
    Fault.DUPLICATE: Conflict,
    Fault.REFERENCE: Conflict,
    Fault.UNREACHABLE: Unavailable,
    Fault.TURNED_AWAY: Unavailable,
    Fault.LOGIN_REFUSED: Unavailable,
    Fault.TLS_REFUSED: Unavailable,
    Fault.NO_DATABASE: Unavailable,
    Fault.DATABASE_EXISTS: Unavailable,
    Fault.NOT_ALLOWED: Unavailable,
    Fault.CONNECTION_LOST: Unavailable,
    Fault.LOCK_TIMEOUT: Unavailable,
    Fault.NO_TABLE: Unavailable,
    Fault.CONFLICT: Unavailable,
    Fault.READ_ONLY: Unavailable,
    Fault.STORAGE_FULL: Unavailable,
    Fault.DAMAGED: Unavailable,
    Fault.OTHER: type(None),
}


def test_every_fault_is_expected_here() -> None:
    assert set(EXPECTED) == set(Fault)


@pytest.mark.parametrize(("fault", "kind"), EXPECTED.items())
def test_a_fault_is_worded_by_what_a_caller_can_do(fault: Fault, kind: type[StoreError]) -> None:
    worded = _word(OperationalError("SELECT 1", {}, Exception(fault.value)), Told())  # type: ignore[arg-type] # a part of Errors

    assert type(worded) is kind
    if worded is not None:
        assert str(worded) == f"it is {fault.value}"


def test_what_failed_while_another_failure_was_handled_is_worded_by_that_one() -> None:
    first = OperationalError("UPDATE", {}, Exception("conflict"))
    driver = Exception("other")
    driver.__context__ = first
    caught = ProgrammingError("ROLLBACK TO SAVEPOINT", {}, driver)
    caught.__context__ = driver

    worded = _word(caught, Told())  # type: ignore[arg-type] # a part of Errors

    assert type(worded) is Unavailable
    assert str(worded) == "it is conflict"


def test_a_connection_that_was_found_dead_is_unavailable_whatever_was_said() -> None:
    error = IntegrityError("SELECT 1", {}, Exception("other"), connection_invalidated=True)

    assert type(_word(error, Told())) is Unavailable  # type: ignore[arg-type] # a part of Errors


def test_values_are_accepted_as_the_columns_give_them_back() -> None:
    given = {"email": "a@b.org", "status": "active", "password_hash": None, "is_staff": True}

    found = accepted(User, given)

    assert found == {"email": "a@b.org", "status": AccountStatus.ACTIVE, "password_hash": None, "is_staff": True}
    assert type(found["status"]) is AccountStatus


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"nickname": "x"}, "nickname: there is no such field"),
        ({"profile": None}, "profile: there is no such field"),
        ({"email": None}, "email: it cannot be empty"),
        ({"email": 5}, "email: 5 cannot be kept as dbt.v1.String(320): a int is not a str"),
        ({"password_hash": "x" * 256}, None),
        ({"status": "asleep"}, None),
        ({"is_staff": "yes"}, None),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_the_name_of_its_field(
    values: dict[str, object], said: str | None
) -> None:
    with pytest.raises(Invalid) as caught:
        accepted(User, values)

    assert caught.value.field == next(iter(values))
    assert said is None or str(caught.value) == said


def test_errors_say_what_they_are_about() -> None:
    key = uuid.UUID(int=7)

    assert str(NotFound("user", key)) == "no user '00000000-0000-0000-0000-000000000007'"
    assert (NotFound("user", key).kind, NotFound("user", key).key) == ("user", key)
    assert isinstance(VersionConflict("user", key, expected=1, found=2), Conflict)
    assert isinstance(Invalid("email", "no"), ValueError)
    assert not issubclass(StoreError, sa.exc.SQLAlchemyError)
