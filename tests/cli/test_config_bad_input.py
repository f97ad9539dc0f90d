"""Settings that cannot be used: each is refused in one line with the offending value, a hint and exit code 2, by `config check`."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import dbkit
from tests.cli.runs import Inside
from tests.projects import Home

SERVER = {"DATABASE_TYPE": "postgresql", "DATABASE_HOST": "db.example.com", "DATABASE_USER": "app"}
Run = Callable[..., tuple[int, str, str]]


def _pem(key: Any, passphrase: bytes | None = None) -> bytes:
    how = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how))


def _certificate(key: Any) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now,
        not_valid_after=now + timedelta(days=1),
    ).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of files that are almost what is wanted, and one CA that the machine is to trust."""
    folder = tmp_path_factory.mktemp("files")
    key, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    contents = {
        "empty": b"",
        "garbage": b"\x00\x01 no certificate \xff",
        "broken.pem": b"-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n",
        "key.pem": _pem(key),
        "other.key": _pem(other),
        "locked.key": _pem(key, secrets.token_bytes(8)),
        "cert.pem": _certificate(key),
        "ca.pem": trustme.CA().cert_pem.bytes(),
        "newline": b"\n",
        "latin": b"caf\xe9",
        "large": b"x" * ((1 << 20) + 1),
        "secret": b"correct horse\r\n",
    }
    for name, data in contents.items():
        (folder / name).write_bytes(data)
        (folder / name).chmod(0o600)
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    (folder / "folder").mkdir()
    return folder


@pytest.fixture
def call(home: Home, inside: Inside, files: Path) -> Run:
    """Run a command in a project of one service, in this process."""
    home.write("user")

    def called(*arguments: str, **environ: str) -> tuple[int, str, str]:
        texts = {name: text.replace("FILES", str(files)) for name, text in environ.items()}
        done = inside.run(*arguments, SSL_CERT_FILE=str(files / "ca.pem"), **texts)
        return done.code, done.out, done.err

    return called


VALUES = [
    ("DATABASE_PORT", "0", "expected a port, 1 to 65535"),
    ("DATABASE_PORT", "65536", "expected a port, 1 to 65535"),
    ("DATABASE_PORT", "-1", "expected a port, 1 to 65535"),
    ("DATABASE_PORT", "abc", "expected a port, 1 to 65535"),
    ("DATABASE_PORT", "3306.0", "expected a port, 1 to 65535"),
    ("DATABASE_POOL_SIZE", "-1", "expected a whole number, 1 or more"),
    ("DATABASE_POOL_SIZE", "0", "expected a whole number, 1 or more"),
    ("DATABASE_POOL_SIZE", "9" * 20, "expected a whole number, 1 or more and at most 100000"),
    ("DATABASE_DEADLINE", "1e-9", "expected seconds, above 0 (0.001 at least)"),
    ("DATABASE_MAX_OVERFLOW", "-1", "expected a whole number, 0 or more"),
    ("DATABASE_POOL_RECYCLE", "-2", "expected whole seconds"),
    ("DATABASE_CONNECT_TIMEOUT", "0", "expected seconds, above 0"),
    ("DATABASE_DEADLINE", "0", "expected seconds, above 0 (0.001 at least) and at most 86400"),
    ("DATABASE_DEADLINE", "-1", "expected seconds, above 0 (0.001 at least) and at most 86400"),
    ("DATABASE_DEADLINE", "nan", "expected seconds, above 0 (0.001 at least) and at most 86400"),
    ("DATABASE_DEADLINE", "inf", "expected seconds, above 0 (0.001 at least) and at most 86400"),
    ("DATABASE_DEADLINE", "1e9", "expected seconds, above 0 (0.001 at least) and at most 86400"),
    ("DATABASE_MSSQL_ENCRYPT", "true", "expected 'yes' or 'strict'"),
    ("DATABASE_SCHEMA", "My-Schema", "expected a name of small letters"),
    ("DATABASE_SCHEMA", "a;drop", "expected a name of small letters"),
    ("DATABASE_COLLATION", "utf8; drop", "expected the name of a collation"),
    ("DATABASE_COLLATION", "C'", "expected the name of a collation"),
    ("DATABASE_PASSWORD_PROVIDER", "acme.tokens", "expected module:function"),
    ("DATABASE_TLS", "off", "expected 'verify'"),
]


