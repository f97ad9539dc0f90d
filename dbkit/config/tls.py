"""How a connection is protected: which mode for which host, and which CA file. Whatever is unclear is an error."""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import logging
import os
import re
import ssl
import stat
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dbkit.backends.bundles import find_bundle
from dbkit.backends.protocol import TlsPlan
from dbkit.backends.tidb import cloud
from dbkit.config.find import expanded
from dbkit.config.redact import show
from dbkit.config.settings import TLS_MODES
from dbkit.config.tls_names import is_about_tls
from dbkit.errors import ConfigurationError

if TYPE_CHECKING:
    from dbkit.config.model import DatabaseConfig

log = logging.getLogger(__name__)

VENDORED: Final = Path(__file__).with_name("isrgrootx1.pem")
# ISRG Root X1, https://letsencrypt.org/certificates/
FINGERPRINT: Final = "96bcec06264976f37460779acf28c5a7cfe8a3c0aae11a8ffcee05c0bddf08c6"
_PEM: Final = "-----BEGIN "
_PRIVATE: Final = b"PRIVATE KEY-----"


def check_tls(config: DatabaseConfig) -> None:
    """Refuse a mode that this host or environment does not allow; reads no file.

    Raises:
        ConfigurationError: naming DATABASE_TLS.
    """
    for option in filter(is_about_tls, config.query):
        raise ConfigurationError(
            f"the driver option {option!r} would bypass the proof of TLS", hint="configure it by DATABASE_… keys"
        )
    if config.tls not in TLS_MODES:
        raise ConfigurationError(f"tls is {config.tls!r}", hint=f"use one of: {', '.join(TLS_MODES)}")
    if config.socket is not None or config.host is None:
        return
    if config.tls == "verify":
        _check_verify(config)
        return
    if config.tls == "insecure-loopback" and not is_loopback(config.host):
        raise ConfigurationError(
            f"DATABASE_TLS is 'insecure-loopback', but the host {show(config.host)} is not this machine",
            hint="use DATABASE_TLS=verify with DATABASE_SSL_CA",
        )
    if config.tls == "insecure-private":
        _check_private(config, config.host)
    if config.ssl_verify_cert is False and config.ssl_verify_identity:
        raise ConfigurationError(
            "DATABASE_SSL_VERIFY_IDENTITY is true and DATABASE_SSL_VERIFY_CERT is false: a name that nobody vouches for says nothing",
            hint="set both to false, or DATABASE_SSL_VERIFY_CERT=true",
        )


def _check_verify(config: DatabaseConfig) -> None:
    for name, value in (("CERT", config.ssl_verify_cert), ("IDENTITY", config.ssl_verify_identity)):
        if value is False:
            raise ConfigurationError(
                f"DATABASE_SSL_VERIFY_{name} is false, which DATABASE_TLS=verify does not allow",
                hint="leave it out; DATABASE_TLS=insecure-loopback or insecure-private allows it on this machine or network",
            )


def _check_private(config: DatabaseConfig, host: str) -> None:
    if config.environment == "production":
        raise ConfigurationError(
            "DATABASE_TLS is 'insecure-private', which production refuses", hint="use DATABASE_TLS=verify"
        )
    if not is_private(host):
        raise ConfigurationError(
            f"DATABASE_TLS is 'insecure-private', but the host {show(host)} is neither single-label nor in a private range",
            hint="use DATABASE_TLS=verify",
        )


