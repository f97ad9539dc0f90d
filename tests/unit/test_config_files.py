"""The project's folder, its file, and its `.env`."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from dbkit.config import DatabaseConfig, Secret, find_root, load_settings, redact, resolve
from dbkit.config.find import misspelt
from dbkit.config.reference import env_example, settings_table
from dbkit.config.settings import SETTINGS
from dbkit.errors import ConfigurationError
from dbkit.project import Project


def write(root: Path, text: str, name: str = "dbkit.toml") -> Path:
    (root / name).write_text(text, encoding="utf-8")
    return root


def test_the_nearest_parent_that_says_so_is_the_project(tmp_path: Path) -> None:
    write(tmp_path, "[tool.dbkit]\n", "pyproject.toml")
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    write(tmp_path / "a", "[tool.other]\n", "pyproject.toml")
    assert find_root(inner, {}) == tmp_path


def test_somebody_elses_broken_pyproject_on_the_way_is_passed(tmp_path: Path) -> None:
    write(tmp_path, "")
    inner = tmp_path / "a"
    inner.mkdir()
    write(inner, "this is [ not toml", "pyproject.toml")
    assert find_root(inner, {}) == tmp_path


def test_the_project_may_be_named(tmp_path: Path) -> None:
    assert find_root(Path("/"), {"DBKIT_PROJECT": str(write(tmp_path, ""))}) == tmp_path


def test_a_named_folder_that_is_no_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="which is no dbkit project"):
        find_root(environ={"DBKIT_PROJECT": str(tmp_path)})


def test_from_env_reads_the_project_that_is_named(tmp_path: Path) -> None:
    write(tmp_path, 'type = "postgresql"\ndatabase = "acme_{service}"')
    config = DatabaseConfig.from_env("user", environ={"DBKIT_PROJECT": str(tmp_path)})
    assert (config.backend, config.database) == ("postgresql", "acme_user")


def test_the_projects_sqlite_file_is_beside_the_project_and_not_the_current_folder(tmp_path: Path) -> None:
    config = DatabaseConfig.from_env("user", environ={"DBKIT_PROJECT": str(write(tmp_path, ""))})
    assert config.sqlite_path == str(tmp_path / ".dbkit" / "user.db")


def test_a_ca_that_the_file_names_is_looked_for_beside_the_project(tmp_path: Path) -> None:
    write(tmp_path, 'type = "tidb"\nssl_ca = "ca.pem"')
    (tmp_path / "ca.pem").write_text("x")
    assert resolve(load_settings(tmp_path), "user", environ={}).ssl_ca == str(tmp_path / "ca.pem")


REFUSED = [
    ('hots = "x"', "unknown key 'hots'", "did you mean 'host'?"),
    ('name = "x"', "unknown key 'name'", "did you mean 'database'?"),
    ('[services.user]\nmetdata = "x"', "unknown key 'services.user.metdata'", "did you mean 'metadata'?"),
    ('password = "do-not-show"', "a password does not belong into a file", "set DATABASE_PASSWORD_FILE"),
    (
        '[services.user]\npassword = "do-not-show"',
        "services.user.password: a password does not belong",
        "set DATABASE_PASSWORD_FILE",
    ),
    ("[services.user]\nowns = 3", "services.user.owns is 3, expected a list", ""),
    ("[services.user]\nservice = 3", "services.user.service is 3, expected text", ""),
    ("services = 3", "services is 3, expected a table", ""),
    ("migrations = 3", "migrations is 3, expected text", ""),
    ("host = [1]", "host: expected one value", ""),
    ("this is [ not toml", "is not TOML", ""),
]


@pytest.mark.parametrize(("text", "message", "hint"), REFUSED)
def test_what_the_file_must_not_say_is_refused(tmp_path: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(write(tmp_path, text))
    assert message in str(caught.value)
    assert (caught.value.hint or "").startswith(hint)
    assert "do-not-show" not in str(caught.value) + str(caught.value.hint)


def test_a_url_in_the_file_may_hold_everything_but_a_password(tmp_path: Path) -> None:
    write(tmp_path, 'url = "postgresql://app@db.example.com:7000/x"')
    assert resolve(load_settings(tmp_path), "user", environ={}).port == 7000
    write(tmp_path, 'url = "postgresql://app:do-not-show@db.example.com/x"')
    with pytest.raises(ConfigurationError, match="url holds a password") as caught:
        resolve(load_settings(tmp_path), "user", environ={})
    assert "do-not-show" not in str(caught.value)


def test_numbers_and_booleans_of_the_file_are_taken(tmp_path: Path) -> None:
    write(tmp_path, 'type = "tidb"\nport = 4001\nssl_verify_cert = true\nconnect_timeout = 2.5')
    config = resolve(load_settings(tmp_path), "user", environ={})
    assert (config.port, config.ssl_verify_cert, config.connect_timeout_s) == (4001, True, 2.5)


DOTENV = """\ufeff# a comment
DATABASE_TYPE=postgresql   # another
export DATABASE_HOST = db.example.com

