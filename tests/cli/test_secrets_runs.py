"""A planted password is looked for in all that whole runs leave: output, process list, files."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from tests.backends.accounts import Account, throw_away_account
from tests.cli.runs import Shell, end
from tests.projects import Home
from tests.servers import Server


def forms(password: str) -> list[str]:
    """List the spellings in which a password may get out."""
    raw = password.encode()
    return [
        password,
        quote(password, safe=""),
        quote_plus(password),
        repr(password)[1:-1],
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
    ]


def assert_free_of(password: str, text: str, where: str) -> None:
    """Assert that no spelling of the password stands in a text; the text itself is not shown."""
    assert [form for form in forms(password) if form in text] == [], f"the password is in {where}"


@pytest.fixture
def password() -> str:
    """Make a password that every spelling changes."""
    return f"pw:{secrets.token_urlsafe(12)}/@%é'"


@pytest.fixture
def account(server: Server, password: str) -> Iterator[Account]:
    """Give an account with that password."""
    with throw_away_account(server, password) as made:
        yield made


@pytest.fixture
def on_server(home: Home, server: Server, account: Account, password: str) -> Iterator[Shell]:
    """Give a shell whose service has a database of that account's."""
    with server.database() as name:
        account.grant(name)
        if server.backend == "postgresql":
            server.execute(f'ALTER DATABASE "{name}" OWNER TO "{account.user}"')
        (home.root / "secret").write_text(password + "\n")
        (home.root / "secret").chmod(0o600)
        environ = server.environ(name) | {"DATABASE_USER": account.user, "DATABASE_PASSWORD_FILE": "secret"}
        del environ["DATABASE_PASSWORD"]
        yield Shell(folder=home.root, environ=environ)


READ = 'password = open("secret").read().strip()\n'


@pytest.mark.parametrize("options", [("--debug",), ("--format", "json")])
@pytest.mark.parametrize(
    "fails",
    [
        'raise ValueError(f"log-in with {password}")',
        'op.get_bind().exec_driver_sql("SELECT no_such_function(%s)", (password,))',
        """op.get_bind().exec_driver_sql("INSERT INTO nowhere VALUES ('" + password.replace("%", "%%") + "')")""",
        "op.create_table(password)\nraise KeyError",
    ],
    ids=["in an exception", "in a parameter", "in SQL", "in what was committed"],
)
def test_a_revision_that_fails_with_the_password_in_its_error(
    home: Home, on_server: Shell, password: str, options: tuple[str, ...], fails: str
) -> None:
    home.revision("user", "0002", READ + fails)
    done = on_server.run("migrate", "user", *options)
    assert done.code == 1
    assert_free_of(password, done.out + done.err, "the output")


def test_the_process_list_and_the_files_of_a_run(home: Home, on_server: Shell, password: str) -> None:
    home.revision("user", "0002", 'import time\nopen("begun", "w").close()\ntime.sleep(1)')
    process = on_server.start("migrate", "user", "--debug")
    while not (home.root / "begun").exists():
        assert process.poll() is None, end(process)
        time.sleep(0.02)
    assert_free_of(password, command_lines(), "a command line")
    done = end(process)
    assert (done.code, done.err.count("Traceback")) == (0, 0)
    assert_free_of(password, done.out + done.err, "the output")
    for file in home.root.rglob("*"):
        if file.is_file() and file.name != "secret":
            assert_free_of(password, file.read_bytes().decode(errors="replace"), str(file))


def test_a_wrong_password(on_server: Shell, home: Home, password: str) -> None:
    wrong = password[:-1] + "X"
    (home.root / "secret").write_text(wrong)
    for command in ("migrate", "status", "check", "create"):
        done = on_server.run(command, "--debug", "user")
        assert done.code == 3, done.err
        assert_free_of(wrong, done.out + done.err, f"the output of {command}")


def test_a_url_with_the_password(on_server: Shell, server: Server, account: Account, password: str) -> None:
    host = f"{server.url.host}:{server.url.port}"
    scheme = {"postgresql": "postgresql"}.get(server.backend, "mysql")
    url = f"{scheme}://{account.user}:{quote(password, safe='')}@{host}/{on_server.environ['DATABASE_NAME']}"
    kept = {key: value for key, value in on_server.environ.items() if key in ("DATABASE_TYPE", "DATABASE_SSL_CA")}
    done = Shell(folder=on_server.folder, environ=kept).run("migrate", "user", "--debug", DATABASE_URL=url)
    assert done.code == 0, done.err
    assert_free_of(password, done.out + done.err, "the output")


def command_lines() -> str:
    """Read the command line of every process."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found.append((entry / "cmdline").read_bytes().decode(errors="replace"))
            except OSError:
                continue
    assert any("dbkit.migrations.worker" in line for line in found)
    return "\n".join(found)
