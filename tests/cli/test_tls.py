"""`dbkit tls`: the proof and what a server presents, as people and programs see them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dbkit.backends import get_backend
from dbkit.cli.main import run
from dbkit.testing.authorities import Authority
from dbkit.testing.impostors import impostor_of
from tests.cli.runs import Done
from tests.projects import Home
from tests.servers import Server

NOWHERE = {"DATABASE_HOST": "db.example.com", "DATABASE_USER": "u", "DATABASE_PASSWORD_FILE": "/nowhere"}
BACKENDS = pytest.mark.parametrize("backend", ["postgresql", "mariadb", "tidb"])


class Inside:
    """Runs commands in this process, which saves the start of another one."""

    def __init__(self, patch: pytest.MonkeyPatch, streams: pytest.CaptureFixture[str]) -> None:
        self._patch, self._streams = patch, streams

    def run(self, *arguments: str, **more: str) -> Done:
        for name, value in more.items():
            self._patch.setenv(name, value)
        code = run(list(arguments))
        out, err = self._streams.readouterr()
        return Done(code=code, out=out, err=err)


@pytest.fixture
def inside(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inside:
    monkeypatch.chdir(home.root)
    return Inside(monkeypatch, capsys)


def prove(inside: Inside, *arguments: str, **more: str) -> Done:
    return inside.run("tls", "prove", *arguments, **{**NOWHERE, **more})


def squeezed(line: str) -> str:
    return " ".join(line.split())


@BACKENDS
def test_a_safe_service_is_proved_without_its_server_or_password(inside: Inside, backend: str) -> None:
    done = prove(inside, "user", "--all-drivers", "--format", "json", DATABASE_TYPE=backend)
    (found,) = done.document["services"]
    assert (done.code, done.err, found["credentials_left"], found["findings"]) == (0, "", 0, [])
    assert (found["service"], found["backend"], found["exit_code"]) == ("user", backend, 0)
    assert {trial["outcome"] for trial in found["trials"]} - {"declined"} == {"arrived", "refused", "given"}
    drivers = [driver.name for driver in get_backend(backend).traits.drivers for _ in driver.kinds]
    clients = Counter(trial["driver"] for trial in found["trials"])
    assert clients == {name: drivers.count(name) * 2 * 2 * 7 for name in drivers}  # ways, places of the CA, attacks


def test_the_table_tells_what_each_client_did_in_bytes(inside: Inside) -> None:
    done = prove(inside, "user", DATABASE_TYPE="postgresql", DATABASE_DRIVER="asyncpg")
    lines = done.out.splitlines()
    begin = lines.index("user: PostgreSQL by asyncpg (async)")
    assert squeezed(lines[begin + 1]) == "the impostor engine, CA file or system's CAs URL, CA file or system's CAs"
    assert [line.split("  ")[0] for line in lines[begin + 2 : begin + 9]] == [
        "does nothing wrong (the control)",
        "has a certificate of an untrusted CA",
        "has a certificate of another host",
        "has an expired certificate",
        "offers no TLS",
        "offers no TLS, asks for the password",
        "proves itself, asks for the password",
    ]
    assert squeezed(lines[begin + 4]) == "has a certificate of another host refused 8+0 declined"
    assert max(map(len, lines[begin : begin + 9])) <= 100
    assert lines[begin + 9].startswith("URL: declined: a URL cannot have asyncpg verify TLS")
    assert (done.code, lines[-1].split(":")[2]) == (0, " no credential left, nothing unproved")


def test_a_service_in_clear_ends_with_four_and_says_what_left(inside: Inside) -> None:
    clear = {"DATABASE_TYPE": "tidb", "DATABASE_HOST": "localhost", "DATABASE_TLS": "insecure-loopback"}
    done = prove(inside, "user", **clear)
    assert done.code == 4
    assert "user: pymysql (sync), engine, CA from a file: no-tls: a hash of the password left in clear (" in done.out
    assert "LEFT: password " in done.out
    assert "dbkit: error: user: 56 attacks in " in done.err
    assert "a credential left in 56 of them, nothing unproved" in done.err
    assert "hint: set DATABASE_TLS=verify" in done.err


def test_sqlite_and_a_unix_socket_have_nothing_to_prove(inside: Inside) -> None:
    done = inside.run("tls", "prove", PROJECT_DATABASE_TYPE="tidb", PROJECT_DATABASE_HOST="/run/tidb.sock")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "project: nothing to prove: a Unix socket does not leave this machine: it needs no TLS",
        "user: nothing to prove: SQLite is a file: there is no connection to protect",
    ]


def test_what_is_wrong_in_one_service_leaves_the_other_its_proof(inside: Inside) -> None:
    done = inside.run(
        "tls",
        "prove",
        "--format",
        "json",
        USER_DATABASE_TYPE="mssql",
        USER_DATABASE_PORT="99999",
        USER_DATABASE_USER="u",
    )
    assert done.code == 2
    assert [(entry["service"], entry["exit_code"]) for entry in done.document["services"]] == [
        ("project", 0),
        ("user", 2),
    ]
    assert "dbkit: error: user: " in done.err


def test_an_unknown_service_is_refused_before_anything_is_tried(inside: Inside) -> None:
    done = inside.run("tls", "prove", "usr")
    assert (done.code, done.out) == (2, "")
    assert "did you mean 'user'?" in done.err


def show(inside: Inside, server: Server, *arguments: str, **more: str) -> Done:
    return inside.run("tls", "show", "user", *arguments, **{**server.environ(server.url.database), **more})


@pytest.fixture(autouse=True)
def _needs_ca(request: pytest.FixtureRequest) -> None:
    if "server" in request.fixturenames and request.getfixturevalue("server").ca is None:
        pytest.skip("DBKIT_TEST_CA is not set")


def test_what_a_server_presents_is_shown(inside: Inside, server: Server) -> None:
    done = show(inside, server, "--format", "json")
    found: dict[str, Any] = done.document
    leaf, root = found["chain"]
    assert (done.code, found["encrypted"], found["verified"], found["ca_file"]) == (0, True, True, server.ca)
    assert found["version"] == "TLSv1.3"
    assert found["cipher"].startswith("TLS_AES_")
    assert "localhost" in leaf["names"]
    assert (leaf["issuer"], root["names"]) == (root["subject"], [])
    assert 0 < found["days_left"] <= leaf["days_left"]
    assert len(leaf["sha256"]) == 64


def test_the_table_of_a_certificate_has_a_row_for_each_of_the_chain(inside: Inside, server: Server) -> None:
    done = show(inside, server)
    first, _, checked, headers, *rows = done.out.splitlines()
    assert (done.code, len(rows)) == (0, 4)
    assert all(row.startswith("SHA-256 of ") for row in rows[2:])
    assert first.endswith(f" at localhost:{server.url.port}")
    assert checked == f"verified: certificate and host name, by the CAs of {server.ca}"
    assert headers.split("  ")[0] == "certificate of"


def test_a_certificate_that_expires_soon_ends_with_four(inside: Inside, server: Server) -> None:
    left = json.loads(show(inside, server, "--format", "json").out)["days_left"]
    assert show(inside, server, "--days", str(left)).code == 0
    done = show(inside, server, "--days", str(left + 1))
    assert done.code == 4
    assert done.err.startswith("dbkit: error: user: a certificate expires in ")
    assert "--days" in done.err


def test_a_certificate_that_is_not_verified_is_shown_as_such(inside: Inside, server: Server) -> None:
    less = {
        "DATABASE_TLS": "insecure-loopback",
        "DATABASE_SSL_VERIFY_CERT": "false",
        "DATABASE_SSL_VERIFY_IDENTITY": "false",
    }
    done = show(inside, server, **less)
    assert done.code == 0
    assert done.out.splitlines()[2] == "verified: nothing"
    assert len(done.out.splitlines()) == 6


def test_a_closed_port_ends_with_three(inside: Inside) -> None:
    done = inside.run("tls", "show", "user", DATABASE_TYPE="tidb", DATABASE_PORT="1", DATABASE_USER="u")
    assert (done.code, done.out) == (3, "")
    assert "cannot reach TiDB at localhost:1" in done.err


@BACKENDS
def test_an_expired_certificate_ends_with_three(inside: Inside, backend: str, tmp_path: Path) -> None:
    ca = Authority.make(tmp_path / "ca")
    with impostor_of(backend)(certificate=ca.issue("localhost", expired=True)) as impostor:
        there = {"DATABASE_PORT": str(impostor.port), "DATABASE_SSL_CA": ca.ca_file, "DATABASE_USER": "u"}
        done = inside.run("tls", "show", "user", DATABASE_TYPE=backend, **there)
    assert (done.code, done.out) == (3, "")
    assert f"TLS with localhost:{impostor.port} is refused" in done.err


def test_where_there_is_no_tls_that_is_said(inside: Inside) -> None:
    done = inside.run("tls", "show", "user")
    assert (done.code, done.out) == (
        0,
        "user: the connection to SQLite is not protected by TLS, and a file needs none\n",
    )


def test_days_that_are_no_number_are_refused(inside: Inside) -> None:
    done = inside.run("tls", "show", "user", "--days", "soon")
    assert done.code == 2
    assert "--days takes a whole number of days, 0 or more, not 'soon'" in done.err
    assert "DBKIT_TLS_SHOW_DAYS" in done.err