DATABASE_USER='single $HOME #1'
DATABASE_PASSWORD="two\\nlines \\"quoted\\" #2 ${HOME}"
DATABASE_NAME=a#b
SOMETHING_ELSE="over
two lines"
"""


def test_a_dotenv_is_read_without_interpolation(tmp_path: Path) -> None:
    write(write(tmp_path, ""), DOTENV.replace("a#b", "a_b"), ".env")
    config = resolve(load_settings(tmp_path), "user", environ={})
    assert (config.host, config.user, config.database) == ("db.example.com", "single $HOME #1", "a_b")
    assert config.password == Secret('two\nlines "quoted" #2 ${HOME}')
    assert str(config.provenance["host"]) == f"DATABASE_HOST ({tmp_path}/.env:3)"


def test_a_hash_without_a_blank_before_it_belongs_to_the_value(tmp_path: Path) -> None:
    write(write(tmp_path, ""), "DATABASE_PASSWORD=a#b#c\r\nOTHER=1\r\n", ".env")
    assert load_settings(tmp_path).dotenv["DATABASE_PASSWORD"].text == "a#b#c"


def test_the_environment_comes_before_the_dotenv_and_a_variables_file_counts_as_the_variable(tmp_path: Path) -> None:
    write(write(tmp_path, 'type = "tidb"'), "DATABASE_HOST=dotenv\nDATABASE_PASSWORD=dotenv\n", ".env")
    secret = tmp_path / "secret"
    secret.write_text("environment\n")
    secret.chmod(0o600)
    environ = {"DATABASE_HOST": "environment", "DATABASE_PASSWORD_FILE": str(secret), "DATABASE_TYPE": "tidb"}
    config = resolve(load_settings(tmp_path), "user", environ=environ)
    assert (config.host, config.password) == ("environment", Secret("environment"))


@pytest.mark.parametrize("name", ["dkit", "dbkti", "DBKit", "db-kit", "dbkits"])
def test_a_misspelt_table_is_told_of_with_the_name_that_was_meant(tmp_path: Path, name: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.{name}.services.user]\n")
    inner = tmp_path / "deeper"
    inner.mkdir()
    with pytest.raises(ConfigurationError, match="no dbkit project in") as caught:
        Project.find(inner)
    assert caught.value.hint == f"'{tmp_path / 'pyproject.toml'}' has [tool.{name}]: did you mean [tool.dbkit]?"


@pytest.mark.parametrize("text", ["[tool.dbt]\n[tool.bandit]\n", "tool = 'dbkit'\n", "dbkit = \n# no TOML, nor ours"])
def test_what_is_no_misspelt_table_is_not_told_of(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert misspelt(tmp_path) is None


@pytest.mark.parametrize("line", ["not a line", "A='open", 'A="x" y', "1A=x", "=x"])
def test_a_line_that_is_no_assignment_is_told_by_number_and_not_shown(tmp_path: Path, line: str) -> None:
    write(write(tmp_path, ""), f"OK=1\n\n{line}\n", ".env")
    with pytest.raises(ConfigurationError, match=r"\.env:3: this line is no assignment") as caught:
        load_settings(tmp_path)
    assert line not in str(caught.value)


def test_the_reference_and_the_example_name_every_key() -> None:
    for setting in SETTINGS:
        assert f"# {setting.key}=" in env_example()
        assert f"| `{setting.key}`" in settings_table()


def test_a_private_key_in_the_file_is_refused_and_hidden_from_then_on(tmp_path: Path) -> None:
    key = f"-----BEGIN PRIVATE KEY----- {secrets.token_hex(16)}"
    (tmp_path / "dbkit.toml").write_text(f'type = "postgresql"\nhost = "h"\nssl_key = "{key}"\n')
    with pytest.raises(ConfigurationError, match="ssl_key: a private key does not belong into a file") as caught:
        resolve(load_settings(tmp_path), "user", environ={})
    assert key not in str(caught.value)
    assert redact(f"<{key}>") == "<***>"
