"""Hooks that cannot be run: found out before anything is migrated."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dbkit.config import Settings
from dbkit.errors import ConfigurationError
from dbkit.migrations.hooks import Hooks
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
