"""What is known of a backend without asking a server, and what one server says it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """One driver of a backend, by its name in an SQLAlchemy URL."""

    name: str
    kinds: frozenset[Literal["sync", "async"]]
    """Which engines it serves."""
    extra: str | None
    """The extra of dbkit that brings it; None where Python or the backend's own package has it."""
    module: str = "connect"
    """The module of the backend's package that holds its connector."""
    requirement: str | None = None
    """What pip is to install that brings it, such as `acme-dbkit[async]`, where that is no extra of dbkit."""
    libraries: str | None = None
    """How to install what it needs of the operating system, beside what the extra brings; None where that is nothing."""


SYNC: Final = frozenset[Literal["sync", "async"]]({"sync"})
ASYNC: Final = frozenset[Literal["sync", "async"]]({"async"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """Constants of a backend. Each fact's source stands where the backend sets it."""

    title: str
    """The name as people write it: `PostgreSQL`."""
    drivers: tuple[Driver, ...]
    """The drivers that can be asked for; of each kind, the first is used when none is."""
    scheme: str
    """What stands before `+driver` in an SQLAlchemy URL."""
    dialect: str
    """The name of the dialect as revisions see it: `mysql` for all of that family."""
    schemes: tuple[str, ...]
    """Other spellings of the scheme that people write in a DATABASE_URL."""
    port: int | None
    """The server's usual port; None where there is no server."""
    file_based: bool = False
    """The database is a file on this machine: no host, no user, no TLS."""
    transactional_ddl: bool = False
    """A failed revision leaves nothing behind."""
    enforces_checks: bool = True
    """A CHECK constraint is enforced with the server's default settings."""
    schemas_are_databases: bool = False
    """What other servers call a schema is a database here: beside another one, and not in it."""
    alters_columns: bool = True
    """A column is altered in place; False where Alembic's batch mode builds the table anew."""
    name_limit: int = 64
    """The longest database name, in characters (PostgreSQL: bytes)."""
    passwords_in_url: Literal["any", "ascii"] = "any"
    """Which passwords the driver takes from a bare URL without changing them."""
    telemetry: str | None = None
    """OpenTelemetry's word for it (`db.system.name`), where that is not the backend's name."""
    refused_drivers: Mapping[str, str] = field(default_factory=dict)
    """Drivers that exist and are refused, with the reason."""
    takes_ca_file: bool = True
    """Its drivers are told a CA by its file; False where they read the system's store alone."""
    wire: str | None = None
    """The protocol in which TLS is asked for before the log-in, by its name in `dbkit.backends.opening`; None where that is not known."""
    retries_refused: bool = False
    """Its driver asks a port that refuses again and again, until its time-out."""
    own_keys: frozenset[str] = frozenset()
    """Fields of the configuration that say something to this backend and nothing to most others, such as `schema`."""
    tls_query: str | None = None
    """The query that gives rows of name and value, `Ssl_version` and `Ssl_cipher` of the session among them; None where there is none."""

    @property
    def driver(self) -> str:
        """The driver of an engine that nobody asked another one for."""
        return self.driver_of("sync") or ""

    @property
    def extra(self) -> str | None:
        """The extra of dbkit that brings this driver; None where Python has it."""
        return self.drivers[0].extra

    def driver_of(self, kind: Literal["sync", "async"]) -> str | None:
        """Name the driver of a kind that is used when none is asked for; None where there is none."""
        return next((driver.name for driver in self.drivers if kind in driver.kinds), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """What one server is, read once per engine, or given offline as `tidb@8.5`."""

    flavour: str
    """The name of the backend that the server really is."""
    version: tuple[int, ...]
    """The product's own version: (8, 5, 3) for TiDB v8.5.3, never the MySQL version that it claims."""
    text: str
    """The version as the server words it."""
    tier: str | None = None
    """The managed tier, such as `serverless`, where the server says so."""
    switches: Mapping[str, str] = field(default_factory=dict)
    """Settings that change what SQL means, such as `tidb_enable_check_constraint`."""