def tls_plan(config: DatabaseConfig) -> TlsPlan:
    """Decide how the connection is protected, down to the concrete CA file.

    Raises:
        ConfigurationError: the mode is not allowed, or the CA is missing, empty, unreadable or no certificate.
    """
    check_tls(config)
    if config.host is None or config.socket is not None:
        return TlsPlan(mode="off")
    if config.tls == "insecure-private":
        _warn(config.host)
    asked = (config.ssl_ca, config.ssl_verify_cert, config.ssl_verify_identity)
    if config.tls != "verify" and all(item is None for item in asked):
        return TlsPlan(mode="off", strict=config.mssql_encrypt == "strict")
    cert_file, key_file = client_certificate(config.ssl_cert, config.ssl_key)
    own = TlsPlan(mode="encrypt", cert_file=cert_file, key_file=key_file, strict=config.mssql_encrypt == "strict")
    if config.ssl_verify_cert is False:
        return own
    ca_file = resolve_ca(config.ssl_ca, config.host)
    return replace(own, mode="ca" if config.ssl_verify_identity is False else "verify", ca_file=ca_file)


@cache
def _warn(host: str) -> None:
    """Say it loudly, and once in a process: an engine, a probe and a report each ask for the plan."""
    log.warning("INSECURE: DATABASE_TLS=insecure-private: what is sent to %s can be read and changed on the way", host)


def client_certificate(cert: str | None, key: str | None) -> tuple[str | None, str | None]:
    """Find the files of the client's certificate and key, and prove that they belong together.

    Raises:
        ConfigurationError: one of them is missing or unreadable, or they do not match, or the key has a passphrase.
    """
    if cert is None:
        if key is not None:
            raise ConfigurationError("DATABASE_SSL_KEY is set, but not DATABASE_SSL_CERT", hint="set both or neither")
        return None, None
    cert_file = _as_file(cert, "DATABASE_SSL_CERT").absolute()
    key_file = None if key is None else _as_file(key, "DATABASE_SSL_KEY").absolute()
    for name, path in (("DATABASE_SSL_CERT", cert_file), ("DATABASE_SSL_KEY", key_file)):
        try:
            if path is not None:
                path.read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"{name} is {show(path)}, which cannot be read: {error.strerror}",
                hint="name a PEM file that this process can read, or give the PEM text",
            ) from None
    _prove_pair(cert_file, key_file)
    return str(cert_file), str(key_file or cert_file)


