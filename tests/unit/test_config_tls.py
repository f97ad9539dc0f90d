"""Which protection each mode gives each host, and the CA file it ends at."""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import ssl
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import trustme

from dbkit.backends import get_backend
from dbkit.backends.protocol import TlsPlan
from dbkit.config import DatabaseConfig, Settings, resolve
from dbkit.config.tls import FINGERPRINT, VENDORED
from dbkit.errors import ConfigurationError, MissingDriverError


@pytest.fixture(scope="module")
def ca() -> str:
    return trustme.CA().cert_pem.bytes().decode()


@pytest.fixture
def ca_file(tmp_path: Path, ca: str) -> str:
    path = tmp_path / "ca.pem"
    path.write_text(ca)
    return str(path)


def config(host: str = "db.example.com", **overrides: Any) -> DatabaseConfig:
    return resolve(Settings(), "user", environ={}, overrides={"backend": "postgresql", "host": host, **overrides})


def plan(host: str = "db.example.com", **overrides: Any) -> TlsPlan:
    return config(host, **overrides).endpoint().tls


MODES = [
    ("localhost", {"tls": "insecure-loopback"}, "off"),
    ("127.8.8.8", {"tls": "insecure-loopback"}, "off"),
    ("::1", {"tls": "insecure-loopback"}, "off"),
    ("db", {"tls": "insecure-private"}, "off"),
    ("10.1.2.3", {"tls": "insecure-private"}, "off"),
    ("localhost", {"tls": "insecure-loopback", "ssl_verify_cert": True}, "verify"),
    ("localhost", {"tls": "insecure-loopback", "ssl_ca": "CA"}, "verify"),
    ("localhost", {"tls": "insecure-loopback", "ssl_ca": "CA", "ssl_verify_identity": False}, "ca"),
    ("localhost", {"tls": "insecure-loopback", "ssl_verify_cert": False}, "encrypt"),
    ("db", {"tls": "insecure-private", "ssl_verify_cert": False, "ssl_verify_identity": False}, "encrypt"),
    ("db.example.com", {"ssl_ca": "CA"}, "verify"),
    ("localhost", {"ssl_ca": "CA", "tls": "verify"}, "verify"),
]


@pytest.mark.parametrize(("host", "overrides", "mode"), MODES)
def test_verification_is_reduced_only_as_said(host: str, overrides: dict[str, Any], mode: str, ca_file: str) -> None:
    found = {key: ca_file if value == "CA" else value for key, value in overrides.items()}
    assert plan(host, **found).mode == mode


REFUSED = [
    ("db.example.com", {"tls": "insecure-loopback"}, "is not this machine"),
    ("10.1.2.3", {"tls": "insecure-loopback"}, "is not this machine"),
    ("localhost.example.com", {"tls": "insecure-loopback"}, "is not this machine"),
    ("127.0.0.1.example.com", {"tls": "insecure-loopback"}, "is not this machine"),
    ("notlocalhost", {"tls": "insecure-loopback"}, "is not this machine"),
    ("0.0.0.0", {"tls": "insecure-private"}, "neither single-label nor in a private range"),
    ("db.example.com", {"tls": "insecure-private"}, "neither single-label nor in a private range"),
    ("8.8.8.8", {"tls": "insecure-private"}, "neither single-label nor in a private range"),
    ("db", {"tls": "insecure-private", "environment": "production"}, "production refuses"),
    (
        "localhost",
        {"ssl_verify_cert": False},
        "DATABASE_SSL_VERIFY_CERT is false, which DATABASE_TLS=verify does not allow",
    ),
    ("localhost", {"ssl_verify_identity": False}, "DATABASE_SSL_VERIFY_IDENTITY is false"),
    (
        "localhost",
        {"tls": "insecure-loopback", "ssl_verify_cert": False, "ssl_verify_identity": True},
        "nobody vouches for",
    ),
]


