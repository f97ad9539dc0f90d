"""Accounts of the MySQL family that must show a certificate: by the engine and by a bare URL, with each driver."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from dbkit.backends import get_backend
from dbkit.backends.protocol import Fault
from dbkit.config import DatabaseConfig
from tests.backends.accounts import Account, configured, throw_away_account
from tests.backends.family import ON_EACH, server_or_skip
from tests.servers import Server

pytestmark = pytest.mark.driven
PASSWORD = secrets.token_hex(8)


@pytest.fixture(scope="module", params=ON_EACH)
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    """Give an account that must show a certificate; skips where there is no server."""
    server = server_or_skip(request.param)
    with throw_away_account(server, PASSWORD) as made:
        made.run({"other": "ALTER USER '{user}'@'%' REQUIRE X509"})
        yield made


@pytest.fixture(scope="module")
def certificate(account: Account, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Have the servers' CA sign a client's certificate."""
    ca = Path(account.server.ca or "ca.crt")
    if not os.access(ca.with_name("ca.key"), os.R_OK):
        pytest.skip(f"the key of the servers' CA is not beside it: {ca.with_name('ca.key')}")
    return issue(ca, tmp_path_factory.mktemp("client"))


def issue(ca: Path, folder: Path) -> dict[str, str]:
    authority = x509.load_pem_x509_certificate(ca.read_bytes())
    signer = serialization.load_pem_private_key(ca.with_name("ca.key").read_bytes(), None)
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dbkit test client")]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(signer, hashes.SHA256())  # type: ignore[arg-type] # whatever kind the CA's key is of, it signs
    )
    cert_file, key_file = folder / "client.pem", folder / "client.key"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )  # fmt: skip
    key_file.chmod(0o600)
    return {"ssl_cert": str(cert_file), "ssl_key": str(key_file)}


def engine(config: DatabaseConfig) -> sa.Engine:
    return config.create_engine(poolclass=NullPool)


def bare(config: DatabaseConfig) -> sa.Engine:
    return sa.create_engine(config.get_connection_url(), poolclass=NullPool)


def async_engine(config: DatabaseConfig) -> sa.Engine:
    return config.create_async_engine(poolclass=NullPool).sync_engine


def bare_async(config: DatabaseConfig) -> sa.Engine:
    return create_async_engine(config.get_connection_url(asynchronous=True), poolclass=NullPool).sync_engine


Way = Callable[[DatabaseConfig], sa.Engine]
WAYS = pytest.mark.parametrize("way", [engine, bare, async_engine, bare_async])


def of(account: Account, **more: str) -> DatabaseConfig:
    server: Server = account.server
    return configured(server, "information_schema", user=account.user, password=PASSWORD, **more)


@WAYS
def test_a_certificate_and_its_key_are_shown(account: Account, certificate: dict[str, str], way: Way) -> None:
    with way(of(account, **certificate)).connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1


@WAYS
def test_a_certificate_with_its_key_in_one_file_is_shown(
    account: Account, certificate: dict[str, str], way: Way, tmp_path: Path
) -> None:
    both = tmp_path / "both.pem"
    both.write_text("".join(Path(path).read_text(encoding="ascii") for path in certificate.values()))
    both.chmod(0o600)
    with way(of(account, ssl_cert=str(both))).connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1


@WAYS
def test_without_a_certificate_the_log_in_is_refused(account: Account, way: Way) -> None:
    with pytest.raises(sa.exc.OperationalError) as caught:
        way(of(account)).connect()
    assert get_backend(account.server.backend).errors.fault(caught.value) is Fault.LOGIN_REFUSED
