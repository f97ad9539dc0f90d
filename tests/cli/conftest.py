"""A small project, a shell in its folder, and a server that is away."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.runs import Inside, Shell
from tests.projects import Home

ROOT = Path(__file__).parent.parent.parent
TABLE = """
sa.Table("{name}", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Give a project of two services with one revision each, on SQLite."""
    made = Home(tmp_path).write("user", "project")
    made.table("user", "0001", "people")
    made.table("project", "0001", "projects")
    for service, table in (("user", "people"), ("project", "projects")):
        made.models(service, TABLE.format(name=table))
        folder = made.root / "envs" / service
        shutil.copy(ROOT / "alembic_envs/user/script.py.mako", folder)
        (folder / "env.py").write_text(f'from dbkit.migrations import env\n\nenv.run("{service}")\n')
    return made


@pytest.fixture
def shell(home: Home) -> Shell:
    return Shell(folder=home.root)


@pytest.fixture
def inside(home: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Inside:
    return Inside(patch=monkeypatch, capture=capfd, folder=home.root)


@pytest.fixture
def port() -> Iterator[int]:
    """Give a port that refuses for as long as the test runs: it is bound, and nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def away(inside: Inside, port: int) -> Inside:
    """Give commands of services that may fall back, and whose server is away."""
    environ = {
        "DATABASE_TYPE": "tidb",
        "DATABASE_HOST": "127.0.0.1",
        "DATABASE_PORT": str(port),
        "DATABASE_USER": "nobody",
        "DATABASE_TLS": "insecure-loopback",
        "DATABASE_FALLBACK": "dev",
    }
    return Inside(patch=inside.patch, capture=inside.capture, folder=inside.folder, environ=environ)
