"""Where this machine keeps the CAs that it trusts."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Final

# PingCAP's list: https://docs.pingcap.com/tidbcloud/secure-connections-to-serverless-clusters#root-certificate-default-path
PATHS: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Red Hat, Fedora, CentOS
    "/etc/ssl/cert.pem",  # Alpine, macOS
    "/etc/ssl/ca-bundle.pem",  # SUSE
)


def system_bundle(environ: Mapping[str, str] | None = None) -> str | None:
    """Name the bundle that this machine trusts: `SSL_CERT_FILE`, OpenSSL's own, the known paths, certifi; or None."""
    found = find_bundle(environ)
    return None if found is None else found[0]


def find_bundle(environ: Mapping[str, str] | None = None) -> tuple[str, str] | None:
    """Name the bundle that this machine trusts, and how it was found; or None."""
    named = (os.environ if environ is None else environ).get("SSL_CERT_FILE")
    if named:
        return named, "SSL_CERT_FILE"
    own = ssl.get_default_verify_paths().cafile
    if own and Path(own).is_file():
        return own, "OpenSSL's own bundle"
    found = next((path for path in PATHS if Path(path).is_file()), None)
    if found:
        return found, "the system's bundle"
    certifi = _certifi()
    return None if certifi is None else (certifi, "the bundle of the package certifi")


def _certifi() -> str | None:
    try:
        return str(import_module("certifi").where())
    except ImportError:
        return None
