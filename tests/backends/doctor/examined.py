"""What the tests of the doctor's visits have in common: on which servers, as which account, and one finding of many."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest

from dbkit.backends.protocol import Verdict
from dbkit.checks.findings import Finding, ServiceFindings
from tests.backends.accounts import Account

PASSWORD = "Start-1-" + secrets.token_hex(6)
OTHER_PASSWORD = "Other-1-" + secrets.token_hex(6)
OK, ADVICE, PROBLEM = Verdict.OK, Verdict.ADVICE, Verdict.PROBLEM
FAMILY = ("mariadb", "mysql", "tidb")
Look = Callable[..., ServiceFindings]


def only(*backends: str) -> Any:
    """Run a test on some of the servers, for what only these have."""
    chosen = [pytest.param(name, id=name, marks=getattr(pytest.mark, name)) for name in backends]
    return pytest.mark.parametrize("server", chosen, indirect=True)


on_servers = only("postgresql", "mariadb", "mysql", "tidb", "mssql")


def of(found: ServiceFindings, check: str) -> Finding:
    """Give the one finding of a check."""
    (seen,) = [one for one in found.findings if one.check == check]
    return seen


def login(account: Account, password: str = PASSWORD) -> dict[str, str]:
    return {"DATABASE_USER": account.user, "DATABASE_PASSWORD": password}
