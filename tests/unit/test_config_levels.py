"""Every key at every level: which one wins, and that each is read from all the places that it may stand in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dbkit.config import SETTINGS, DatabaseConfig, Setting, Settings, load_settings, resolve
from dbkit.config.dotenv import DotenvValue
from dbkit.errors import ConfigurationError

# What makes a key count: its backend, and what it cannot stand without.
PLACES = {
    "sqlite_path": {"type": "sqlite"},
    "mssql_encrypt": {"type": "mssql", "host": "db.example.com"},
    "migration_password": {"type": "postgresql", "host": "db.example.com", "migration_user": "owner"},
    "ssl_verify_cert": {"type": "postgresql", "host": "localhost", "tls": "insecure-loopback"},
    "ssl_verify_identity": {"type": "postgresql", "host": "localhost", "tls": "insecure-loopback"},
    "tls": {"type": "postgresql", "host": "localhost"},
    "backend": {},
}
SERVER = {"type": "postgresql", "host": "db.example.com"}
# Two values that a key may have, as text and as the field.
VALUES: dict[str, tuple[tuple[str, Any], tuple[str, Any]]] = {
    "backend": (("tidb", "tidb"), ("mariadb", "mariadb")),
    "host": (("one.example.com", "one.example.com"), ("two.example.com", "two.example.com")),
    "port": (("4001", 4001), ("4002", 4002)),
    "user": (("ann", "ann"), ("bob", "bob")),
    "password": (("first-secret", "first-secret"), ("other-secret", "other-secret")),
    "password_provider": (("acme.one:token", "acme.one:token"), ("acme.two:token", "acme.two:token")),
    "migration_user": (("owner", "owner"), ("admin", "admin")),
    "migration_password": (("first-secret", "first-secret"), ("other-secret", "other-secret")),
    "database": (("one_{service}", "one_user"), ("two", "two")),
    "schema": (("app", "app"), ("other", "other")),
    "collation": (("C", "C"), ("en_US.UTF-8", "en_US.UTF-8")),
    "sqlite_path": (("/one.db", "/one.db"), ("/two.db", "/two.db")),
    "ssl_ca": (("/one.pem", "/one.pem"), ("system", "system")),
    "ssl_verify_cert": (("true", True), ("yes", True)),
    "ssl_verify_identity": (("true", True), ("false", False)),
    "tls": (("insecure-loopback", "insecure-loopback"), ("verify", "verify")),
    "ssl_cert": (("/one.crt", "/one.crt"), ("/two.crt", "/two.crt")),
    "ssl_key": (("/one.key", "/one.key"), ("/two.key", "/two.key")),
    "mssql_encrypt": (("strict", "strict"), ("yes", "yes")),
    "driver": (("psycopg", "psycopg"), ("psycopg2", "psycopg2")),
    "pool_size": (("3", 3), ("4", 4)),
    "max_overflow": (("0", 0), ("7", 7)),
    "pool_recycle_s": (("60", 60), ("-1", -1)),
    "connect_timeout_s": (("2.5", 2.5), ("7", 7.0)),
    "deadline_s": (("0.5", 0.5), ("30", 30.0)),
    "fallback": (("dev", "dev"), ("off", "off")),
    "fallback_budget_s": (("0.5", 0.5), ("30", 30.0)),
}
PER_SERVICE = [setting for setting in SETTINGS if setting.per_service and setting.field != "url"]
IN_FILES = [setting for setting in PER_SERVICE if setting.file_key]


def named(setting: Setting) -> str:
    return setting.key


def found(config: DatabaseConfig, field: str) -> Any:
    value = getattr(config, field)
    return value.reveal() if field.endswith("password") and value is not None else value


def beside(setting: Setting) -> Mapping[str, str]:
    """Give what must stand in the file for the key to count."""
    place = PLACES.get(setting.field, SERVER)
    return {key: value for key, value in place.items() if key != setting.file_key}


def project(file: Mapping[str, str], own: Mapping[str, str], dotenv: Mapping[str, str] | None = None) -> Settings:
    return Settings(
        root=Path("/project"),
        file=Path("/project/dbkit.toml"),
        values=file,
        services={"user": own, "other": {}},
        dotenv={name: DotenvValue(text=text, line=line) for line, (name, text) in enumerate((dotenv or {}).items(), 1)},
    )


def test_every_key_has_values_here() -> None:
    assert {setting.field for setting in PER_SERVICE} == set(VALUES)


@pytest.mark.parametrize("setting", PER_SERVICE, ids=named)
def test_a_services_own_variable_beats_the_global_one(setting: Setting) -> None:
    (own, value), (other, _) = VALUES[setting.field]
    variable = f"USER_{setting.key}"
    config = resolve(project(beside(setting), {}), "user", environ={variable: own, setting.key: other})
    assert (found(config, setting.field), config.provenance[setting.field].name) == (value, variable)


@pytest.mark.parametrize("setting", PER_SERVICE, ids=named)
def test_a_services_own_file_of_a_value_beats_the_global_one(setting: Setting, tmp_path: Path) -> None:
    (own, value), (other, _) = VALUES[setting.field]
    for name, text in (("own", own), ("other", other)):
        (tmp_path / name).write_text(f"{text}\n")
        (tmp_path / name).chmod(0o600)
    variable = f"USER_{setting.key}_FILE"
    environ = {variable: str(tmp_path / "own"), f"{setting.key}_FILE": str(tmp_path / "other")}
    config = resolve(project(beside(setting), {}), "user", environ=environ)
    source = config.provenance[setting.field]
    assert (found(config, setting.field), source.name, source.path) == (value, variable, str(tmp_path / "own"))


@pytest.mark.parametrize("setting", IN_FILES, ids=named)
def test_a_services_own_table_beats_the_one_for_all(setting: Setting) -> None:
    (own, value), (other, _) = VALUES[setting.field]
    key = setting.file_key or ""
    settings = project({**beside(setting), key: other}, {key: own})
    config = resolve(settings, "user", environ={})
    assert (found(config, setting.field), config.provenance[setting.field].name) == (value, f"services.user.{key}")


@pytest.mark.parametrize("setting", IN_FILES, ids=named)
def test_a_key_of_a_file_gives_way_to_its_variable(setting: Setting) -> None:
    (own, value), (other, _) = VALUES[setting.field]
    key = setting.file_key or ""
    settings = project({**beside(setting), key: other}, {key: other})
    config = resolve(settings, "user", environ={setting.key: own})
    assert (found(config, setting.field), config.provenance[setting.field].name) == (value, setting.key)


@pytest.mark.parametrize("setting", PER_SERVICE, ids=named)
def test_both_a_key_and_its_file_are_refused(setting: Setting, tmp_path: Path) -> None:
    (text, _), _ = VALUES[setting.field]
    (tmp_path / "value").write_text(text)
    for prefix in ("", "USER_"):
        name = prefix + setting.key
        with pytest.raises(ConfigurationError, match=f"{name} and {name}_FILE are both set") as caught:
            resolve(Settings(), "user", environ={name: text, f"{name}_FILE": str(tmp_path / "value")})
        assert caught.value.hint == "unset one of them"


# The places of a key, the strongest first.
LEVELS = ("argument", "USER in the environment", "USER in .env", "environment", ".env", "table of the service", "file")


def resolved(setting: Setting, said: Mapping[str, str]) -> DatabaseConfig:
    """Resolve a key that is said at some levels."""
    environ, dotenv, arguments = {}, {}, {}
    own, every = {}, dict(beside(setting))
    for level, text in said.items():
        name = f"USER_{setting.key}" if level.startswith("USER") else setting.key
        match level:
            case "argument":
                arguments[setting.field] = text
            case "USER in the environment" | "environment":
                environ[name] = text
            case "USER in .env" | ".env":
                dotenv[name] = text
            case "table of the service":
                own[setting.file_key or ""] = text
            case _:
                every[setting.file_key or ""] = text
    return resolve(project(every, own, dotenv), "user", environ=environ, overrides=arguments)


COUNTED = [setting for setting in IN_FILES if setting.field in {"pool_size", "user", "host", "deadline_s", "schema"}]


@hypothesis_settings(max_examples=60)
@given(setting=st.sampled_from(COUNTED), said=st.sets(st.sampled_from(LEVELS), min_size=1))
def test_the_strongest_level_wins_whatever_the_others_say(setting: Setting, said: set[str]) -> None:
    texts = {
        level: (f"x{rank}" if setting.field in {"user", "host", "schema"} else str(rank + 1))
        for rank, level in enumerate(LEVELS)
    }
    config = resolved(setting, {level: texts[level] for level in said})
    strongest = next(level for level in LEVELS if level in said)
    assert str(found(config, setting.field)).removesuffix(".0") == texts[strongest]


@given(
    passwords=st.dictionaries(st.sampled_from(LEVELS[:5]), st.sampled_from(["password", "password_provider"])),
)
def test_the_strongest_of_a_password_and_a_provider_counts_alone(passwords: dict[str, str]) -> None:
    environ, dotenv, arguments = dict[str, str](), dict[str, str](), dict[str, Any]()
    keys = {"password": "DATABASE_PASSWORD", "password_provider": "DATABASE_PASSWORD_PROVIDER"}
    for rank, (level, field) in enumerate(passwords.items()):
        text = f"secret-{rank}" if field == "password" else f"acme.tokens:number_{rank}"
        name = f"USER_{keys[field]}" if level.startswith("USER") else keys[field]
        place = {"argument": arguments}.get(level, dotenv if level.endswith(".env") else environ)
        place[field if level == "argument" else name] = text
    config = resolve(project(SERVER, {}, dotenv), "user", environ=environ, overrides=arguments)
    strongest = next((passwords[level] for level in LEVELS if level in passwords), None)
    assert (config.password is not None, config.password_provider is not None) == (
        strongest == "password",
        strongest == "password_provider",
    )


def test_a_password_of_a_url_for_another_backend_is_not_taken() -> None:
    environ = {"DATABASE_URL": "mysql://app:of-another-server@db.example.com/x", "USER_DATABASE_TYPE": "postgresql"}
    assert resolve(Settings(), "user", environ=environ).password is None


def test_a_password_and_a_provider_at_one_level_are_refused() -> None:
    environ = {"DATABASE_PASSWORD": "correct horse", "DATABASE_PASSWORD_PROVIDER": "acme.secrets:token"}
    with pytest.raises(ConfigurationError, match="DATABASE_PASSWORD and DATABASE_PASSWORD_PROVIDER are both set"):
        resolve(Settings(), "user", environ={**environ, "DATABASE_TYPE": "postgresql"})


@pytest.mark.parametrize("mode", [False, True])
def test_a_mode_of_tls_given_as_a_truth_value_is_refused(mode: bool) -> None:
    with pytest.raises(ConfigurationError, match=r"tls is '(true|false)': expected 'verify'"):
        resolve(
            Settings(), "user", environ={}, overrides={"backend": "postgresql", "host": "db.example.com", "tls": mode}
        )


def test_a_mode_of_tls_that_nobody_knows_is_refused_in_a_configuration_made_by_hand() -> None:
    with pytest.raises(ConfigurationError, match="tls is 'off'"):
        DatabaseConfig(backend="postgresql", host="db.example.com", tls="off").endpoint()  # type: ignore[arg-type]


@pytest.mark.parametrize("option", ["ssl_verify_cert", "sslmode", "TrustServerCertificate", "ssl_disabled"])
def test_an_option_of_tls_is_refused_where_it_is_given_as_an_argument(option: str) -> None:
    place = {"backend": "mysql", "host": "db.example.com"}
    with pytest.raises(ConfigurationError, match=f"the driver option '{option}' would bypass"):
        resolve(Settings(), "user", environ={}, overrides={**place, "query": {option: "true"}})
    with pytest.raises(ConfigurationError, match=f"the driver option '{option}' would bypass"):
        DatabaseConfig(backend="mysql", host="db.example.com", query={option: "true"}).endpoint()


def test_the_driver_of_asynchronous_engines_can_be_given_as_an_argument() -> None:
    config = resolve(
        Settings(),
        "user",
        environ={},
        overrides={"backend": "postgresql", "driver": "psycopg", "async_driver": "asyncpg"},
    )
    assert (config.driver, config.async_driver) == ("psycopg", "asyncpg")


DRIVERS = [
    ({"DATABASE_DRIVER": "psycopg"}, "psycopg", "psycopg"),
    ({"DATABASE_DRIVER": "asyncpg"}, "psycopg2", "asyncpg"),
    ({"DATABASE_DRIVER": "psycopg", "USER_DATABASE_DRIVER": "asyncpg"}, "psycopg", "asyncpg"),
    ({"DATABASE_URL": "postgresql+psycopg2://h/x", "DATABASE_DRIVER": "asyncpg"}, "psycopg2", "asyncpg"),
    ({"DATABASE_URL": "postgresql+psycopg2://h/x", "USER_DATABASE_DRIVER": "psycopg"}, "psycopg", "psycopg"),
    ({"DATABASE_DRIVER": "pymysql", "USER_DATABASE_TYPE": "postgresql"}, "psycopg2", ""),
]


@pytest.mark.parametrize(("environ", "driver", "async_driver"), DRIVERS)
def test_a_driver_counts_for_the_kinds_of_engine_that_it_serves(
    environ: dict[str, str], driver: str, async_driver: str
) -> None:
    config = resolve(project({"type": "postgresql"}, {}), "user", environ=environ)
    assert (config.driver, config.async_driver) == (driver, async_driver)


def test_two_drivers_of_one_kind_at_one_level_contradict_each_other() -> None:
    environ = {"DATABASE_URL": "postgresql+psycopg2://h/x", "DATABASE_DRIVER": "psycopg"}
    with pytest.raises(ConfigurationError, match="contradict each other: drivers 'psycopg' and 'psycopg2'"):
        resolve(Settings(), "user", environ=environ)


def test_a_socket_remembers_where_it_came_from() -> None:
    config = resolve(Settings(), "user", environ={"DATABASE_TYPE": "postgresql", "DATABASE_HOST": "/run/postgresql"})
    assert config.provenance["socket"].name == "DATABASE_HOST"


@pytest.mark.parametrize(
    "arguments", [{"socket": "relative"}, {"socket": "/run", "host": "h"}, {"host": "h", "socket": "/run"}]
)
def test_a_socket_is_a_path_and_stands_alone(arguments: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="socket is"):
        resolve(Settings(), "user", environ={}, overrides={"backend": "postgresql", **arguments})


def test_a_path_in_the_projects_files_is_relative_to_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dbkit.toml").write_text('type = "postgresql"\nssl_ca = "folder"\n[services.user]\nservice = "a:b"\n')
    (tmp_path / ".env").write_text("DATABASE_PASSWORD_FILE=secret\n")
    (tmp_path / "secret").write_text("correct horse")
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir("/")
    config = resolve(load_settings(tmp_path), "user", environ={})
    assert (config.ssl_ca, config.password_file) == (str(tmp_path / "folder"), str(tmp_path / "secret"))


def test_a_file_that_a_variable_names_is_found_again_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("correct horse")
    (tmp_path / "secret").chmod(0o600)
    monkeypatch.chdir(tmp_path)
    config = resolve(Settings(), "user", environ={"DATABASE_TYPE": "postgresql", "DATABASE_PASSWORD_FILE": "secret"})
    assert config.password_file == str(tmp_path / "secret")


def test_the_home_of_nobody_is_told_as_a_missing_file() -> None:
    environ = {"DATABASE_TYPE": "postgresql", "DATABASE_PASSWORD_FILE": "~nobody-of-this-name/secret"}
    with pytest.raises(ConfigurationError, match="~nobody-of-this-name/secret', which cannot be read"):
        resolve(Settings(), "user", environ=environ)


@pytest.mark.parametrize("key", ["DATABASE_SSL_KEY", "DATABASE_SSL_CERT"])
def test_a_private_key_given_as_text_is_shown_nowhere(key: str) -> None:
    pem = "-----BEGIN PRIVATE KEY-----\nMIGkAgEBBDB\n-----END PRIVATE KEY-----"
    config = resolve(Settings(), "user", environ={"DATABASE_TYPE": "postgresql", "DATABASE_HOST": "h", key: pem})
    assert "MIGkAgEBBDB" not in repr(config)
    broken = "TUlHa0FnRUJCREI" * 30
    with pytest.raises(ConfigurationError) as caught:
        resolve(Settings(), environ={"DATABASE_TYPE": "postgresql", "DATABASE_SSL_CERT": broken}).endpoint()
    assert "TUlHa0FnRUJCREI" not in caught.value.message


def test_a_url_of_sqlalchemy_is_taken_with_its_password() -> None:
    import sqlalchemy as sa

    url = sa.make_url("postgresql://app:correct%20horse@db.example.com/x")
    config = resolve(Settings(), "user", environ={}, overrides={"url": url})
    assert found(config, "password") == "correct horse"
