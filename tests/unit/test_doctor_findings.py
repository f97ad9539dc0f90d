"""Findings as data: their order, their exit code, and the document made of them."""

from __future__ import annotations

import re
from pathlib import Path

from dbkit.backends.protocol import Observation, Verdict
from dbkit.checks.findings import Finding, FindingsResult, ServiceFindings, sort
from dbkit.errors import ExitCode

PACKAGE = Path(__file__).parents[2] / "dbkit"


def finding(verdict: Verdict, check: str = "server.version") -> Finding:
    seen = Observation(check=check, verdict=verdict, message="it is so", hint=None)
    return Finding.of("user", seen, file="/ca.pem", line=3)


def test_problems_come_first_and_the_order_is_kept_otherwise() -> None:
    found = [finding(Verdict.OK, "a"), finding(Verdict.PROBLEM, "b"), finding(Verdict.ADVICE, "c")]
    found.append(finding(Verdict.PROBLEM, "d"))
    assert [one.check for one in sort(found)] == ["b", "d", "c", "a"]


def test_a_problem_is_4_and_advice_is_0() -> None:
    advised = ServiceFindings(service="user", findings=(finding(Verdict.OK), finding(Verdict.ADVICE)))
    failing = ServiceFindings(service="project", findings=(finding(Verdict.PROBLEM), finding(Verdict.ADVICE)))
    assert (advised.exit_code, failing.exit_code) == (ExitCode.OK, ExitCode.DIFFERENT)
    assert FindingsResult(command="doctor", services=(advised,)).ok
    assert FindingsResult(command="doctor", services=(advised, failing)).exit_code is ExitCode.DIFFERENT


def test_what_stopped_a_check_counts_before_its_problems() -> None:
    stopped = ServiceFindings(
        service="user", findings=(finding(Verdict.PROBLEM),), stopped=ExitCode.UNREACHABLE, error="no answer"
    )
    assert stopped.exit_code is ExitCode.UNREACHABLE


def test_the_document_has_every_finding_below_its_service() -> None:
    entry = ServiceFindings(
        service="user",
        backend="tidb",
        host="localhost:4000",
        database="user_db",
        user="app",
        version="8.5.3",
        findings=(finding(Verdict.PROBLEM),),
        seconds=0.12345,
    )
    assert FindingsResult(command="doctor", services=(entry,), seconds=1.5).to_json() == {
        "schema_version": 1,
        "command": "doctor",
        "exit_code": 4,
        "seconds": 1.5,
        "services": [
            {
                "service": "user",
                "backend": "tidb",
                "host": "localhost:4000",
                "database": "user_db",
                "user": "app",
                "version": "8.5.3",
                "exit_code": 4,
                "error": None,
                "hint": None,
                "seconds": 0.123,
                "findings": [
                    {
                        "check": "server.version",
                        "verdict": "problem",
                        "message": "it is so",
                        "hint": None,
                        "file": "/ca.pem",
                        "line": 3,
                    }
                ],
            }
        ],
    }


def checks() -> set[str]:
    """Find the names of all checks in the code that the doctor runs."""
    makers = [PACKAGE / f"checks/{name}.py" for name in ("server", "settings", "visit")]
    makers += (PACKAGE / "backends").rglob("*.py")
    named = re.compile(
        r'"((?:server|database|session|limits|tidb|file|tls|settings|rights|connection|driver)\.[a-z_]+)"'
    )
    return {name for path in makers for name in named.findall(path.read_text())}


def test_every_check_is_explained_on_its_page() -> None:
    page = (PACKAGE.parent / "docs/how-to/find-out-what-is-wrong.md").read_text()
    found = checks()
    assert {name for name in found if f"`{name}`" not in page} == set()
    assert len(found) > 30
