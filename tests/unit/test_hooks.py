"""Hooks that cannot be run, found out before anything is migrated; and what is said of those that fail."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from secrets import token_hex

import pytest

from dbkit.config import DatabaseConfig, Settings
from dbkit.errors import ConfigurationError, HookError
from dbkit.migrations.hooks import HookCall, Hooks
from dbkit.service import register


def found(root: Path, entry: str) -> Hooks:
    """Find the hooks of a service that has this one."""
    settings = Settings(services={"user": {"metadata": "a:b", "hooks": {"after_migrate": entry}}})
    return Hooks.of(register("user", settings, root=root))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("json:gone", "cannot be imported from 'json:gone': AttributeError"),
        ("nowhere_at_all:note", "cannot be imported from 'nowhere_at_all:note': ModuleNotFoundError"),
        ("json:__name__", "'json:__name__' is str, not a function"),
        ("asyncio:sleep", "'asyncio:sleep' is asynchronous"),
        ("./gone.sh", "there is no program './gone.sh'"),
        ("./readable.sh", "there is no program './readable.sh'"),
        ("no-such-program-anywhere now", "there is no program 'no-such-program-anywhere'"),
        ("echo 'open", "is no command line: No closing quotation"),
        ("", "is empty"),
    ],
)
def test_a_hook_that_cannot_be_run_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, message: str
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "readable.sh").write_text("exit 0\n")
    with pytest.raises(ConfigurationError, match=message) as caught:
        found(tmp_path, entry)
    assert "hook after_migrate of service 'user'" in caught.value.message
    assert caught.value.hint


def test_hooks_of_the_project_come_before_those_of_the_service(tmp_path: Path) -> None:
    settings = Settings(
        services={"user": {"metadata": "a:b", "hooks": {"after_migrate": ["c", "d"]}}},
        hooks={"after_migrate": ["a", "b"], "before_migrate": "e"},
    )
    assert register("user", settings, root=tmp_path).hooks == {
        "after_migrate": ("a", "b", "c", "d"),
        "before_migrate": ("e",),
    }


CALL = HookCall(hook="after_migrate", service="user", backend="acme", host=None, database="one")
FAILING = """
class Later:
    async def __call__(self, call):
        pass


later = Later()


def gives_later(call):
    return later(call)


def takes_more(call, more):
    pass


def takes_none():
    pass


def says_nothing(call):
    raise ValueError


def raises(call):
    raise ValueError("one\\ntwo")
"""


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("later", "gave something to await, and has done nothing"),
        ("gives_later", "gave something to await, and has done nothing"),
        ("takes_more", "TypeError: takes_more() missing 1 required positional argument: 'more'"),
        ("takes_none", "TypeError: takes_none() takes 0 positional arguments but 1 was given"),
        ("says_nothing", "ValueError ({root}/failing_hooks.py:23)"),
        ("raises", "ValueError: one two ({root}/failing_hooks.py:27)"),
    ],
)
def test_a_function_that_fails_is_told_with_its_own_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, message: str
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "failing_hooks", raising=False)
    (tmp_path / "failing_hooks.py").write_text(FAILING)
    with pytest.raises(HookError) as caught:
        found(tmp_path, f"failing_hooks:{function}").run(CALL)
    wanted = f"hook after_migrate of service 'user', 'failing_hooks:{function}', failed: "
    assert caught.value.message == wanted + message.format(root=tmp_path)


@pytest.mark.parametrize(
    ("entry", "hint"),
    [
        ("note.sh now", "a program without / is looked for on PATH; one of the project is './note.sh'"),
        ("acme:note it", """a function is named as "module:function", and takes no words"""),
        ("./note.sh", "check its path, which begins at '{root}', and that it may be executed"),
    ],
)
def test_the_hint_says_where_a_program_was_looked_for(tmp_path: Path, entry: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        found(tmp_path, entry)
    assert caught.value.hint == hint.format(root=tmp_path)


def test_a_command_is_told_all_that_is_known() -> None:
    call = HookCall(
        hook="after_revision",
        service="user",
        backend="postgresql",
        host="db:5432",
        database="users",
        schema="app",
        fallback=True,
        revision="0002",
        revisions=("0001", "0002"),
    )
    assert call.environ() == {
        "DBKIT_HOOK": "after_revision",
        "DBKIT_SERVICE": "user",
        "DBKIT_BACKEND": "postgresql",
        "DBKIT_HOST": "db:5432",
        "DBKIT_DATABASE": "users",
        "DBKIT_SCHEMA": "app",
        "DBKIT_FALLBACK": "1",
        "DBKIT_REVISION": "0002",
        "DBKIT_REVISIONS": "0001 0002",
    }
    known = {"DBKIT_HOOK": "after_migrate", "DBKIT_SERVICE": "user", "DBKIT_BACKEND": "acme", "DBKIT_DATABASE": "one"}
    assert CALL.environ() == dict.fromkeys(call.environ(), "") | known


def test_a_command_keeps_the_environment_and_runs_in_the_projects_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM", "red")
    file = tmp_path / "note.sh"
    file.write_text('#!/bin/sh\necho "$TEAM $DBKIT_SERVICE $PWD" > noted\n')
    file.chmod(0o755)
    found(tmp_path, "./note.sh").run(CALL)
    assert (tmp_path / "noted").read_text() == f"red user {tmp_path}\n"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("sh -c 'kill -9 $$'", "was ended by signal 9"),
        ("sh -c 'exit 7'", "ended with 7"),
        ("./plain", "cannot be run: Exec format error"),
    ],
)
def test_how_a_command_has_failed_is_told(tmp_path: Path, entry: str, message: str) -> None:
    (tmp_path / "plain").write_text("echo no interpreter is named here\n")
    (tmp_path / "plain").chmod(0o755)
    with pytest.raises(HookError) as caught:
        found(tmp_path, entry).run(CALL)
    assert caught.value.message == f"hook after_migrate of service 'user', {entry!r}, {message}"


def test_a_password_in_the_words_of_a_failing_function_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    secret = token_hex(12)
    DatabaseConfig.from_env(environ={"DATABASE_TYPE": "postgresql", "DATABASE_PASSWORD": secret})
    (tmp_path / "telling_hooks.py").write_text(f"def tell(call):\n    raise ValueError({secret!r})\n")
    with pytest.raises(HookError, match=r"failed: ValueError: \*\*\* \(") as caught:
        found(tmp_path, "telling_hooks:tell").run(CALL)
    assert secret not in caught.value.message


def test_a_command_cannot_ask_anybody(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    kept = os.dup(0)
    try:
        os.write(writing, b"an answer\n")
        os.dup2(reading, 0)
        found(tmp_path, "sh -c 'read answer && exit 9; exit 0'").run(CALL)
    finally:
        os.dup2(kept, 0)
        for number in (reading, writing, kept):
            os.close(number)
