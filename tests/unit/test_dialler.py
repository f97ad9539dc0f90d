"""A connection that is refused after it was made: it is closed, and what that says neither hides the reason nor the password."""

from __future__ import annotations

import asyncio
import secrets
import traceback
from types import SimpleNamespace
from typing import Any, cast

import psycopg2
import pytest

from dbkit.backends import get_backend
from dbkit.backends.protocol import Connector
from dbkit.config import DatabaseConfig
from dbkit.config.dialler import Dialler
from dbkit.errors import ConfigurationError

PASSWORD = secrets.token_hex(8)


def dialler_of(connector: object) -> Dialler:
    config = DatabaseConfig.from_env(
        environ={"DATABASE_TYPE": "postgresql", "DATABASE_PASSWORD": PASSWORD, "DATABASE_TLS": "insecure-loopback"}
    )
    return Dialler(
        backend=get_backend("postgresql"),
        connector=cast("Connector", connector),
        endpoint=config.endpoint(),
        config=config,
    )


def dial(at_close: BaseException) -> BaseException:
    """Give what comes of a connection that cannot be proved, and whose end fails too."""

    def close() -> None:
        raise at_close

    def prove(_: object) -> str:
        raise psycopg2.OperationalError("the server went away")

    dialler = dialler_of(SimpleNamespace(password=str, flavour=prove))
    made = SimpleNamespace(close=close)
    dialect: Any = SimpleNamespace(is_async=False, connect=lambda **_: made, loaded_dbapi=psycopg2)
    with pytest.raises(BaseException, match=r"went away|^$") as caught:
        dialler.connect(dialect, None, [], {})
    return caught.value


@pytest.mark.parametrize(
    ("at_close", "told"),
    [
        (OSError("cannot close"), psycopg2.OperationalError),
        (asyncio.CancelledError(), asyncio.CancelledError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_what_closing_says_is_told_only_where_it_must_be_and_never_with_the_password(
    at_close: BaseException, told: type[BaseException]
) -> None:
    error = dial(at_close)
    assert type(error) is told
    lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    assert PASSWORD not in "".join(lines)


SAID: list[tuple[BaseException, type[Exception], str]] = [
    (psycopg2.OperationalError(f"no {PASSWORD} here"), psycopg2.OperationalError, "no *** here"),
    (OSError(f"no {PASSWORD} here"), psycopg2.OperationalError, "no *** here"),
    (ValueError(f"no {PASSWORD} here"), ConfigurationError, ": ValueError: no *** here"),
    (UnicodeEncodeError("latin-1", "…", 0, 1, PASSWORD[:6]), ConfigurationError, ": UnicodeEncodeError"),
]


@pytest.mark.parametrize(("error", "kind", "end"), SAID, ids=lambda item: getattr(item, "__name__", None))
def test_whatever_a_driver_says_of_the_password_is_hidden(
    error: BaseException, kind: type[Exception], end: str
) -> None:
    def fail(**_: object) -> object:
        raise error

    dialect: Any = SimpleNamespace(is_async=False, connect=fail, loaded_dbapi=psycopg2)
    with pytest.raises(kind) as caught:
        dialler_of(SimpleNamespace(password=str)).connect(dialect, None, [], {})
    assert str(caught.value).endswith(end)


def test_an_error_that_a_driver_puts_into_its_own_is_left_behind_with_its_frames() -> None:
    def fail(**_: object) -> object:
        raise psycopg2.OperationalError("it hung up", OSError(104, "reset"))

    dialect: Any = SimpleNamespace(is_async=False, connect=fail, loaded_dbapi=psycopg2)
    with pytest.raises(psycopg2.OperationalError) as caught:
        dialler_of(SimpleNamespace(password=str)).connect(dialect, None, [], {})
    assert caught.value.args == ("it hung up",)


@pytest.mark.parametrize("at_close", [None, OSError("cannot close"), KeyboardInterrupt()])
def test_a_connection_whose_session_cannot_be_set_up_is_closed(at_close: BaseException | None) -> None:
    closed = []

    def close() -> None:
        closed.append(True)
        if at_close is not None:
            raise at_close

    def refuse(*_: object) -> None:
        raise ValueError("not this zone")

    connection: Any = SimpleNamespace(close=close)
    record: Any = Exception()  # stands for the pool's entry
    told = KeyboardInterrupt if isinstance(at_close, KeyboardInterrupt) else ValueError
    with pytest.raises(told):
        dialler_of(SimpleNamespace(set_up=refuse)).set_up(connection, record)
    assert closed == [True]
