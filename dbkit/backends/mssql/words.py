"""What stands in an ODBC connection string: which values can stand there at all, and which words say what TLS has to do.

`{…}` holds any value, each `}` in it doubled; without braces a value ends at the semicolon. The first of two equal keywords
counts: https://learn.microsoft.com/sql/odbc/reference/syntax/sqldriverconnect-function#connection-strings. Measured with driver
18.6: what is braced arrives as it was, blanks at the ends included, and a zero character ends the value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dbkit.backends.bundles import system_bundle
from dbkit.backends.mssql.odbc import USUAL_NAME, OdbcDriver, checked, find_driver
from dbkit.backends.protocol import Endpoint, TlsPlan
from dbkit.errors import ConfigurationError

_KEY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_ ]*")
# A backslash would name an instance, which is looked up by UDP past the port; braces, commas and semicolons end the host.
_HOST: Final = re.compile(r"[\w.\-]+|[0-9A-Fa-f:.]+(?:%\w+)?")
# Each has a place of its own, or says where to read others: https://learn.microsoft.com/sql/connect/odbc/dsn-connection-string-attribute
_OWN: Final = frozenset(
    {
        *("dsn", "filedsn", "savefile", "odbc_connect", "server", "addr", "address", "database", "uid", "user", "pwd"),
        *("password", "host", "port", "encrypt", "trustservercertificate", "trust_server_certificate"),
        *("hostnameincertificate", "hostname_in_certificate", "servercertificate", "clientcertificate", "clientkey"),
    }
)
# A driver that makes a broken connection anew by itself would give one that nobody has proved, without the migration's lock.
_DEFAULTS: Final = {"ConnectRetryCount": "0"}


def braced(value: str, name: str) -> str:
    """Put a value into braces, which hold any.

    Raises:
        ConfigurationError: it holds a zero character, at which the driver would end it.
    """
    if "\0" in value:
        raise ConfigurationError(f"{name} holds a zero character, at which SQL Server's driver would end it")
    return "{" + value.replace("}", "}}") + "}"


def refuse_unsayable(endpoint: Endpoint) -> None:
    """Refuse what would not arrive as it is meant; SQLAlchemy braces users and databases where they need it.

    Raises:
        ConfigurationError: naming the key.
    """
    if endpoint.host is not None and not _HOST.fullmatch(endpoint.host):
        raise ConfigurationError(
            f"DATABASE_HOST {endpoint.host!r} cannot be named to SQL Server's driver",
            hint="name the host alone; an instance is reached by its port, in DATABASE_PORT",
        )
    for name, value in (("USER", endpoint.user), ("NAME", endpoint.database), ("PASSWORD", endpoint.password)):
        if value is not None:
            braced(value, f"DATABASE_{name}")


def driver_words(query: Mapping[str, str], application_name: str) -> dict[str, str]:
    """Word the driver, the program's name and what else was asked for, each once however it is spelled.

    Raises:
        ConfigurationError: an option is none, has a place of its own, or names a driver that is refused.
    """
    for key in query:
        if not _KEY.fullmatch(key) or key.lower() in _OWN:
            raise ConfigurationError(
                f"SQL Server: the option {key!r} is refused", hint="what it says has a key of its own"
            )
    asked = {key.lower(): (key, value) for key, value in query.items()}
    named = named_driver(query)
    asked.pop("driver", None)
    ours = {"APP": application_name, **_DEFAULTS}
    return {
        "driver": (named or usual_driver()).name,
        **{key: value for key, value in ours.items() if key.lower() not in asked},
        **dict(asked.values()),
    }


def named_driver(query: Mapping[str, str]) -> OdbcDriver | None:
    """Give the driver that an option of DATABASE_URL names; None where none does.

    Raises:
        ConfigurationError: it is refused.
    """
    found = next((value.strip("{}") for key, value in query.items() if key.lower() == "driver"), None)
    return None if found is None else OdbcDriver(name=checked(found), place="named in DATABASE_URL")


def usual_driver() -> OdbcDriver:
    """Give the driver that is there; where there is none, its usual name: a URL may be for another machine."""
    return find_driver() or OdbcDriver(name=USUAL_NAME, place="not there")


def tls_words(tls: TlsPlan) -> dict[str, str]:
    """Word what TLS has to do.

    Raises:
        ConfigurationError: the driver cannot do it, or it contradicts itself.
    """
    if tls.mode == "off" and tls.strict:
        raise ConfigurationError(
            "DATABASE_MSSQL_ENCRYPT is 'strict', and DATABASE_TLS asks for clear text", hint="leave one of them out"
        )
    if tls.mode == "off":
        return {"Encrypt": "optional"}
    if tls.cert_file is not None:
        raise ConfigurationError(
            "SQL Server takes no client certificate", hint="leave DATABASE_SSL_CERT and DATABASE_SSL_KEY out"
        )
    if tls.mode == "ca":
        raise ConfigurationError(
            "SQL Server's driver cannot check a certificate without its name",
            hint="leave DATABASE_SSL_VERIFY_IDENTITY out",
        )
    if tls.mode == "encrypt":
        return _unverified(strict=tls.strict)
    _refuse_own_ca(tls)
    return {"Encrypt": "strict" if tls.strict else "yes", "TrustServerCertificate": "no"}


def _unverified(*, strict: bool) -> dict[str, str]:
    if strict:
        raise ConfigurationError(
            "DATABASE_MSSQL_ENCRYPT is 'strict', which always verifies, and DATABASE_SSL_VERIFY_CERT is false",
            hint="leave one of them out",
        )
    return {"Encrypt": "yes", "TrustServerCertificate": "yes"}


def _refuse_own_ca(tls: TlsPlan) -> None:
    """Refuse a CA that is not the system's: the driver reads OpenSSL's store, and has no keyword for another."""
    trusted = system_bundle()
    if trusted is None or tls.ca_file != str(Path(trusted).absolute()):
        raise ConfigurationError(
            f"SQL Server's driver takes no CA file: {tls.ca_file!r} cannot be passed in a URL, nor by create_engine()",
            hint="add the CA to the system's store, or name its file in SSL_CERT_FILE, and leave DATABASE_SSL_CA out",
        )
