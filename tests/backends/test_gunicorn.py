"""A real gunicorn that loads the application before it forks."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projects import Home

APP = """
import json
import os

import dbkit
import sqlalchemy as sa

dbkit.migrate("user")
engine = dbkit.engine("user")
Session = dbkit.session("user")
with engine.connect() as connection:
    connection.execute(sa.text("SELECT 1"))


def application(environ, start_response):
    with Session.begin() as session:
        session.execute(sa.text("UPDATE counts SET n = n + 1"))
    applied = [one.revision for one in dbkit.migrate("project")["project"].applied]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"pid": os.getpid(), "applied": applied}).encode()]
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Home, int]]:
    """Give a project and the port on which gunicorn serves it with two workers; it is ended afterwards."""
    monkeypatch.setenv("DATABASE_TYPE", "sqlite")
    home = Home(tmp_path).write("user", "project")
    home.table("user", "0001", "counts")
    home.revision("user", "0002", 'op.execute("INSERT INTO counts VALUES (1, 0)")')
    home.table("project", "0001", "projects")
    (home.root / "app.py").write_text(APP)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--preload", "-w", "2", "-b", f"127.0.0.1:{port}", "app"]
    with (home.root / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=home.root, stdout=log, stderr=log)
    try:
        await_port(port, process, home)
        yield home, port
    finally:
        process.terminate()
        process.wait(timeout=30)


def await_port(port: int, process: subprocess.Popen[bytes], home: Home) -> None:
    """Wait until the port answers."""
    for _ in range(300):
        assert process.poll() is None, (home.root / "log").read_text()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail((home.root / "log").read_text())


def test_engines_and_migrations_work_in_its_workers(server: tuple[Home, int]) -> None:
    _home, port = server
    answers = []
    for _ in range(12):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as response:
            answers.append(json.load(response))
    assert [answer["applied"] for answer in answers] == [["0001"], *([[]] * 11)]
