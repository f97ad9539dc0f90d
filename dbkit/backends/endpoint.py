"""Where a connection goes and how it is protected, decided by the configuration and emitted by a backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import ssl


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsPlan:
    """How the connection is protected, decided by the configuration and emitted by the backend.

    `mode` is `verify` (certificate and host name), `ca` (certificate only), `encrypt` (neither), `off` (clear text).
    """

    mode: Literal["verify", "ca", "encrypt", "off"]
    ca_file: str | None = None
    """The concrete bundle; never None in the modes `verify` and `ca`."""
    cert_file: str | None = None
    """The client's certificate, where the server asks for one."""
    key_file: str | None = None
    """The key of the client's certificate."""
    strict: bool = False
    """TLS before the first byte of the database's protocol: SQL Server's `Encrypt=strict`."""

    def context(self) -> ssl.SSLContext:
        """Build the client's SSLContext, TLS 1.2 at least; only where the mode is not `off`."""
        import ssl

        context = ssl.create_default_context(cafile=self.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.mode != "verify":
            context.check_hostname = False
        if self.mode == "encrypt":
            context.verify_mode = ssl.CERT_NONE
        if self.cert_file is not None:
            # an encrypted key would be asked for on the terminal; the configuration has refused it already
            context.load_cert_chain(self.cert_file, self.key_file, password="")
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Everything a backend needs to connect, and nothing of where it was configured."""

    driver: str
    host: str | None = None
    port: int | None = None
    socket: str | None = None
    """The Unix socket: a directory for PostgreSQL, a file for the MySQL family."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    database: str | None = None
    """The database's name; the file's path where the backend is file based; None to connect to none."""
    schema: str | None = None
    """The schema that unqualified names mean, where the backend has schemas that are chosen so (PostgreSQL)."""
    collation: str | None = None
    """The collation of a session and of a database that is created; None for the backend's own choice."""
    tls: TlsPlan = field(default_factory=lambda: TlsPlan(mode="off"))
    connect_timeout_s: float = 10.0
    deadline_s: float | None = None
    """Seconds that a statement may take; None without a limit."""
    application_name: str = "dbkit"
    query: Mapping[str, str] = field(default_factory=dict)
    """Driver options from DATABASE_URL that dbkit has no word for; never about TLS."""
