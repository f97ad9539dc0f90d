"""What a service's server presents itself with: the chain of certificates, the version of TLS, the cipher, the days left."""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, cast

from dbkit.backends import get_backend
from dbkit.backends.opening import Tls, is_known, start_tls
from dbkit.config import DatabaseConfig
from dbkit.config.connect import connect
from dbkit.errors import ConfigurationError, DatabaseMissingError, TlsRefusedError, UnreachableError

# OpenSSL's X509_V_FLAG_NO_CHECK_TIME, for which Python has no name
_NO_CHECK_TIME: Final = 0x200000
_SHORT: Final = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "localityName": "L",
    "stateOrProvinceName": "ST",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One certificate of a chain."""

    subject: str
    """As people write it: `CN=db.example.com, O=Example`."""
    issuer: str
    names: tuple[str, ...]
    """The host names and addresses that it is for; none for a CA."""
    not_before: datetime
    not_after: datetime
    fingerprint: str
    """SHA-256 of the whole certificate, in hexadecimal."""

    def days_left(self, now: datetime | None = None) -> int:
        """Count the whole days until it expires; negative where it has."""
        return (self.not_after - (now or datetime.now(UTC))).days

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "subject": self.subject,
            "issuer": self.issuer,
            "names": list(self.names),
            "not_before": self.not_before.isoformat(),
            "not_after": self.not_after.isoformat(),
            "days_left": self.days_left(),
            "sha256": self.fingerprint,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTls:
    """How a service's connection is protected, seen on a real one."""

    version: str
    """Such as `TLSv1.3`; of the engine's own connection where the server tells it."""
    cipher: str
    chain: tuple[Certificate, ...]
    """The server's certificate first, the CA that vouched last; alone where nothing was verified."""
    ca_file: str | None
    """The file of CAs that was trusted; None where the certificate is not verified."""
    verified: bool
    """Whether certificate and host name were both checked."""

    @property
    def certificate(self) -> Certificate:
        """The server's own."""
        return self.chain[0]

    def days_left(self, now: datetime | None = None) -> int:
        """Count the whole days until the first certificate of the chain expires."""
        return min(item.days_left(now) for item in self.chain)


def read_certificate(config: DatabaseConfig) -> ServerTls | None:
    """Connect as the service does, and read what the server presented; None where the connection is not encrypted by TLS.

    The engine's own connection comes first: what it does not accept is not shown. Since not every driver gives the
    certificate, it is read in a handshake of ours, which verifies with the same CA and name and logs nobody in.

    Raises:
        ConfigurationError: TLS is not allowed as configured, or its certificates cannot be read for this backend.
        UnreachableError: no answer, log-in refused, or TLS refused.
    """
    backend = get_backend(config.backend)
    endpoint = config.endpoint()
    if backend.traits.file_based or endpoint.tls.mode == "off":
        return None
    wire = backend.traits.wire
    if wire is None or not is_known(wire):
        raise ConfigurationError(
            f"the certificate of {backend.traits.title} cannot be read", hint="openssl s_client may show it"
        )
    version, cipher = _in_use(config)
    with _handshake(config, wire, endpoint.tls.context()) as sock:
        chain = _chain(sock)
        version, cipher = version or sock.version() or "", cipher or (sock.cipher() or ("",))[0]
    if not chain:
        chain = _unverified(config, wire)
    return ServerTls(
        version=version,
        cipher=cipher,
        chain=chain,
        ca_file=endpoint.tls.ca_file,
        verified=endpoint.tls.mode == "verify",
    )


def _in_use(config: DatabaseConfig) -> tuple[str, str]:
    """Connect with the engine, and have the server tell how the connection is encrypted; empty where it does not."""
    try:
        connection = connect(config)
    except DatabaseMissingError:  # no matter here: it was told over the same TLS
        connection = connect(config, database=False)
    with connection:
        query = get_backend(config.backend).traits.tls_query
        rows = [] if query is None else connection.exec_driver_sql(query).fetchall()
    found = {str(name): str(value or "") for name, value in rows}
    return found.get("Ssl_version", ""), found.get("Ssl_cipher", "")


@contextmanager
def _handshake(config: DatabaseConfig, wire: str, context: ssl.SSLContext) -> Iterator[Tls]:
    """Shake hands with the server, and hang up at the end."""
    place, host = config.address, config.host or ""
    strict = config.endpoint().tls.strict
    try:
        sock = socket.create_connection((host, config.port or 0), timeout=config.connect_timeout_s)
        found = start_tls(wire, sock, context=context, host=host, strict=strict)
    except ssl.SSLCertVerificationError as error:
        raise TlsRefusedError(
            f"TLS with {place} is refused: {error.verify_message}", hint="check DATABASE_SSL_CA and DATABASE_HOST"
        ) from error
    except OSError as error:
        raise UnreachableError(
            f"cannot read the certificate of {place}: {error}", hint="check DATABASE_HOST and DATABASE_PORT"
        ) from error
    with sock if isinstance(found, ssl.SSLObject) else found:
        yield found


def _chain(sock: Tls) -> tuple[Certificate, ...]:
    """Read the chain that was verified, the server's certificate first; empty where nothing was verified."""
    own = sock.getpeercert()
    der = sock.getpeercert(binary_form=True)
    if not own or der is None:
        return ()
    above = [item for item in _verified_chain(sock) if item != der]
    return (_certificate(own, der), *(_certificate(_ca(item), item) for item in above))


def _verified_chain(sock: Tls) -> list[bytes]:
    public = getattr(sock, "get_verified_chain", None)
    if public is not None:
        return list(public())
    # the same method before Python 3.13, where it had no public name; its certificates give DER when asked by number 2
    inner = cast("Any", sock)._sslobj  # noqa: SLF001
    return [item.public_bytes(2) for item in inner.get_verified_chain()]


def _ca(der: bytes) -> Any:  # noqa: ANN401 - the dict of `getpeercert`
    """Take a CA's certificate apart, by having it loaded as one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=der)
    return context.get_ca_certs()[0]


def _unverified(config: DatabaseConfig, wire: str) -> tuple[Certificate, ...]:
    """Read a certificate that nobody vouches for: Python takes apart only what is trusted, so it is, by itself alone and for this."""
    bare = replace(config.endpoint().tls, mode="encrypt").context()
    with _handshake(config, wire, bare) as sock:
        der = sock.getpeercert(binary_form=True) or b""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags = ssl.VerifyFlags(ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME)
    context.load_verify_locations(cadata=der)
    with _handshake(config, wire, context) as sock:
        return _chain(sock)[:1]


def _certificate(found: Any, der: bytes) -> Certificate:  # noqa: ANN401 - the dict of `getpeercert`
    return Certificate(
        subject=_name(found.get("subject", ())),
        issuer=_name(found.get("issuer", ())),
        names=tuple(value for _, value in found.get("subjectAltName", ())),
        not_before=_time(found["notBefore"]),
        not_after=_time(found["notAfter"]),
        fingerprint=hashlib.sha256(der).hexdigest(),
    )


def _name(parts: Any) -> str:  # noqa: ANN401 - tuples of tuples of pairs
    return ", ".join(f"{_SHORT.get(key, key)}={value}" for part in parts for key, value in part)


def _time(text: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)
