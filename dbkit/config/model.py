"""The configuration of one service's database: frozen values, where each came from, and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote

from dbkit.backends import get_backend
from dbkit.backends.protocol import Endpoint
from dbkit.config.redact import MASK
from dbkit.config.sealed import sealed
from dbkit.config.secrets import Secret
from dbkit.errors import ConfigurationError

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import AsyncEngine

    from dbkit.backends.protocol import Backend


# What needs no server.
FALLBACK_BACKEND: Final = "sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a value came from."""

    kind: Literal["argument", "environment", ".env", "file", "default"]
    name: str
    """The variable, the key in the file, or the argument."""
    path: str | None = None
    """The file that it was read from: `.env`, the project's file, or the secret file that `X_FILE` names."""
    line: int | None = None

    @property
    def from_file(self) -> bool:
        """Whether a variable ending in `_FILE` named the file that holds it."""
        return self.kind in {"environment", ".env"} and self.name.endswith("_FILE")

    def __str__(self) -> str:
        """Word it for people: `USER_DATABASE_HOST (.env:3)`."""
        if self.kind == "default":
            return "default"
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{self.name} ({place or self.kind})"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseConfig:
    """Where one service's database is and how it is reached.

    It holds values only, no connection: it can be compared, pickled and handed to another process. Made by `from_env`;
    what is made by hand skips the checks of `from_env` but those of TLS.
    """

    backend: str
    service: str | None = None
    driver: str = ""
    """The driver of engines; empty for the backend's own."""
    async_driver: str = ""
    """The driver of asynchronous engines; empty for the backend's own."""
    host: str | None = None
    port: int | None = None
    socket: str | None = None
    """The Unix socket, where `DATABASE_HOST` began with a slash; then `host` is None."""
    user: str | None = None
    password: Secret | None = field(default=None, repr=False)
    """The password as it was when the configuration was read; where it comes from a file or provider, connections ask there anew."""
    password_file: str | None = None
    """The file that is read for each new connection."""
    password_provider: str | None = None
    """`module:function` that is asked for each new connection."""
    migration_user: str | None = None
    """The account that changes the schema; None for `user`."""
    migration_password: Secret | None = field(default=None, repr=False)
    migration_password_file: str | None = None
    database: str | None = None
    """The database's name; on SQLite the file's path, as in `sqlite_path`."""
    schema: str | None = None
    """PostgreSQL's schema; None for the account's own search path."""
    collation: str | None = None
    """Of a database that is created, and of the MySQL family's sessions; None for dbkit's choice."""
    sqlite_path: str | None = None
    query: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Driver options out of DATABASE_URL, never about TLS."""
    tls: Literal["verify", "insecure-loopback", "insecure-private"] = "verify"
    ssl_ca: str | None = None
    """A path, PEM text or `system`; None for what fits the host."""
    ssl_verify_cert: bool | None = None
    """None where nobody said, which under an insecure `tls` means clear text, and else true."""
    ssl_verify_identity: bool | None = None
    ssl_cert: str | None = field(default=None, repr=False)
    """The client's certificate: a path or PEM text, in which its key may stand too."""
    ssl_key: str | None = field(default=None, repr=False)
    """Its key: a path or PEM text; None where it stands in the certificate's file."""
    mssql_encrypt: Literal["yes", "strict"] = "yes"
    pool_size: int = 10
    max_overflow: int = 20
    pool_recycle_s: int = 300
    connect_timeout_s: float = 10.0
    deadline_s: float | None = None
    """How long a statement may take, as far as the driver offers a limit."""
    fallback: Literal["off", "dev"] = "off"
    """What a service does while its server cannot be reached; always `off` where the database is a file."""
    fallback_budget_s: float = 3.0
    """Within how many seconds it is decided that the server cannot be reached."""
    fallback_path: str | None = None
    """The file that stands in for the server; None where nothing falls back."""
    stands_in_for: str | None = None
    """The server's database that this file stands in for, in words; None for a configuration that is no fallback's."""
    environment: Literal["development", "test", "production"] = "development"
    root: str | None = field(default=None, compare=False, repr=False)
    """The project's folder, from which a password provider is imported."""
    provenance: Mapping[str, Source] = field(default_factory=dict, compare=False, repr=False)
    """Where each field's value came from."""

    @classmethod
    @sealed
    def from_env(
        cls,
        service: str | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        **overrides: Any,  # noqa: ANN401 - fields
    ) -> DatabaseConfig:
        """Read the configuration of a service: arguments, environment, `.env`, the project's file, defaults.

        Needs no project; uses the nearest one of the current folder, or that of `DBKIT_PROJECT`, where there is one.

        Args:
            service: whose; None for an application that has only one database.
            environ: read instead of `os.environ`.
            overrides: fields of this class, or `url`; None counts as not given.

        Raises:
            ConfigurationError: something cannot be read, is unknown, contradicts itself, or is refused.
        """
        from dbkit.config.find import find_root
        from dbkit.config.load import Settings, load_settings
        from dbkit.config.resolve import resolve

        root = find_root(environ=environ)
        settings = Settings() if root is None else load_settings(root)
        return resolve(settings, service, environ=environ, overrides=overrides)

    @property
    def address(self) -> str | None:
        """Host and port as one word, or the socket; None where the database is a file."""
        if self.host is None:
            return self.socket
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    def for_migrations(self) -> DatabaseConfig:
        """Give the configuration of the account that changes the schema; statements of a migration have no deadline."""
        unbounded = replace(self, deadline_s=None)
        if self.migration_user is None:
            return unbounded
        sources = {**self.provenance}
        for name in ("user", "password"):
            sources[name] = sources.pop(f"migration_{name}", sources.get(name, Source(kind="default", name="default")))
        account = replace(unbounded, user=self.migration_user, provenance=sources)
        if not (self.migration_password or self.migration_password_file):
            return account  # both accounts have one password, or it is asked for by the account's name
        sources.pop("password_provider", None)
        return replace(
            account,
            password=self.migration_password,
            password_file=self.migration_password_file,
            password_provider=None,
        )

    def for_fallback(self) -> DatabaseConfig:
        """Give the configuration of the file that stands in for the server; it is no fallback for anything itself.

        Raises:
            ConfigurationError: nothing falls back here.
        """
        if self.fallback_path is None:
            raise ConfigurationError(
                f"{self._backend.traits.title} has no fallback here", hint="set DATABASE_FALLBACK=dev, with a server"
            )
        kept = ("pool_size", "max_overflow", "pool_recycle_s", "connect_timeout_s", "deadline_s", "environment", "root")
        path, source = self.fallback_path, self.provenance.get("fallback")
        return DatabaseConfig(
            backend=FALLBACK_BACKEND,
            service=self.service,
            sqlite_path=path,
            database=path,
            stands_in_for=f"{self._backend.traits.title} at {self.address}, database {self.database!r}",
            provenance={} if source is None else {"backend": source, "sqlite_path": source},
            **{name: getattr(self, name) for name in kept},
        )

    def driver_of(self, kind: Literal["sync", "async"]) -> str:
        """Name the driver of engines of a kind.

        Raises:
            ConfigurationError: the backend has no asynchronous driver.
        """
        asked = self.driver if kind == "sync" else self.async_driver
        found = asked or self._backend.traits.driver_of(kind)
        if found is None:
            raise ConfigurationError(
                f"{self._backend.traits.title} has no asynchronous driver here",
                hint="use create_engine(), in a thread where the application is asynchronous",
            )
        return found

    def endpoint(self, *, asynchronous: bool = False) -> Endpoint:
        """Give what a backend needs to connect, TLS decided down to the concrete CA file; without the password.

        Raises:
            ConfigurationError: TLS is not allowed as configured, or the CA or the client's certificate cannot be used.
        """
        from dbkit.config.tls import tls_plan

        return Endpoint(
            driver=self.driver_of("async" if asynchronous else "sync"),
            host=self.host,
            port=self.port,
            socket=self.socket,
            user=self.user,
            database=self.sqlite_path or self.database if self._backend.traits.file_based else self.database,
            schema=self.schema,
            collation=self.collation,
            tls=tls_plan(self),
            connect_timeout_s=self.connect_timeout_s,
            deadline_s=self.deadline_s,
            application_name=f"dbkit:{self.service}" if self.service else "dbkit",
            query=self.query,
        )

    @sealed
    def url(self, *, asynchronous: bool = False) -> sa.URL:
        """Build a URL, password included, that verifies TLS even when given to a bare `sqlalchemy.create_engine`.

        A password that comes from a file or a provider is the one of this moment.

        Args:
            asynchronous: for a bare `create_async_engine`.

        Raises:
            ConfigurationError: the driver cannot do that from a URL; `create_engine()` can.
        """
        from dbkit.config.passwords import current_password

        endpoint, password = self.endpoint(asynchronous=asynchronous), current_password(self)
        if (
            password is not None
            and self._backend.traits.passwords_in_url == "ascii"
            and not password.reveal().isascii()
        ):
            raise ConfigurationError(
                "a URL cannot carry this password: it has characters outside ASCII, which the driver would change",
                hint="use DatabaseConfig.create_engine(), which passes it unchanged",
            )
        full = replace(endpoint, password=None if password is None else password.reveal())
        return self._backend.connector(endpoint.driver).url(full)

    @sealed
    def get_connection_url(self, *, asynchronous: bool = False) -> str:
        """Give `url()` as text, with the password in it.

        Raises:
            ConfigurationError: as in `url`, or SQLAlchemy would read the text as something else.
        """
        from sqlalchemy import make_url

        url = self.url(asynchronous=asynchronous)
        text = url.render_as_string(hide_password=False)
        if url.password is not None and url.username is None:
            raise ConfigurationError("a URL cannot carry a password without a user", hint="set DATABASE_USER")
        if make_url(text) != url:  # SQLAlchemy 2.0 leaves a question mark in a database's name as it is
            raise ConfigurationError(
                f"the text of a URL cannot carry the database {self.database!r} under this SQLAlchemy",
                hint="use DatabaseConfig.url() or create_engine()",
            )
        return text

    def connect_args(self, *, asynchronous: bool = False) -> dict[str, Any]:
        """Build the driver's arguments that stand beside the URL, an SSLContext where the driver takes one; no password.

        Raises:
            ConfigurationError: as in `endpoint`.
        """
        endpoint = self.endpoint(asynchronous=asynchronous)
        return self._backend.connector(endpoint.driver).connect_args(endpoint)

    def create_engine(self, **kw: Any) -> sa.Engine:  # noqa: ANN401 - SQLAlchemy's own
        """Make an engine that never falls back and never migrates; its URL holds no password.

        Args:
            kw: passed on to `sqlalchemy.create_engine`, over dbkit's own.

        Raises:
            ConfigurationError: as in `endpoint`.
            MissingDriverError: the driver is not installed.
        """
        from dbkit.config.connect import create_engine

        return create_engine(self, **kw)

    def create_async_engine(self, **kw: Any) -> AsyncEngine:  # noqa: ANN401 - SQLAlchemy's own
        """Make an asynchronous engine that never falls back and never migrates; its URL holds no password.

        Args:
            kw: passed on to `sqlalchemy.ext.asyncio.create_async_engine`, over dbkit's own.

        Raises:
            ConfigurationError: as in `endpoint`, or the backend has no asynchronous driver.
            MissingDriverError: the driver is not installed.
        """
        from dbkit.config.connect import create_async_engine

        return create_async_engine(self, **kw)

    def redacted(self) -> str:
        """Word the configuration as one URL for people, `***` in place of the password; always possible."""
        traits = self._backend.traits
        scheme = f"{traits.scheme}+{self.driver or traits.driver}"
        if traits.file_based:
            return f"{traits.scheme}:///{self.sqlite_path or self.database or ''}"
        login = "" if self.user is None else quote(self.user, safe="")
        given = self.password or self.password_file or self.password_provider
        login += f":{MASK}" if given else ""
        place = self.address or ""
        where = quote(place, safe="") if self.socket else place
        return f"{scheme}://{login}{'@' if login else ''}{where}/{self.database or ''}"

    @property
    def _backend(self) -> Backend:
        return get_backend(self.backend)
