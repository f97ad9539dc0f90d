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

PASSWORD = secrets.token_hex(8)


def dial(at_close: BaseException) -> BaseException:
    """Give what comes of a connection that cannot be proved, and whose end fails too."""

    def close() -> None:
        raise at_close

    def prove(_: object) -> str:
        raise psycopg2.OperationalError("the server went away")

    config = DatabaseConfig.from_env(
        environ={"DATABASE_TYPE": "postgresql", "DATABASE_PASSWORD": PASSWORD, "DATABASE_TLS": "insecure-loopback"}
    )
    connector = SimpleNamespace(password=str, flavour=prove)
    dialler = Dialler(
        backend=get_backend("postgresql"),
        connector=cast("Connector", connector),
        endpoint=config.endpoint(),
        config=config,
    )
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
