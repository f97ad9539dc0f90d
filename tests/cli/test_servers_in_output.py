"""`dbkit migrate` as a process on real servers: what it prints, what it leaves, and that both ways of asking agree."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dbkit.backends import get_backend
from tests.cli.runs import Shell
from tests.projects import Home
from tests.servers import Server


@pytest.fixture
def names(server: Server) -> Iterator[str]:
    """Give a template of names for databases that are not there yet."""
    with server.names("user", "project") as template:
        yield template


@pytest.fixture
def on_server(home: Home, server: Server, names: str) -> Shell:
    return Shell(folder=home.root, environ=server.environ(names))


def test_the_first_and_last_line_name_backend_host_and_databases(on_server: Shell, server: Server, names: str) -> None:
    done = on_server.run("migrate")
    title = get_backend(server.backend).traits.title
    project, user = names.format(service="project"), names.format(service="user")
    place = f"project ({project}), user ({user}) on {title} at {server.url.host}:{server.url.port}"
    lines = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert lines[0] == f"migrating {place}"
    assert lines[-1].endswith(place)
    assert lines[3].split()[:2] == ["user", user]


def test_the_databases_are_made_and_dropped(on_server: Shell, server: Server, names: str) -> None:
    user = names.format(service="user")
    assert on_server.run("create", "user").code == 0
    assert server.has_database(user)
    assert on_server.run("status", "--check", "user").code == 4
    assert on_server.run("migrate", "user", "--no-create").code == 0
    assert on_server.run("status", "--check", "user").code == 0
    assert on_server.run("rollback", "user", "--yes").code == 0
    assert on_server.run("stamp", "user", "0001").code == 0
    assert on_server.run("drop", "user", "--yes").code == 0
    assert not server.has_database(user)


def test_a_database_that_is_missing_and_may_not_be_created_is_an_error(on_server: Shell, names: str) -> None:
    done = on_server.run("migrate", "user", "--no-create")
    assert done.code == 3
    assert names.format(service="user") in done.err


def test_a_wrong_password_is_3_and_stays_hidden(on_server: Shell) -> None:
    done = on_server.run("migrate", DATABASE_PASSWORD="wrong-Pa55word/@")
    assert done.code == 3
    assert "wrong-Pa55word" not in done.out + done.err


def test_each_service_may_live_on_another_backend(on_server: Shell, server: Server) -> None:
    done = on_server.run(
        "migrate", "--format", "json", PROJECT_DATABASE_TYPE="sqlite", PROJECT_DATABASE_SQLITE_PATH="p.db"
    )
    backends = {entry["service"]: (entry["backend"], entry["revision"]) for entry in done.document["services"]}
    assert backends == {"project": ("sqlite", "0001"), "user": (server.backend, "0001")}