def _prove_pair(cert_file: Path, key_file: Path | None) -> None:
    asked: list[bool] = []

    def passphrase() -> str:
        asked.append(True)
        return ""

    said = None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert_file, key_file, password=passphrase)
    except (ssl.SSLError, ValueError) as error:
        said = getattr(error, "reason", None) or ""
    if asked:
        raise ConfigurationError(
            f"DATABASE_SSL_KEY is {show(key_file or cert_file)}, which has a passphrase",
            hint="write the key without one, readable by the service alone: openssl pkey -in KEY -out PLAIN",
        )
    if said is not None and key_file is None and _PRIVATE not in cert_file.read_bytes():
        raise ConfigurationError(
            f"DATABASE_SSL_CERT is {show(cert_file)}, which holds no private key",
            hint="name the key in DATABASE_SSL_KEY",
        )
    if said is not None:
        wrong = "is not the key of" if "MISMATCH" in said else "does not make a key and certificate with"
        raise ConfigurationError(
            f"DATABASE_SSL_KEY {show(key_file or cert_file)} {wrong} DATABASE_SSL_CERT {show(cert_file)}",
            hint="name the PEM files of a certificate and of its own key",
        )


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine by its name alone; nothing is looked up."""
    name = host.lower().rstrip(".")
    address = _address(name)
    return address.is_loopback if address else name == "localhost" or name.endswith(".localhost")


def is_private(host: str) -> bool:
    """Tell whether a host has one label, or an address that is not routed in public."""
    address = _address(host)
    if address is None:
        return "." not in host.rstrip(".")
    return address.is_private and not address.is_unspecified


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def resolve_ca(asked: str | None, host: str) -> str:
    """Find the CA file: what was asked for, TiDB Cloud's public root for its hosts, else the system's bundle.

    Raises:
        ConfigurationError: there is none, or it cannot be used.
    """
    return find_ca(asked, host)[0]


def find_ca(asked: str | None, host: str) -> tuple[str, str]:
    """Find the CA file, and say how it was found.

    Raises:
        ConfigurationError: there is none, or it cannot be used.
    """
    if asked is not None and asked != "system":
        path = _as_file(asked, "DATABASE_SSL_CA")
        given = "as configured" if path == expanded(asked) else "the text of DATABASE_SSL_CA, kept as a file"
        return _usable(path, "DATABASE_SSL_CA"), given
    if asked is None and cloud.is_dedicated(host):
        raise ConfigurationError(
            f"{show(host)} is TiDB Cloud Dedicated, which has a CA of its own",
            hint="download it in TiDB Cloud's connection dialog and name it in DATABASE_SSL_CA",
        )
    if asked is None and cloud.is_cloud(host):
        return _vendored(), "ISRG Root X1, TiDB Cloud's public CA, which comes with dbkit"
    found = find_bundle()
    if found is None:
        raise ConfigurationError("this machine has no bundle of CAs", hint="name the server's CA in DATABASE_SSL_CA")
    path_text, how = found
    return _usable(Path(path_text), how), how


def _as_file(asked: str, name: str) -> Path:
    """Turn PEM text (also base64 of it, or with literal backslash-n) into a file; a path is taken as it is."""
    text = asked.replace("\\n", "\n") if _PEM in asked else _from_base64(asked)
    if text is not None and _PEM in text:
        return _keep(text)
    if "?" in asked:
        raise ConfigurationError(
            f"{name} is {show(asked)}: a second '?' of a URL has got into the path",
            hint="join options with '&'",
        )
    return expanded(asked)


def _from_base64(asked: str) -> str | None:
    compact = re.sub(r"\s+", "", asked)
    if len(compact) < len(_PEM) or os.path.lexists(asked):
        return None
    try:
        return base64.b64decode(compact, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return None


def _keep(pem: str) -> Path:
    """Write PEM text where only this user can change it; libpq and bare URLs take a CA as a file only.

    The name is the content's hash: the same text is one file for all processes, and it outlives the process that wrote it.
    """
    owner = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"dbkit-ca-{owner}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    foreign = hasattr(os, "getuid") and (status.st_uid != owner or status.st_mode & 0o077)
    if foreign or not stat.S_ISDIR(status.st_mode):
        raise ConfigurationError(
            f"{str(folder)!r} belongs to somebody else or is open to others", hint="remove it, or set TMPDIR"
        )
    path = folder / f"{hashlib.sha256(pem.encode()).hexdigest()}.pem"
    if not path.is_file() or path.read_text(encoding="utf-8") != pem:
        handle, fresh = tempfile.mkstemp(dir=folder)  # 0600, and complete before it bears the name
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(pem)
        Path(fresh).replace(path)
    return path


def _vendored() -> str:
    found = hashlib.sha256(ssl.PEM_cert_to_DER_cert(VENDORED.read_text(encoding="ascii"))).hexdigest()
    if found != FINGERPRINT:
        raise ConfigurationError(
            f"{str(VENDORED)!r} is not ISRG Root X1: its SHA-256 is {found}", hint="reinstall dbkit"
        )
    return str(VENDORED)


# By their contents, the files that hold certificates.
_proved: Final[set[bytes]] = set()


def _usable(path: Path, name: str) -> str:
    """Prove that a file holds certificates; a driver would go on without."""
    full = path.absolute()
    hint = "name a file of PEM certificates, PEM text, or 'system'"
    try:
        proved = hashlib.sha256(full.read_bytes()).digest()
        if proved not in _proved:  # a system's bundle takes longer than an attempt at a port that refuses
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=full)
            _proved.add(proved)
    except ssl.SSLError:
        what = "a private key and no certificate" if _PRIVATE in full.read_bytes() else "no certificate"
        raise ConfigurationError(f"{name} is {show(path)}, which holds {what}", hint=hint) from None
    except OSError as error:
        raise ConfigurationError(f"{name} is {show(path)}, which cannot be read: {error.strerror}", hint=hint) from None
    return str(full)