@pytest.mark.parametrize(("key", "text", "expected"), VALUES)
def test_a_value_that_does_not_parse(call: Run, key: str, text: str, expected: str) -> None:
    for prefix in ("", "USER_"):
        code, out, _ = call("config", "check", **SERVER, **{prefix + key: text})
        said = " ".join(out.split())
        assert (code, f"{prefix}{key} is {text!r}: {expected}" in said, "hint: or leave it out" in said) == (
            2,
            True,
            True,
        )


REFUSED = [
    ({"DATABASE_SSL_CA": "FILES/folder"}, "DATABASE_SSL_CA is 'FILES/folder', which cannot be read: Is a directory"),
    ({"DATABASE_SSL_CA": "FILES/missing"}, "DATABASE_SSL_CA is 'FILES/missing', which cannot be read: No such file"),
    ({"DATABASE_SSL_CA": "FILES/empty"}, "DATABASE_SSL_CA is 'FILES/empty', which holds no certificate"),
    ({"DATABASE_SSL_CA": "FILES/garbage"}, "DATABASE_SSL_CA is 'FILES/garbage', which holds no certificate"),
    ({"DATABASE_SSL_CA": "FILES/broken.pem"}, "DATABASE_SSL_CA is 'FILES/broken.pem', which holds no certificate"),
    ({"DATABASE_SSL_CA": "FILES/key.pem"}, "which holds a private key and no certificate"),
    (
        {"DATABASE_SSL_CERT": "FILES/cert.pem", "DATABASE_SSL_KEY": "FILES/other.key"},
        "DATABASE_SSL_KEY 'FILES/other.key' is not the key of DATABASE_SSL_CERT 'FILES/cert.pem'",
    ),
    (
        {"DATABASE_SSL_CERT": "FILES/cert.pem", "DATABASE_SSL_KEY": "FILES/locked.key"},
        "DATABASE_SSL_KEY is 'FILES/locked.key', which has a passphrase",
    ),
    ({"DATABASE_SSL_CERT": "FILES/cert.pem"}, "DATABASE_SSL_CERT is 'FILES/cert.pem', which holds no private key"),
    ({"DATABASE_SSL_KEY": "FILES/key.pem"}, "DATABASE_SSL_KEY is set, but not DATABASE_SSL_CERT"),
    (
        {"DATABASE_SSL_CERT": "FILES/missing", "DATABASE_SSL_KEY": "FILES/key.pem"},
        "DATABASE_SSL_CERT is 'FILES/missing', which cannot be read: No such file",
    ),
    (
        {"DATABASE_SSL_CERT": "FILES/cert.pem", "DATABASE_SSL_KEY": "FILES/folder"},
        "DATABASE_SSL_KEY is 'FILES/folder', which cannot be read: Is a directory",
    ),
    (
        {"DATABASE_SSL_CERT": "FILES/cert.pem", "DATABASE_SSL_KEY": "FILES/cert.pem"},
        "does not make a key and certificate with",
    ),
    (
        {"DATABASE_SSL_VERIFY_CERT": "false"},
        "DATABASE_SSL_VERIFY_CERT is false, which DATABASE_TLS=verify does not allow",
    ),
    ({"DATABASE_TLS": "insecure-loopback"}, "but the host 'db.example.com' is not this machine"),
    (
        {"DATABASE_TLS": "insecure-private"},
        "but the host 'db.example.com' is neither single-label nor in a private range",
    ),
    (
        {"DATABASE_PASSWORD": "x", "DATABASE_PASSWORD_FILE": "FILES/secret"},
        "DATABASE_PASSWORD and DATABASE_PASSWORD_FILE are both set",
    ),
    ({"DATABASE_HOST_FILE": "FILES/secret"}, "DATABASE_HOST and DATABASE_HOST_FILE are both set"),
    ({"DATABASE_PASSWORD_FILE": "FILES/missing"}, "DATABASE_PASSWORD_FILE names 'FILES/missing', which cannot be read"),
    ({"DATABASE_PASSWORD_FILE": "FILES/loop"}, "DATABASE_PASSWORD_FILE names 'FILES/loop', which cannot be read"),
    ({"DATABASE_PASSWORD_FILE": "FILES/empty"}, "DATABASE_PASSWORD_FILE names 'FILES/empty', which is empty"),
    ({"DATABASE_PASSWORD_FILE": "FILES/newline"}, "DATABASE_PASSWORD_FILE names 'FILES/newline', which is empty"),
    ({"DATABASE_PASSWORD_FILE": "FILES/large"}, "which does not hold text of at most 1 MiB"),
    ({"DATABASE_PASSWORD_FILE": "FILES/latin"}, "which does not hold text of at most 1 MiB"),
    ({"DATABASE_PASSWORD_FILE": "FILES/folder"}, "which is not a regular file"),
    ({"DATABASE_PASSWORD_FILE": "FILES/pipe"}, "which is not a regular file"),
    ({"DATABASE_DRIVER": "psycopg4"}, "DATABASE_DRIVER: driver 'psycopg4' is not supported for PostgreSQL"),
    ({"DATABASE_DRIVER": "pymysql"}, "DATABASE_DRIVER: driver 'pymysql' is not supported for PostgreSQL"),
    (
        {"DATABASE_TYPE": "tidb", "DATABASE_DRIVER": "aiomysql"},
        "DATABASE_DRIVER: driver 'aiomysql' is refused: it does not verify",
    ),
    (
        {"DATABASE_PASSWORD": "correct horse", "DATABASE_PASSWORD_PROVIDER": "acme.secrets:token"},
        "DATABASE_PASSWORD and DATABASE_PASSWORD_PROVIDER are both set",
    ),
    ({"DATABASE_PASSWORD_PROVIDER": "no.such:token"}, "'no.such:token' cannot be used: ModuleNotFoundError"),
    ({"DATABASE_PASSWORD_PROVIDER": "os:sep"}, "'os:sep' cannot be used: it is str, not a function"),
    (
        {"DATABASE_MIGRATION_PASSWORD": "correct horse"},
        "DATABASE_MIGRATION_PASSWORD is set, but not DATABASE_MIGRATION_USER",
    ),
    ({"DATABASE_NAME": "a;drop"}, "'a;drop' cannot be a database's name"),
]


