"""Hooks around a migration: when they are run, what they are told, and that none fails in silence."""

from __future__ import annotations

import json

import pytest

from dbkit import migrations
from dbkit.errors import ExitCode
from tests.backends.test_migrate import Site, site

__all__ = ["site"]

NOTING = """
import dataclasses, json, pathlib
from dbkit import HookCall

HERE = pathlib.Path(__file__).parent


def note(call: HookCall):
    with (HERE / "calls").open("a") as file:
        file.write(json.dumps(dataclasses.asdict(call)) + "\\n")


def fail(call):
    raise LookupError(f"not now: {call.hook}")


def leave(call):
    raise SystemExit(0)


def interrupt(call):
    raise KeyboardInterrupt


def vanish(call):
    import os

    os._exit(0)


async def later(call):
    pass


word = "no function"
"""
COMMAND = """#!/bin/sh
echo "command $DBKIT_HOOK $DBKIT_SERVICE $DBKIT_BACKEND $DBKIT_REVISION [$DBKIT_REVISIONS] $1" >> commands
exit ${EXIT:-0}
"""


@pytest.fixture
def hooked(site: Site) -> Site:
    """Give a project with two revisions, a module of hooks and a command."""
    site.home.table("user", "0001", "a")
    site.home.table("user", "0002", "b")
    (site.home.root / "noting.py").write_text(NOTING)
    command = site.home.root / "note it.sh"
    command.write_text(COMMAND)
    command.chmod(0o755)
    return site


def hooks(site: Site, text: str, *, table: str = "hooks") -> None:
    """Write hooks into the project's file."""
    file = site.home.root / "pyproject.toml"
    file.write_text(f"{file.read_text()}\n[tool.dbkit.{table}]\n{text}\n")


def calls(site: Site) -> list[tuple[str, str | None, tuple[str, ...]]]:
    """Read which hooks were run, and with which revisions."""
    file = site.home.root / "calls"
    found = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    assert all(one["service"] == "user" and one["backend"] == site.backend for one in found)
    return [(one["hook"], one["revision"], tuple(one["revisions"])) for one in found]


ALL = "\n".join(f'{name} = "noting:note"' for name in ("before_migrate", "after_revision", "after_migrate"))


def test_hooks_are_run_around_the_revisions_of_a_migration(hooked: Site) -> None:
    hooks(hooked, ALL)
    assert hooked.migrate("user").ok
    assert calls(hooked) == [
        ("before_migrate", None, ("0001", "0002")),
        ("after_revision", "0001", ("0001",)),
        ("after_revision", "0002", ("0002",)),
        ("after_migrate", "0002", ("0001", "0002")),
    ]
    assert hooked.migrate("user").ok
    assert len(calls(hooked)) == 4  # nothing was pending, and so nothing is announced


def test_a_dry_run_a_rollback_and_a_stamp_run_no_hook(hooked: Site) -> None:
    assert hooked.migrate("user").ok
    hooks(hooked, ALL)
    assert migrations.rollback(hooked.project, "user", to="base").ok
    assert hooked.migrate("user", dry_run=True).ok
    assert migrations.stamp(hooked.project, "user", "0001").ok
    assert calls(hooked) == []


def test_commands_are_told_by_variables_and_run_in_the_projects_folder(hooked: Site) -> None:
    hooks(hooked, "after_migrate = [\"'./note it.sh' 'an argument'\", \"noting:note\"]")
    hooks(hooked, "after_migrate = \"'./note it.sh' own\"", table="services.user.hooks")
    assert hooked.migrate("user").ok
    lines = (hooked.home.root / "commands").read_text().splitlines()
    told = f"command after_migrate user {hooked.backend} 0002 [0001 0002]"
    assert lines == [f"{told} an argument", f"{told} own"]


@pytest.mark.parametrize(
    ("hook", "applied", "hint"),
    [
        ("before_migrate", [], "nothing was applied"),
        ("after_revision", ["0001"], "revision 0001 is applied"),
        ("after_migrate", ["0001", "0002"], "every revision is applied"),
    ],
)
def test_a_hook_that_fails_stops_the_run_and_says_what_is_applied(
    hooked: Site, hook: str, applied: list[str], hint: str
) -> None:
    hooks(hooked, f'{hook} = "noting:fail"')
    found = hooked.migrate("user")["user"]
    assert found.exit_code is ExitCode.FAILED
    assert f"hook {hook} of service 'user', 'noting:fail', failed: LookupError: not now: {hook}" in str(found.error)
    assert "noting.py:" in str(found.error)
    assert hint in str(found.hint)
    assert [one.revision for one in found.applied] == applied
    assert found.revision == (applied[-1] if applied else None)


def test_a_command_that_fails_stops_the_run(hooked: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXIT", "3")
    hooks(hooked, "before_migrate = \"'./note it.sh'\"")
    found = hooked.migrate("user")["user"]
    assert (found.exit_code, found.applied) == (ExitCode.FAILED, ())
    assert "ended with 3" in str(found.error)


@pytest.mark.parametrize(("hook", "said"), [("leave", "SystemExit: 0"), ("interrupt", "KeyboardInterrupt")])
def test_a_hook_that_ends_the_process_has_failed(hooked: Site, hook: str, said: str) -> None:
    hooks(hooked, f'before_migrate = "noting:{hook}"')
    found = hooked.migrate("user")["user"]
    assert found.exit_code is ExitCode.FAILED
    assert f"'noting:{hook}', failed: {said} (" in str(found.error)


def test_a_hook_that_ends_the_process_without_a_word_is_suspected(hooked: Site) -> None:
    hooks(hooked, 'after_migrate = "noting:vanish"')
    found = hooked.migrate("user")["user"]
    assert (found.exit_code, found.error) == (
        ExitCode.FAILED,
        "the worker process of service 'user' ended without an answer; one of its hooks may have called os._exit",
    )


def test_a_hook_that_is_not_there_is_told_before_anything_is_applied(hooked: Site) -> None:
    hooks(hooked, 'after_migrate = "noting:gone"')
    found = hooked.migrate("user")["user"]
    assert (found.exit_code, found.applied) == (ExitCode.USAGE, ())
    assert "cannot be imported from 'noting:gone': AttributeError" in str(found.error)
