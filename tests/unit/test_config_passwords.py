"""Where a connection's password comes from: files that rotate, functions that are asked, and what goes wrong with them."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dbkit.config import DatabaseConfig, Secret, Settings, load_settings, passwords, resolve
from dbkit.config.passwords import current_password, current_password_async
from dbkit.deadlines import Watch
from dbkit.errors import ConfigurationError, DbkitError, UnreachableError
from dbkit.project import _same

PLACE = {"DATABASE_TYPE": "postgresql", "DATABASE_HOST": "db.example.com", "DATABASE_USER": "app"}
PROVIDERS = """
import asyncio, threading, time

def token(login):
    return f"{login.user}@{login.host}:{login.port}/{login.database} for {login.service}"

async def slow_token(login):
    await asyncio.sleep(0)
    return "from a coroutine"

class Asked:
    def __call__(self, login):
        return "from an object"

asked = Asked()
constant = "no function"
hang = lambda login: threading.Event().wait()

async def hang_async(login):
    await asyncio.Event().wait()

def nothing(login): return None
def empty(login): return ""
def as_bytes(login): return b"token"
def fails(login): raise KeyError("vault")
def away(login): raise ConnectionRefusedError("vault.example.com:8200")
def leaves(login): raise SystemExit(3)
def torn(login): return "to\\0ken"
"""


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """Give a project whose module of providers has a name of its own."""
    name = f"providers_{secrets.token_hex(4)}"
    (tmp_path / f"{name}.py").write_text(PROVIDERS)
    (tmp_path / "dbkit.toml").write_text(f'type = "postgresql"\npassword_provider = "{name}:token"\n')
    before = list(sys.path)
    yield tmp_path
    sys.path[:] = before
    sys.modules.pop(name, None)


def asking(root: Path, function: str, **changes: Any) -> DatabaseConfig:
    module = next(root.glob("providers_*.py")).stem
    config = resolve(
        load_settings(root), "user", environ=PLACE, overrides={"password_provider": f"{module}:{function}"}
    )
    return replace(config, **changes)


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(0o600)
    return path


def given(config: DatabaseConfig) -> str | None:
    found = current_password(config)
    return None if found is None else found.reveal()


def test_a_provider_is_told_for_what_and_asked_each_time(root: Path) -> None:
    config = asking(root, "token")
    assert given(config) == "app@db.example.com:5432/user for user"
    assert given(replace(config, user="other")) == "other@db.example.com:5432/user for user"
    assert given(asking(root, "asked")) == "from an object"


def test_an_asynchronous_engine_takes_either_kind_of_provider(root: Path) -> None:
    for function, answer in (("slow_token", "from a coroutine"), ("asked", "from an object")):
        found = asyncio.run(current_password_async(asking(root, function)))
        assert found == Secret(answer)


WRONG = [
    ("slow_token", ConfigurationError, "is asynchronous, and the engine is not"),
    ("constant", ConfigurationError, "cannot be used: it is str, not a function"),
    ("missing", ConfigurationError, "cannot be used: AttributeError: "),
    ("nothing", ConfigurationError, "gave NoneType, not a password"),
    ("empty", ConfigurationError, "gave str, not a password"),
    ("as_bytes", ConfigurationError, "gave bytes, not a password"),
    ("torn", ConfigurationError, "gave str, not a password"),
    ("fails", ConfigurationError, r"failed: KeyError at .*providers_\w+\.py:25$"),
    ("leaves", ConfigurationError, r"failed: SystemExit at .*py:27$"),
    ("away", UnreachableError, r"failed: ConnectionRefusedError at .*py:26$"),
]


@pytest.mark.parametrize(("function", "error", "message"), WRONG)
def test_a_provider_that_gives_no_password_is_told_with_what_it_did(
    root: Path, function: str, error: type[DbkitError], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        current_password(asking(root, function))
    assert caught.value.hint
    assert f":{function}'" in caught.value.message


@pytest.mark.parametrize(("function", "error", "message"), WRONG[1:])
def test_it_is_told_alike_by_an_asynchronous_engine(
    root: Path, function: str, error: type[DbkitError], message: str
) -> None:
    with pytest.raises(error, match=message):
        asyncio.run(current_password_async(asking(root, function)))


def test_a_provider_that_hangs_is_given_as_long_as_a_connection(root: Path) -> None:
    began = time.monotonic()
    with pytest.raises(UnreachableError, match=r"did not answer within 0\.02 s"):
        current_password(asking(root, "hang", connect_timeout_s=0.02))
    for function in ("hang", "hang_async"):
        with pytest.raises(UnreachableError, match=r"did not answer within 0\.02 s"):
            asyncio.run(current_password_async(asking(root, function, connect_timeout_s=0.02)))
    assert time.monotonic() - began < 5


class Fair(Watch):
    names_who_was_late = True


def test_a_provider_that_hangs_is_given_up_before_the_work_that_counts_who_was_late(root: Path) -> None:
    async def wait(function: str) -> None:
        with Fair(0.2) as watch, pytest.raises(UnreachableError, match=r"did not answer within 0\.1[45]\d* s"):
            await current_password_async(asking(root, function))
        assert not watch.passed

    with Fair(0.2) as watch, pytest.raises(UnreachableError, match=r"did not answer within 0\.1[45]\d* s"):
        current_password(asking(root, "hang"))
    assert not watch.passed
    for function in ("hang", "hang_async"):
        asyncio.run(wait(function))


def test_calls_that_never_return_do_not_pile_up(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_calls", set())
    monkeypatch.setattr(passwords, "MOST_CALLS", 2)
    for said in ("did not answer", "did not answer", "is not asked: 2 calls of it have not returned"):
        with pytest.raises(UnreachableError, match=said):
            current_password(asking(root, "hang", connect_timeout_s=0.02))
    with pytest.raises(UnreachableError, match="is not asked"):
        asyncio.run(current_password_async(asking(root, "hang", connect_timeout_s=0.02)))
    assert len(passwords._calls) == 2


def test_a_call_that_has_returned_makes_room_for_the_next(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MOST_CALLS", len(passwords._calls) + 1)
    for _ in range(5):
        assert current_password(asking(root, "token")) is not None


def test_a_module_that_is_not_there_is_named(root: Path) -> None:
    config = replace(asking(root, "token"), password_provider="no.such.module:token")
    with pytest.raises(ConfigurationError, match=r"'no\.such\.module:token' cannot be used: ModuleNotFoundError"):
        current_password(config)


def test_what_a_module_says_that_fails_is_not_told_but_where_it_did(root: Path) -> None:
    module = next(root.glob("providers_*.py"))
    module.write_text('token = None\nraise RuntimeError("vault said: s.4f1c")\n')
    with pytest.raises(ConfigurationError, match=rf"cannot be used: RuntimeError at .*{module.name}:2$") as caught:
        current_password(asking(root, "token"))
    assert "4f1c" not in f"{caught.value} {caught.value.hint}"


def test_no_frame_of_an_error_holds_what_a_provider_gave(root: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        asyncio.run(current_password_async(asking(root, "as_bytes")))
    ours = {frame.name for frame in caught.traceback if frame.path.name == "passwords.py"}
    assert ours == set()


def test_a_file_is_read_again_for_each_connection(tmp_path: Path) -> None:
    path = written(tmp_path / "password", "first-password\n")
    config = resolve(Settings(), "user", environ={**PLACE, "DATABASE_PASSWORD_FILE": str(path)})
    written(path, "second-password")
    assert given(config) == "second-password"
    assert asyncio.run(current_password_async(config)) == Secret("second-password")
    written(path, "")
    with pytest.raises(ConfigurationError, match=r"DATABASE_PASSWORD_FILE names .*, which is empty"):
        current_password(config)


def test_the_file_of_a_url_is_read_again_for_its_password(tmp_path: Path) -> None:
    path = written(tmp_path / "url", "postgresql://app:first-password@db.example.com/x\n")
    config = resolve(Settings(), "user", environ={"USER_DATABASE_URL_FILE": str(path)})
    written(path, "postgresql://app:second%20password@db.example.com/x\n")
    assert given(config) == "second password"
    assert _same(config, resolve(Settings(), "user", environ={"USER_DATABASE_URL_FILE": str(path)}))


@pytest.mark.parametrize(
    ("url", "what"),
    [("postgresql://app:next@evil.example.com/x", "host"), ("postgresql://other:next@db.example.com/x", "user")],
)
def test_the_password_of_another_account_is_not_sent_to_this_one(tmp_path: Path, url: str, what: str) -> None:
    path = written(tmp_path / "url", "postgresql://app:first-password@db.example.com/x")
    config = resolve(Settings(), "user", environ={"DATABASE_URL_FILE": str(path)})
    written(path, url)
    with pytest.raises(ConfigurationError, match=f"DATABASE_URL_FILE names another {what} than when"):
        current_password(config)


def test_a_user_of_a_stronger_place_stays_when_the_url_is_read_again(tmp_path: Path) -> None:
    path = written(tmp_path / "url", "postgresql://app:first-password@db.example.com/x")
    environ = {"DATABASE_URL_FILE": str(path), "USER_DATABASE_USER": "own", "DATABASE_MIGRATION_USER": "owner"}
    config = resolve(Settings(), "user", environ=environ)
    assert given(config) == "first-password"
    assert given(config.for_migrations()) == "first-password"


MIGRATIONS = [
    ({}, "app", "of-the-service", "DATABASE_USER", "DATABASE_PASSWORD"),
    (
        {"DATABASE_MIGRATION_USER": "owner", "USER_DATABASE_MIGRATION_PASSWORD": "of-the-owner"},
        *("owner", "of-the-owner", "DATABASE_MIGRATION_USER", "USER_DATABASE_MIGRATION_PASSWORD"),
    ),
    ({"DATABASE_MIGRATION_USER": "owner"}, "owner", "of-the-service", "DATABASE_MIGRATION_USER", "DATABASE_PASSWORD"),
]


@pytest.mark.parametrize(("more", "user", "password", "user_source", "password_source"), MIGRATIONS)
def test_migrations_log_in_with_their_own_account_where_there_is_one(
    more: dict[str, str], user: str, password: str, user_source: str, password_source: str
) -> None:
    environ = {**PLACE, "DATABASE_PASSWORD": "of-the-service", "DATABASE_DEADLINE": "5", **more}
    config = resolve(Settings(), "user", environ=environ).for_migrations()
    assert (config.user, given(config), config.deadline_s) == (user, password, None)
    assert config.provenance["user"].name == user_source
    assert config.provenance["password"].name == password_source
    assert config.for_migrations() == config


def test_the_password_of_the_migration_account_comes_before_the_provider_and_rotates(tmp_path: Path) -> None:
    path = written(tmp_path / "owner", "first-password")
    environ = {
        **PLACE,
        "DATABASE_PASSWORD_PROVIDER": "acme.secrets:token",
        "DATABASE_MIGRATION_USER": "owner",
        "DATABASE_MIGRATION_PASSWORD_FILE": str(path),
    }
    config = resolve(Settings(), "user", environ=environ).for_migrations()
    written(path, "second-password")
    assert (config.password_provider, given(config)) == (None, "second-password")


def test_a_password_of_the_migration_account_needs_the_account() -> None:
    environ = {**PLACE, "USER_DATABASE_MIGRATION_PASSWORD": "of-the-owner"}
    with pytest.raises(
        ConfigurationError, match="USER_DATABASE_MIGRATION_PASSWORD is set, but not DATABASE_MIGRATION_USER"
    ):
        resolve(Settings(), "user", environ=environ)


FILES = [
    (b"correct horse\n", "correct horse"),
    (b"correct horse\r\n", "correct horse"),
    (b"correct horse\n\n", "correct horse\n"),
    (b"correct horse \r\n\r\n", "correct horse \r\n"),
    (b"correct horse", "correct horse"),
    (b"x" * (1 << 20), "x" * (1 << 20)),
]


@pytest.mark.parametrize(("data", "password"), FILES, ids=["\\n", "\\r\\n", "\\n\\n", "blank", "none", "1 MiB"])
def test_a_secret_file_loses_exactly_one_newline(tmp_path: Path, data: bytes, password: str) -> None:
    path = written(tmp_path / "password", data)
    assert given(resolve(Settings(), environ={**PLACE, "DATABASE_PASSWORD_FILE": str(path)})) == password


def _no_file(folder: Path) -> Path:
    return folder / "missing"


def _below_a_file(folder: Path) -> Path:
    return written(folder / "file", "x") / "below"


def _a_loop(folder: Path) -> Path:
    # what nobody can read, root neither
    (folder / "loop").symlink_to("loop")
    return folder / "loop"


def _a_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


BAD_FILES: list[tuple[Any, str]] = [
    (_no_file, "which cannot be read: No such file or directory"),
    (_below_a_file, "which cannot be read: Not a directory"),
    (_a_loop, "which cannot be read: Too many levels of symbolic links"),
    (lambda folder: folder, "which is not a regular file"),
    (_a_pipe, "which is not a regular file"),
    (lambda folder: written(folder / "empty", ""), "which is empty"),
    (lambda folder: written(folder / "newline", "\n"), "which is empty"),
    (lambda folder: written(folder / "large", b"x" * ((1 << 20) + 1)), "which does not hold text of at most 1 MiB"),
    (lambda folder: written(folder / "latin", b"caf\xe9"), "which does not hold text of at most 1 MiB"),
]
KINDS = ["missing", "below a file", "loop", "folder", "pipe", "empty", "newline", "1 MiB and 1 byte", "not UTF-8"]


@pytest.mark.parametrize(("make", "message"), BAD_FILES, ids=KINDS)
@pytest.mark.parametrize("key", ["DATABASE_PASSWORD", "USER_DATABASE_URL", "DATABASE_HOST"])
def test_a_secret_file_that_cannot_be_used_is_told_with_its_path(
    tmp_path: Path, make: Any, message: str, key: str
) -> None:
    path = make(tmp_path)
    with pytest.raises(ConfigurationError, match=f"{key}_FILE names '{path}', {message}") as caught:
        resolve(Settings(), "user", environ={"DATABASE_TYPE": "postgresql", f"{key}_FILE": str(path)})
    assert caught.value.hint