@pytest.mark.parametrize(("environ", "message"), REFUSED, ids=[row[1][:60] for row in REFUSED])
def test_settings_that_cannot_be_used(call: Run, files: Path, environ: dict[str, str], message: str) -> None:
    code, out, _ = call("config", "check", **{**SERVER, **environ})
    said = " ".join(out.split())
    assert message.replace("FILES", str(files)) in said
    assert (code, "hint: " in said, "correct horse" in out) == (2, True, False)


@pytest.mark.parametrize("command", [("config", "explain"), ("config", "show"), ("config", "url", "user"), ("status",)])
def test_every_command_says_the_same_of_them(call: Run, files: Path, command: tuple[str, ...]) -> None:
    code, _, err = call(*command, **SERVER, DATABASE_SSL_CA="FILES/folder")
    error = f"DATABASE_SSL_CA is '{files}/folder', which cannot be read: Is a directory"
    assert (code, [line for line in err.splitlines() if error in line][:1]) == (2, [err.splitlines()[0]])
    assert "hint: name a file of PEM certificates, PEM text, or 'system'" in err


def test_the_known_drivers_are_named(call: Run) -> None:
    _, out, _ = call("config", "check", **SERVER, DATABASE_DRIVER="psycopg4")
    assert "hint: did you mean 'psycopg'? known: psycopg2, psycopg, asyncpg" in " ".join(out.split())


def test_a_secret_file_of_an_allowed_size_and_a_newline_is_taken(call: Run) -> None:
    assert call("config", "check", **SERVER, DATABASE_PASSWORD_FILE="FILES/secret")[0] == 0


