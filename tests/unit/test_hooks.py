"""Hooks that cannot be run, found out before anything is migrated; and what is said of those that fail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dbkit.config import Settings
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
