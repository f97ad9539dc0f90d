"""Throw-away CAs and the certificates that they sign, for impostor servers; nothing of them is trusted anywhere else."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dbkit.errors import MissingDriverError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

# A CA must be valid before and after whatever it signs, the expired certificate too.
_CA_DAYS: Final = 90
_DAYS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A server's certificate and its key, as files."""

    cert_file: str
    key_file: str
    """Readable by its owner alone."""

    def context(self) -> ssl.SSLContext:
        """Build the SSLContext of a server that presents it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.cert_file, self.key_file)
        context.num_tickets = (
            0  # a client that hangs up after its log-in would break the connection over an unread ticket
        )
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A CA whose key is in memory alone."""

    folder: Path
    """Where its files are written."""
    certificate: x509.Certificate
    key: EllipticCurvePrivateKey

    @classmethod
    def make(cls, folder: Path, *, now: datetime | None = None) -> Authority:
        """Make a CA.

        Args:
            folder: where its certificate, and all that it issues, is written.
            now: the time that validity is counted from; the present where it is None.

        Raises:
            MissingDriverError: cryptography is not installed.
        """
        try:
            from cryptography import x509
            from cryptography.hazmat.primitives.asymmetric import ec
        except ImportError as error:
            raise MissingDriverError(
                f"certificates cannot be made: {error}", hint="pip install 'dbkit[testing]'"
            ) from error
        name = f"dbkit throw-away CA {os.urandom(4).hex()}"
        key = ec.generate_private_key(ec.SECP256R1())
        begin = (now or datetime.now(UTC)) - timedelta(days=_CA_DAYS)
        builder = (
            _builder(name, name, (begin, begin + timedelta(days=2 * _CA_DAYS)))
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        made = cls(folder=folder, certificate=_sign(builder, key), key=key)
        folder.mkdir(parents=True, exist_ok=True)
        _write(Path(made.ca_file), _pem(made.certificate))
        return made

    @property
    def ca_file(self) -> str:
        """The file of its certificate, to be given to clients."""
        return str(self.folder / "ca.pem")

    def issue(self, *names: str, expired: bool = False, now: datetime | None = None) -> Issued:
        """Sign a server's certificate for host names and addresses, and write it with its key.

        Args:
            names: host names and IP addresses.
            expired: have its time end a month ago.
            now: the time that validity is counted from; the present where it is None.
        """
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID

        key = ec.generate_private_key(ec.SECP256R1())
        end = (now or datetime.now(UTC)) + timedelta(days=-_DAYS if expired else _DAYS)
        issuer = self.certificate.subject.rfc4514_string().removeprefix("CN=")
        builder = (
            _builder(names[0], issuer, (end - 2 * timedelta(days=_DAYS - 1), end))
            .public_key(key.public_key())
            .add_extension(x509.SubjectAlternativeName(_general(names)), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        certificate = _sign(builder, self.key)
        path = self.folder / f"{certificate.serial_number:x}.pem"
        _write(path, _pem(certificate) + _pem(self.certificate))
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        _write(path.with_suffix(".key"), key.private_bytes(encoding, form, serialization.NoEncryption()))
        return Issued(cert_file=str(path), key_file=str(path.with_suffix(".key")))


def _builder(subject: str, issuer: str, validity: tuple[datetime, datetime]) -> x509.CertificateBuilder:
    from cryptography import x509

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    builder = x509.CertificateBuilder().subject_name(named(subject)).issuer_name(named(issuer))
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(validity[0]).not_valid_after(validity[1])


def _sign(builder: x509.CertificateBuilder, key: EllipticCurvePrivateKey) -> x509.Certificate:
    from cryptography.hazmat.primitives import hashes

    return builder.sign(key, hashes.SHA256())


def _usage(*, signs: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general(names: Iterable[str]) -> Iterator[x509.GeneralName]:
    from cryptography import x509

    for name in names:
        with contextlib.suppress(ValueError):
            yield x509.IPAddress(ipaddress.ip_address(name))
        # an address too: SQL Server's driver looks for it among the host names (seen on 18.6)
        yield x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return certificate.public_bytes(serialization.Encoding.PEM)


def _write(path: Path, data: bytes) -> None:
    """Write a file that nobody else can read, not even for a moment."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