@pytest.mark.parametrize(("host", "overrides", "message"), REFUSED)
def test_less_than_full_verification_is_refused_where_it_is_not_allowed(
    host: str, overrides: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        config(host, **overrides)


def test_an_insecure_connection_in_a_network_is_said_loudly_and_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        plan("loud", tls="insecure-private")
        plan("loud", tls="insecure-private")
    assert caplog.text.count("INSECURE: DATABASE_TLS=insecure-private: what is sent to loud ") == 1


def test_a_configuration_made_by_hand_passes_the_same_checks() -> None:
    with pytest.raises(ConfigurationError, match="is not this machine"):
        DatabaseConfig(backend="postgresql", host="db.example.com", tls="insecure-loopback").endpoint()


@pytest.mark.parametrize(
    "wrap",
    [str, lambda pem: pem.replace("\n", "\\n"), lambda pem: base64.b64encode(pem.encode()).decode()],
    ids=["pem", "escaped", "base64"],
)
def test_a_ca_given_as_text_becomes_a_private_file(
    wrap: Any, ca: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = Path(plan(ssl_ca=wrap(ca)).ca_file or "")
    assert path.read_text().strip() == ca.strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert plan(ssl_ca=wrap(ca)).ca_file == str(path)
    assert len(list(path.parent.iterdir())) == 1


def test_a_folder_for_cas_that_is_open_to_others_is_refused(
    ca: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / f"dbkit-ca-{os.getuid()}").mkdir(mode=0o777)
    (tmp_path / f"dbkit-ca-{os.getuid()}").chmod(0o777)
    with pytest.raises(ConfigurationError, match="open to others"):
        plan(ssl_ca=ca)


def test_a_folder_for_cas_that_is_somebody_elses_or_elsewhere_is_refused(
    ca: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / f"dbkit-ca-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="belongs to somebody else"):
        plan(ssl_ca=ca)
    stranger = os.getuid() + 1
    (tmp_path / f"dbkit-ca-{stranger}").mkdir(mode=0o700)
    monkeypatch.setattr("os.getuid", lambda: stranger)
    with pytest.raises(ConfigurationError, match="belongs to somebody else"):
        plan(ssl_ca=ca)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_kept_ca_that_was_changed_is_written_anew(ca: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = Path(plan(ssl_ca=ca).ca_file or "")
    path.write_text(trustme.CA().cert_pem.bytes().decode())
    assert plan(ssl_ca=ca).ca_file == str(path)
    assert path.read_text().strip() == ca.strip()


def test_a_ca_file_that_verifies_nothing_is_refused(tmp_path: Path) -> None:
    empty, text, folder = tmp_path / "empty.pem", tmp_path / "text.pem", tmp_path / "folder"
    empty.write_text("")
    text.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    folder.mkdir()
    for path, message in (
        (empty, "holds no certificate"),
        (text, "holds no certificate"),
        (folder, "cannot be read"),
        (tmp_path / "no", "cannot be read"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            plan(ssl_ca=str(path))


def test_a_bundle_path_with_a_piece_of_a_url_in_it_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"a second '\?'"):
        plan(ssl_ca="/etc/ssl/cert.pem?charset=utf8mb4")


def test_a_ca_file_is_read_for_certificates_once_and_again_when_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[object] = []
    load = ssl.SSLContext.load_verify_locations

    def count(context: ssl.SSLContext, **places: Any) -> None:
        loaded.append(places["cafile"])
        load(context, **places)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", count)
    path = tmp_path / "ca.pem"
    authority = trustme.CA().cert_pem.bytes()
    path.write_bytes(authority)
    assert [plan(ssl_ca=str(path)).ca_file for _ in range(3)] == [str(path)] * 3
    assert loaded == [path]
    path.write_bytes(b"x" * len(authority))
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="which holds no certificate"):
            plan(ssl_ca=str(path))


def test_the_system_bundle_is_a_concrete_file(monkeypatch: pytest.MonkeyPatch, ca_file: str) -> None:
    assert Path(plan(ssl_ca="system").ca_file or "").is_file()
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    assert plan(ssl_ca="system").ca_file == ca_file
    assert plan().ca_file == ca_file


def test_a_named_bundle_that_is_missing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/missing.pem")
    with pytest.raises(ConfigurationError, match=r"SSL_CERT_FILE is '/missing\.pem', which cannot be read"):
        plan()


def test_the_vendored_root_is_isrg_root_x1_and_the_same_as_in_certs() -> None:
    assert FINGERPRINT == "96bcec06264976f37460779acf28c5a7cfe8a3c0aae11a8ffcee05c0bddf08c6"
    assert hashlib.sha256(ssl.PEM_cert_to_DER_cert(VENDORED.read_text())).hexdigest() == FINGERPRINT
    assert (Path(__file__).parents[2] / "certs" / "isrgrootx1.pem").read_bytes() == VENDORED.read_bytes()


def test_another_certificate_in_the_place_of_the_vendored_one_is_refused(
    monkeypatch: pytest.MonkeyPatch, ca_file: str
) -> None:
    monkeypatch.setattr("dbkit.config.tls.VENDORED", Path(ca_file))
    with pytest.raises(ConfigurationError, match="is not ISRG Root X1"):
        plan("gateway01.eu-central-1.prod.aws.tidbcloud.com", user="3pTAoNNegb47Uc8.root")


URLS = [
    ("postgresql", "verify", {"sslmode": "verify-full", "sslrootcert": "CA", "gssencmode": "disable"}),
    ("postgresql", "ca", {"sslmode": "verify-ca", "sslrootcert": "CA"}),
    ("postgresql", "encrypt", {"sslmode": "require", "sslrootcert": None}),
    ("postgresql", "off", {"sslmode": "disable"}),
    (
        "tidb",
        "verify",
        {"ssl_ca": "CA", "ssl_check_hostname": "true", "ssl_verify_cert": None, "ssl_verify_identity": None},
    ),
    ("mysql", "ca", {"ssl_ca": "CA", "ssl_check_hostname": "false"}),
    ("mariadb", "encrypt", {"ssl_ca": None, "ssl_check_hostname": "false"}),
    ("mariadb", "off", {"ssl_disabled": "true"}),
    ("mssql", "encrypt", {"Encrypt": "yes", "TrustServerCertificate": "yes"}),
]
SAID: dict[str, dict[str, Any]] = {
    "verify": {"tls": "verify"},
    "ca": {"tls": "insecure-loopback", "ssl_verify_identity": False},
    "encrypt": {"tls": "insecure-loopback", "ssl_verify_cert": False},
    "off": {"tls": "insecure-loopback"},
}


@pytest.mark.parametrize(("backend", "mode", "options"), URLS)
def test_a_url_says_to_each_driver_what_it_reads_as_meant(
    backend: str, mode: str, options: dict[str, str | None], ca_file: str
) -> None:
    ca = {"ssl_ca": ca_file} if "CA" in options.values() else {}
    query = config("localhost", backend=backend, **SAID[mode], **ca).url().query
    assert {key: query.get(key) for key in options} == {
        key: ca_file if value == "CA" else value for key, value in options.items()
    }


def test_sql_server_verifies_with_the_systems_cas_and_takes_no_other(
    ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = config(backend="mssql").url().query
    assert (query["Encrypt"], query["TrustServerCertificate"]) == ("yes", "no")
    with pytest.raises(ConfigurationError, match="takes no CA file"):
        config(backend="mssql", ssl_ca=ca_file).url()
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    assert config(backend="mssql", ssl_ca=ca_file).url().query["Encrypt"] == "yes"


@pytest.mark.parametrize("password", ["a}b", "{a;b}", "a;PWD=b"])
def test_a_password_cannot_leave_its_place_in_an_odbc_string(password: str) -> None:
    assert get_backend("mssql").connector().password(password) == "{" + password.replace("}", "}}") + "}"


def test_the_context_of_the_mysql_family_checks_certificate_and_name(ca_file: str) -> None:
    context = config(backend="tidb", ssl_ca=ca_file).connect_args()["ssl"]
    assert (context.check_hostname, context.verify_mode, context.minimum_version) == (
        True,
        ssl.CERT_REQUIRED,
        ssl.TLSVersion.TLSv1_2,
    )
    assert len(context.get_ca_certs()) == 1


@pytest.mark.parametrize(
    "argument",
    [
        {"creator": print},
        {"async_creator": print},
        {"pool": None},
        {"connect_args": {"ssl": None}},
        {"connect_args": {"sslmode": "disable"}},
        {"connect_args": {"password": "x"}},
        {"connect_args": {"passwd": "x"}},
        {"connect_args": {"password_creator": print}},
        {"connect_args": {"async_creator_fn": print}},
    ],
)
def test_an_engine_takes_no_argument_that_bypasses_tls(argument: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="would bypass the proof of TLS"):
        config(ssl_ca="system").create_engine(**argument)


@pytest.mark.parametrize(("backend", "module"), [("postgresql", "psycopg2"), ("tidb", "pymysql"), ("mssql", "pyodbc")])
def test_a_missing_driver_is_told_with_what_brings_it(
    backend: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDriverError) as caught:
        config(backend=backend).create_engine()
    assert f"pip install 'dbkit[{backend}]'" in str(caught.value.hint)
