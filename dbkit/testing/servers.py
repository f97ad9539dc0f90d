"""The servers that tests may use: named by variables of their own, so that no test ever goes to a configured one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dbkit.backends import get_backend
from dbkit.config import DatabaseConfig, Settings, resolve
from dbkit.config.tls import is_loopback, is_private
from dbkit.errors import ConfigurationError

CA_VARIABLE: Final = "DBKIT_TEST_CA"


class MissingServerError(ConfigurationError):
    """A backend was asked for, and nothing names its server."""


def server_variable(backend: str) -> str:
    """Name the environment variable that holds the URL of a backend's test server: `DBKIT_TEST_ACME_URL`."""
    return f"DBKIT_TEST_{backend.upper().replace('-', '_')}_URL"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server on which tests make databases, and the account that may."""

    backend: str
    config: DatabaseConfig
    """Of the account; its database is the maintenance database, or none."""
    driver: str = ""
    """The driver that the URL names; empty for the backend's own."""

    def variables(self, database: str) -> dict[str, str]:
        """Give the keys, without `DATABASE_`, by which a database of this name is reached."""
        config = self.config
        password = "" if config.password is None else config.password.reveal()
        said = {
            "TYPE": self.backend,
            "HOST": config.socket or config.host or "localhost",
            "PORT": str(config.port or ""),
            "USER": config.user or "",
            "PASSWORD": password,
            "NAME": database,
            "DRIVER": self.driver,
            "TLS": config.tls,
            "MSSQL_ENCRYPT": config.mssql_encrypt,
            "MIGRATION_USER": config.user or "",
            "MIGRATION_PASSWORD": password,
        }
        return said | ({"SSL_CA": config.ssl_ca} if config.ssl_ca else {})


def find_server(backend: str, environ: Mapping[str, str] | None = None) -> Server:
    """Find the test server of a backend.

    Args:
        backend: its name.
        environ: read instead of `os.environ`.

    Raises:
        UnknownBackendError: there is no such backend.
        MissingServerError: no variable names its server.
        ConfigurationError: the URL, or what goes with it, cannot be used.
    """
    variables = os.environ if environ is None else environ
    traits, name = get_backend(backend).traits, server_variable(backend)
    url = variables.get(name, "").strip()
    if not url:
        raise MissingServerError(
            f"{traits.title} is asked for, and {name} is not set",
            hint=f"set it to the URL of a server that tests may make databases on, and {CA_VARIABLE} to the file of its CA",
        )
    ca = variables.get(CA_VARIABLE, "").strip()
    said = {"DATABASE_TYPE": backend, "DATABASE_URL": url}
    if ca:
        said["DATABASE_SSL_CA"] = ca if traits.takes_ca_file else "system"
    try:
        config = resolve(Settings(), environ=said)
        if not ca and (mode := _without_ca(config)):
            config = resolve(Settings(), environ={**said, "DATABASE_TLS": mode})
    except ConfigurationError as error:
        raise ConfigurationError(f"{name} cannot be used: {error.message}", hint=error.hint) from None
    named = url.partition("://")[0].partition("+")[2]
    known = {driver.name for driver in traits.drivers}
    return Server(backend=backend, config=config, driver=named if named in known else "")


def _without_ca(config: DatabaseConfig) -> str | None:
    """Choose how a test server is reached whose CA nobody names; None where only a public one can have signed its certificate."""
    if config.host is None or is_loopback(config.host):
        return None if config.host is None else "insecure-loopback"
    return "insecure-private" if is_private(config.host) else None
