"""A shell completes commands, services, backends and words: by the script that `--show-completion` gives, and asking no server."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.runs import DBKIT, Shell
from tests.projects import Home

SHELLS = ("bash", "zsh", "fish")
TIMEOUT_S = 60


def ask(shell: Shell, kind: str, line: str) -> list[str]:
    """Ask as the script of a shell does, with the cursor at the end of the line."""
    words = line.split(" ")
    done = shell.run(
        _DBKIT_COMPLETE=f"complete_{kind}",
        COMP_WORDS=line,
        COMP_CWORD=str(len(words) - 1),
        _TYPER_COMPLETE_ARGS=line,
        _TYPER_COMPLETE_FISH_ACTION="get-args",
    )
    assert (done.code, done.err) == (0, "")
    # zsh is given code that names each candidate in quotes, fish a tab before what it means
    text = done.out.replace("_arguments '*: :((", "").replace("))'", "").replace('"', "")
    return [each.split("\t")[0].split(":")[0] for each in text.splitlines() if each not in ("", "_files")]


@pytest.mark.parametrize("kind", SHELLS)
def test_commands_and_services_are_completed(shell: Shell, kind: str) -> None:
    assert ask(shell, kind, "dbkit mi") == ["migrate"]
    assert ask(shell, kind, "dbkit migrate ") == ["project", "user"]


def test_a_command_of_a_group_is_completed(shell: Shell) -> None:
    assert ask(shell, "bash", "dbkit tls pr") == ["prove"]


def test_one_service_is_completed(shell: Shell) -> None:
    assert ask(shell, "bash", "dbkit history us") == ["user"]


def test_a_service_that_is_on_the_line_is_not_offered_again(shell: Shell) -> None:
    assert ask(shell, "bash", "dbkit migrate user ") == ["project"]


def test_what_an_option_takes_is_completed(shell: Shell) -> None:
    assert ask(shell, "bash", "dbkit migrate --sql --backend m") == ["mariadb", "mssql", "mysql"]
    assert ask(shell, "bash", "dbkit migrate --format ") == ["table", "json", "jsonl"]
    assert ask(shell, "bash", "dbkit migrate --fallback d") == ["dev"]


def test_a_line_that_is_wrong_so_far_breaks_no_prompt(shell: Shell) -> None:
    assert ask(shell, "bash", "dbkit --version mig") == ["migrate"]
    assert ask(shell, "bash", "dbkit migrate --format bogus us") == ["user"]
    assert ask(shell, "bash", "dbkit nothing us") == []


@pytest.mark.parametrize("text", ["[tool.dbkit", "[tool.dbkit]\nservices = 3\n", "[tool.other]\n"])
def test_a_project_that_cannot_be_read_offers_nothing_and_says_nothing(home: Home, shell: Shell, text: str) -> None:
    (home.root / "pyproject.toml").write_text(text)
    assert ask(shell, "bash", "dbkit migrate ") == []
    assert ask(shell, "bash", "dbkit mi") == ["migrate"]


def test_completing_imports_nothing_heavy(home: Home, shell: Shell) -> None:
    code = (
        "import atexit, sys\n"
        "heavy = {'sqlalchemy', 'alembic', 'cryptography', 'psycopg2', 'pymysql', 'dbkit.migrations'}\n"
        "atexit.register(lambda: print(sorted(heavy & set(sys.modules)), file=sys.stderr))\n"
        "sys.argv = ['dbkit']\n"
        "from dbkit.cli.main import main; main()"
    )
    asked = {"_DBKIT_COMPLETE": "complete_bash", "COMP_WORDS": "dbkit migrate us", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=home.root,
        env=shell.variables(asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=TIMEOUT_S,
    )
    assert (done.stdout, done.stderr) == ("user\n", "[]\n")


@pytest.mark.parametrize("kind", SHELLS)
def test_the_script_of_a_shell_is_shown_where_none_is_running(shell: Shell, kind: str) -> None:
    """An image is built by no shell that could be found out."""
    done = shell.run(_DBKIT_COMPLETE=f"source_{kind}")
    assert done.code == 0
    assert f"_DBKIT_COMPLETE=complete_{kind}" in done.out


def in_bash(script: str, *, folder: Path, home: Path) -> subprocess.CompletedProcess[str]:
    bash = shutil.which("bash")
    assert bash is not None
    return subprocess.run(
        [bash, "--norc", "-c", script],
        cwd=folder,
        env={"PATH": f"{Path(DBKIT).parent}:/usr/bin:/bin", "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )


COMPLETED = """
COMP_WORDS=({words}); COMP_CWORD={last}; _dbkit_completion dbkit; printf '%s\\n' "${{COMPREPLY[@]}}"
complete -p dbkit
"""


def completed(words: str) -> str:
    return COMPLETED.format(words=words, last=len(shlex.split(words)) - 1)


def test_bash_completes_by_what_it_is_shown(home: Home, tmp_path: Path) -> None:
    script = 'eval "$(dbkit --show-completion)"' + completed('dbkit migrate ""')
    done = in_bash(script, folder=home.root, home=tmp_path)
    assert (done.stdout, done.stderr) == ("project\nuser\ncomplete -o default -F _dbkit_completion dbkit\n", "")


def test_bash_completes_after_it_was_installed(home: Home, tmp_path: Path) -> None:
    (tmp_path / ".bashrc").write_text("echo mine\n")
    installed = in_bash("dbkit --install-completion; echo $?", folder=home.root, home=tmp_path)
    assert installed.stdout.splitlines()[-1] == "0"
    assert (tmp_path / ".bashrc").read_text().startswith("echo mine\n")
    done = in_bash("source ~/.bashrc" + completed("dbkit st"), folder=home.root, home=tmp_path)
    assert done.stdout.splitlines()[:3] == ["mine", "status", "stamp"]


def test_a_shell_that_is_unknown_fails_and_says_so(shell: Shell) -> None:
    done = shell.run(_DBKIT_COMPLETE="source_tcsh")
    assert (done.code, done.out) == (1, "")
    assert "tcsh" in done.err