@pytest.mark.parametrize(
    ("name", "environ", "check"),
    [
        ("secret", {"DATABASE_PASSWORD_FILE": "FILES/secret"}, "settings.password"),
        ("key.pem", {"DATABASE_SSL_CERT": "FILES/cert.pem", "DATABASE_SSL_KEY": "FILES/key.pem"}, "tls.key"),
    ],
)
def test_a_file_that_others_can_read_is_advice_and_no_refusal(
    call: Run, files: Path, name: str, environ: dict[str, str], check: str
) -> None:
    (files / name).chmod(0o644)
    for mode in ("development", "production"):
        code, out, err = call("config", "check", **SERVER, **environ, DBKIT_ENV=mode)
        assert (code, f"advice   {check}" in out, f"chmod 600 {files / name}" in " ".join(out.split())) == (
            0,
            True,
            True,
        )
        assert err == ""
    (files / name).chmod(0o600)


def test_a_driver_that_is_not_installed_is_told_with_its_extra(call: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "asyncpg", None)
    code, out, _ = call("config", "check", **SERVER, DATABASE_DRIVER="asyncpg")
    said = " ".join(out.split())
    assert (
        code,
        "the driver asyncpg of PostgreSQL cannot be loaded" in said,
        "pip install 'dbkit[asyncpg]'" in said,
    ) == (2, True, True)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    code, out, _ = call("config", "check", "-v", **SERVER)
    assert (code, "psycopg is not there, and nobody asked for it" in " ".join(out.split())) == (0, True)


@pytest.mark.parametrize(
    ("driver", "module", "told", "well"),
    [
        ("asyncpg", "asyncpg", ["driver.async"], ["driver.sync", "settings.values"]),
        ("psycopg2", "psycopg2", ["driver.sync"], ["driver.async", "settings.values"]),
        ("psycopg", "psycopg", ["driver.sync", "driver.async"], ["settings.values"]),
    ],
)
def test_a_missing_driver_is_no_fault_of_the_settings(
    call: Run, monkeypatch: pytest.MonkeyPatch, driver: str, module: str, told: list[str], well: list[str]
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, module, None)
    code, out, _ = call("config", "check", "--format", "json", **SERVER, DATABASE_DRIVER=driver)
    (service,) = json.loads(out)["services"]
    verdicts = {found["check"]: found["verdict"] for found in service["findings"]}
    assert (code, service["exit_code"], f"the driver {driver} of PostgreSQL" in service["error"]) == (2, 2, True)
    assert [check for check, verdict in verdicts.items() if verdict == "problem"] == told
    assert [verdicts[check] for check in well] == ["ok"] * len(well)


@pytest.mark.parametrize(
    ("environ", "headline"),
    [
        ({"DATABASE_PORT": "x"}, "user: PostgreSQL: the settings are refused"),
        ({"DATABASE_TYPE": "pg"}, "user: the settings are refused"),
    ],
)
def test_refused_settings_have_one_headline(call: Run, environ: dict[str, str], headline: str) -> None:
    for command in (("config", "check"), ("config", "explain"), ("doctor",)):
        _, out, _ = call(*command, **{**SERVER, **environ})
        assert out.splitlines()[0] == headline, command


def test_what_to_do_about_a_setting_is_said_without_a_file_that_is_not_installed() -> None:
    source = Path(dbkit.__file__).parent
    named = [
        (str(file), text)
        for file in source.rglob("*.py")
        for text in re.findall(r"(?<![\w/.])docs/[\w/-]+\.md|README\.md", file.read_text(encoding="utf-8"))
    ]
    assert named == []


def test_a_missing_greenlet_is_told_without_the_advice_of_sqlalchemy() -> None:
    from dbkit.backends import get_backend
    from dbkit.config.connect import _missing_driver

    words = "The SQLAlchemy asyncio module requires that the Python 'greenlet' library is installed.  In order to …"
    error = _missing_driver(get_backend("postgresql"), "asyncpg", ImportError(words))
    assert error.message == "the driver asyncpg of PostgreSQL cannot be loaded: No module named 'greenlet'"
    assert error.hint == "pip install 'dbkit[asyncpg]'"


def test_a_port_of_the_projects_file_that_is_no_whole_number(call: Run, tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(file.read_text().replace("[tool.dbkit.services.user]", "port = 3306.0\n[tool.dbkit.services.user]"))
    code, out, _ = call("config", "check", **SERVER)
    assert (code, f"{file}: port is '3306.0': expected a port" in " ".join(out.split())) == (2, True)
