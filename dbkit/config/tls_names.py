"""The words for TLS that people write into a DATABASE_URL, and what each is worth."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dbkit.config.redact import show
from dbkit.config.settings import boolean
from dbkit.errors import ConfigurationError

log = logging.getLogger(__name__)

_ABOUT_TLS = re.compile(r"ssl|tls|cert|encrypt|trust|channel_binding|gssenc|requirepeer|crypt", re.IGNORECASE)
_CA_NAMES = ("ssl_ca", "ssl_ca_path", "sslrootcert", "sslca", "ssl-ca")
# Each says "check the certificate and the name", in one driver's or tool's words.
_FULL = {
    "ssl_mode": "verify_identity",
    "ssl-mode": "verify_identity",
    "sslmode": "verify-full",
    "sslaccept": "strict",
    "ssl_check_hostname": "true",
    "trustservercertificate": "no",
}
_ENCRYPT = frozenset({"yes", "mandatory", "strict"})
_VERIFY = ("ssl_verify_cert", "ssl_verify_identity")
_HINT = "leave it out: dbkit checks certificate and host name; DATABASE_TLS is the one key that allows less"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsWords:
    """What a URL's TLS options come to, as fields of DatabaseConfig."""

    fields: Mapping[str, Any] = field(default_factory=dict)


def is_about_tls(name: str) -> bool:
    """Tell whether an option of a URL concerns TLS."""
    return _ABOUT_TLS.search(name) is not None


def read_tls_words(options: Mapping[str, str], name: str) -> TlsWords:
    """Read a URL's TLS options.

    Raises:
        ConfigurationError: an option is unknown, or asks for less than a checked certificate and host name.
    """
    found: dict[str, Any] = {}
    for key, value in options.items():
        word = key.lower()
        if word in _CA_NAMES:
            found["ssl_ca"] = _ca(key, value, name)
        elif word in _VERIFY:
            found[word] = _flag(key, value, name)
        elif not _is_full(word, value):
            raise ConfigurationError(
                f"{name} is refused: the option {key}={show(value)} does not verify TLS", hint=_HINT
            )
    if found.keys() & set(_VERIFY):
        log.warning(
            "%s: ssl_verify_cert and ssl_verify_identity in a URL verify nothing with PyMySQL, which then drops ssl_ca and the"
            " check of the host name; dbkit reads what they mean and connects in the form that verifies",
            name,
        )
    return TlsWords(fields=found)


def _is_full(word: str, value: str) -> bool:
    if word == "encrypt":
        return value.lower() in _ENCRYPT
    return _FULL.get(word) == value.lower()


def _ca(key: str, value: str, name: str) -> str:
    if not value.strip():
        raise ConfigurationError(
            f"{name} is refused: the option {key!r} is empty", hint="name the CA's file, or leave it out"
        )
    return value.strip()


def _flag(key: str, value: str, name: str) -> bool:
    try:
        return boolean(value)
    except ValueError:
        pass
    raise ConfigurationError(f"{name} is refused: {key}={show(value)}: expected true or false", hint=_HINT)
