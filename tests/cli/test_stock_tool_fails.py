"""What fails under `dbkit alembic` is reported as under `dbkit migrate`, and under the stock command in that one's line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.cli.runs import Done, Inside, Shell
from tests.projects import Home


def test_a_failing_revision_is_named_with_its_file_and_sql_and_nothing_of_others(home: Home, shell: Shell) -> None:
    file = home.revision("user", "0002", 'op.create_table("zz", sa.Column("id", sa.Integer))\nop.execute("BROKEN")')
    done = shell.run("alembic", "user", "--", "upgrade", "head")
    assert done.code == 1
    assert "dbkit: error: revision '0002' failed: near \"BROKEN\": syntax error; nothing of it stays" in done.err
    assert f"  at {file}:" in done.err
    assert "  sql: BROKEN" in done.err
    assert "committed and not undone" not in done.err


def test_an_exception_of_a_revision_is_no_bug_of_ours(home: Home, shell: Shell) -> None:
    home.revision("user", "0002", 'raise ValueError("on purpose")')
    done = shell.run("alembic", "user", "--", "upgrade", "head")
    assert (done.code, "ValueError: on purpose" in done.err) == (1, True)


def stock(home: Home, *arguments: str, folder: str = "envs/user", **environ: str) -> Done:
    """Run Alembic's own command on a folder, from outside of the project; every warning is an error."""
    (home.root / folder / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s\n")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "alembic", "-c", str(home.root / folder / "alembic.ini"), *arguments],
        cwd="/",
        env=Shell(folder=home.root).variables(environ),
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(code=done.returncode, out=done.stdout, err=done.stderr)


def failed(done: Done) -> str:
    """Give the one line that the stock command ends with."""
    (line,) = [line for line in (done.out + done.err).splitlines() if line]
    assert (done.code, line[:8]) == (255, "FAILED: ")
    return line


def test_the_stock_command_tells_a_failing_revision_in_its_one_line(home: Home) -> None:
    file = home.revision("user", "0002", 'op.execute("BROKEN")')
    said = failed(stock(home, "upgrade", "head"))
    assert said.startswith("FAILED: revision '0002' failed: near \"BROKEN\": syntax error; nothing of it stays; at ")
    line = file.read_text().splitlines().index('    op.execute("BROKEN")') + 1
    assert f"; at {file}:{line}; sql: BROKEN; hint: mend the revision" in said


def test_the_stock_command_tells_a_server_that_is_away_with_a_hint(home: Home, port: int) -> None:
    environ = {"TYPE": "tidb", "HOST": "127.0.0.1", "PORT": str(port), "USER": "nobody", "TLS": "insecure-loopback"}
    said = failed(stock(home, "current", **{f"DATABASE_{name}": value for name, value in environ.items()}))
    assert f"FAILED: cannot reach TiDB at 127.0.0.1:{port}: " in said
    assert "; hint: check DATABASE_HOST" in said


def test_an_env_file_that_was_copied_does_not_run_the_other_services_revisions(home: Home) -> None:
    shutil.copytree(home.root / "envs/user", home.root / "envs/copy")
    said = failed(stock(home, "upgrade", "head", folder="envs/copy"))
    assert f"the env.py in {str(home.root / 'envs/copy')!r} runs the service 'user'" in said
    assert not list(home.root.glob(".dbkit/*.db"))


def test_an_env_file_that_is_run_by_itself_says_who_runs_it(home: Home) -> None:
    done = subprocess.run([sys.executable, home.root / "envs/user/env.py"], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith("UsageError: an env.py is run by Alembic, and not by itself")


FORKING = """import os

from alembic import context
from sqlalchemy import create_engine

child = os.fork()
if child == 0:
    os._exit(3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
with create_engine("sqlite://").connect() as connection:
    context.configure(connection=connection, version_table="alembic_version")
    context.run_migrations()
"""


def own_env(home: Home, text: str) -> None:
    """Have a service's own env.py run, which does this."""
    (home.root / "envs/user/env.py").write_text(text)
    file = home.root / "pyproject.toml"
    file.write_text(
        file.read_text().replace("[tool.dbkit.services.user]\n", '[tool.dbkit.services.user]\nenv = "own"\n')
    )


@pytest.mark.parametrize("arguments", [("current",), ("upgrade", "head", "--sql")], ids=["online", "offline"])
def test_an_env_file_that_ends_the_process_does_not_end_it_without_a_word(
    home: Home, inside: Inside, arguments: tuple[str, ...]
) -> None:
    own_env(home, "import os\n\nos._exit(0)\n")
    done = inside.run("alembic", "user", "--", *arguments)
    file = home.root / "envs/user/env.py"
    assert done.code == 2
    assert f"dbkit: error: service 'user': its env.py ({file}:3) ends the process: os._exit(0)\nhint: " in done.err
    assert os._exit.__module__ == "posix"


def test_a_process_that_an_env_file_has_forked_may_end_as_it_likes(home: Home, shell: Shell) -> None:
    own_env(home, FORKING)
    done = shell.run("alembic", "user", "--", "upgrade", "head")
    assert (done.code, done.err) == (0, "")


def test_an_interruption_from_the_keyboard_is_none_of_the_env_file(home: Home, shell: Shell) -> None:
    own_env(home, "import os\nimport signal\n\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = shell.run("alembic", "user", "--", "current")
    assert (done.code, done.err) == (130, "")


def test_what_nobody_reads_any_more_is_no_error(home: Home, shell: Shell) -> None:
    for number in range(2, 40):
        home.table("user", f"{number:04}", f"t{number}", down=f"{number - 1:04}")
    process = shell.start("alembic", "user", "--", "upgrade", "head", "--sql")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline()
    process.stdout.close()
    with process.stderr:
        assert (process.stderr.read(), process.wait(60)) == ("", 0)
