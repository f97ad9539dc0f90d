"""The servers that speak MySQL's protocol, for tests of what they have in common."""

from __future__ import annotations

import pytest

from tests.servers import Server, need_server

FAMILY = ("mariadb", "mysql", "tidb")
ON_EACH = [pytest.param(name, id=name, marks=getattr(pytest.mark, name)) for name in FAMILY]
"""Parameters of a fixture that gives each server of the family in turn."""


def server_or_skip(name: str) -> Server:
    """Give the test server of a backend; skips, saying how to start one, where there is none."""
    try:
        return need_server(name)
    except LookupError as error:
        pytest.skip(str(error))
