"""The settings: one table of keys, from which the reading, the reference page and `.env.example` are made."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from dbkit.config.redact import show
from dbkit.errors import ConfigurationError

PORTS: Final = range(1, 65536)
# No server takes more.
MOST_CONNECTIONS: Final = 100_000
# A host name, an IPv4 address, an IPv6 address with its zone, or the absolute path of a Unix socket.
_HOST = re.compile(r"(?:[\w.\-]+|[0-9A-Fa-f:.]+(?:%[\w.\-]+)?|/[^\x00-\x1f]*)")

TLS_MODES: Final = ("verify", "insecure-loopback", "insecure-private")
ENVIRONMENTS: Final = ("development", "test", "production")
FALLBACKS: Final = ("off", "dev")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key: where it is written, what it becomes, and what it means."""

    key: str
    """The variable's name: `DATABASE_HOST`; a service's own has the service's name before it."""
    field: str
    """The field of DatabaseConfig that it sets; `url` is taken apart into several."""
    parse: Callable[[str], Any]
    """Turns text into the value; raises ValueError with what was expected."""
    default: str
    """The default, in words."""
    meaning: str
    file_key: str | None = None
    """Its name in dbkit.toml and [tool.dbkit]; None where it may not stand there."""
    aliases: tuple[str, ...] = ()
    secret: bool = False
    per_service: bool = True
    refuse_empty: bool = False
    """An empty value is an error, because whoever set it wanted protection; otherwise empty means not set."""
    example: str = ""

    def read(self, text: str, name: str) -> Any:  # noqa: ANN401 - whatever the field holds
        """Parse a value that was given under this name. Raises ConfigurationError, without the value where it is secret."""
        try:
            return self.parse(text)
        except ValueError as error:
            expected = str(error)
        value = "" if self.secret else f" is {show(text)}:"
        default = self.default.replace("`", "")
        raise ConfigurationError(f"{name}{value} expected {expected}", hint=f"or leave it out; the default: {default}")


def words(text: str) -> str:
    """Take text as it is, without the blanks around it."""
    return text.strip()


def verbatim(text: str) -> str:
    """Take text as it is. Raises ValueError for the one character that no driver can send."""
    if "\0" in text:
        raise ValueError("a value without NUL characters")
    return text


def backend_name(text: str) -> str:
    """Take the name of a backend; whether there is one of this name is seen later."""
    found = text.strip().lower()
    if not re.fullmatch(r"[a-z][a-z0-9_\-]*", found):
        raise ValueError("the name of a database product, such as tidb or postgresql")
    return found


def host(text: str) -> str:
    """Take a host name, an address, or the path of a Unix socket."""
    found = text.strip().removeprefix("[").removesuffix("]")
    if not _HOST.fullmatch(found):
        raise ValueError("a host name, an address, or the path of a Unix socket; the port has a key of its own")
    return found


def port(text: str) -> int:
    """Take a TCP port."""
    found = int(text) if text.strip().isdecimal() else 0
    if found not in PORTS:
        raise ValueError("a port, 1 to 65535")
    return found


def count(text: str) -> int:
    """Take a number of connections, 0 or more."""
    return _whole(text, 0)


def several(text: str) -> int:
    """Take a number of connections, 1 or more: for SQLAlchemy a pool of 0 is one without a limit."""
    return _whole(text, 1)


def _whole(text: str, least: int) -> int:
    found = text.strip()
    # by its length first: Python refuses to read thousands of digits
    if not (found.isdecimal() and len(found) <= len(str(MOST_CONNECTIONS)) and least <= int(found) <= MOST_CONNECTIONS):
        raise ValueError(f"a whole number, {least} or more and at most {MOST_CONNECTIONS}")
    return int(found)


def seconds(text: str) -> int:
    """Take a time in whole seconds, -1 for never."""
    if not re.fullmatch(r"\s*(-1|[1-9]\d*)\s*", text):
        raise ValueError("whole seconds, 1 or more; -1 for never")
    return int(text)


def timeout(text: str) -> float:
    """Take a time in seconds above zero, at most a day."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0.001 <= found <= 86400:  # noqa: PLR2004 - drivers count in milliseconds; longer than a day is a slip of the unit
        raise ValueError("seconds, above 0 (0.001 at least) and at most 86400")
    return found


def boolean(text: str) -> bool:
    """Take true or false, in the spellings that people use."""
    found = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if text.strip().lower() not in found:
        raise ValueError("true or false")
    return found[text.strip().lower()]


def reference(text: str) -> str:
    """Take `module:function`."""
    if not re.fullmatch(r"\s*[A-Za-z_][\w.]*:[A-Za-z_][\w.]*\s*", text):
        raise ValueError("module:function, such as acme.secrets:database_token")
    return text.strip()


def schema(text: str) -> str:
    """Take the name of a schema that needs no quotes."""
    if not re.fullmatch(r"\s*[a-z_][a-z0-9_]{0,62}\s*", text):
        raise ValueError("a name of small letters, digits and _, 63 at most")
    return text.strip()


def collation(text: str) -> str:
    """Take the name of a collation or locale, such as utf8mb4_0900_bin or en_US.UTF-8."""
    if not re.fullmatch(r"\s*[A-Za-z][A-Za-z0-9_.@\-]{0,62}\s*", text):
        raise ValueError("the name of a collation, such as utf8mb4_0900_bin or en_US.UTF-8")
    return text.strip()


def one_of(*choices: str) -> Callable[[str], str]:
    """Make a parser that takes one of these words."""

    def parse(text: str) -> str:
        found = text.strip().lower()
        if found not in choices:
            raise ValueError(" or ".join(repr(choice) for choice in choices))
        return found

    return parse


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        key="DATABASE_TYPE", field="backend", file_key="type", parse=backend_name,
        default="the scheme of `DATABASE_URL`; else `sqlite`", example="tidb",
        meaning="The database: `tidb` `mysql` `mariadb` `postgresql` `mssql` `sqlite`. Needed as soon as a host or a name is set, and in production.",
    ),
    Setting(
        key="DATABASE_URL", field="url", file_key="url", parse=verbatim, secret=True, default="none",
        meaning="All in one: `scheme://user:password@host:port/name`. The password is percent-encoded. It must not contradict the other keys.",
    ),
    Setting(
        key="DATABASE_HOST", field="host", file_key="host", parse=host, default="localhost", example="db.example.com",
        meaning="The server: a host name, an address, or the path of a Unix socket (which needs no TLS).",
    ),
    Setting(
        key="DATABASE_PORT", field="port", file_key="port", parse=port, default="the backend's own; 4000 on TiDB Cloud", example="4000",
        meaning="The server's port.",
    ),
    Setting(
        key="DATABASE_USER", field="user", file_key="user", parse=verbatim, default="none", example="app",
        meaning="The account; `prefix.user` on TiDB Cloud.",
    ),
    Setting(
        key="DATABASE_PASSWORD", field="password", parse=verbatim, secret=True, default="none",
        meaning="The account's password, as it is, not percent-encoded. Better: `DATABASE_PASSWORD_FILE`, the file that holds it.",
    ),
    Setting(
        key="DATABASE_PASSWORD_PROVIDER", field="password_provider", file_key="password_provider", parse=reference, default="none",
        example="acme.secrets:database_token",
        meaning="`module:function` that gives a password or token for each new connection, instead of `DATABASE_PASSWORD`;"
        " it has `DATABASE_CONNECT_TIMEOUT` to answer.",
    ),
    Setting(
        key="DATABASE_MIGRATION_USER", field="migration_user", file_key="migration_user", parse=verbatim, default="the service's own", example="app_migration",
        meaning="The account that changes the schema: used by `migrate`, `create` and their kin instead of `DATABASE_USER`.",
    ),
    Setting(
        key="DATABASE_MIGRATION_PASSWORD", field="migration_password", parse=verbatim, secret=True, default="the service's own",
        meaning="Its password. Set it where migrations run, and not in services.",
    ),
    Setting(
        key="DATABASE_NAME", field="database", file_key="database", parse=words, default="`{service}`", example="app_{service}",
        meaning="The database's name; `{service}` in it stands for the service's.",
    ),
    Setting(
        key="DATABASE_SCHEMA", field="schema", file_key="schema", parse=schema, default="`public`", example="app",
        meaning="PostgreSQL: the schema that holds the service's tables. Other databases have none and pass it over.",
    ),
    Setting(
        key="DATABASE_COLLATION", field="collation", file_key="collation", parse=collation, default="exact for case and accents, per backend",
        example="utf8mb4_0900_bin",
        meaning="The collation of a database that is created, and of sessions of the MySQL family.",
    ),
    Setting(
        key="DATABASE_SQLITE_PATH", field="sqlite_path", file_key="sqlite_path", parse=words, default="`.dbkit/{service}.db`",
        meaning="The file, where the database is SQLite; relative to the project's folder. A fallback's file has `.fallback` before its suffix.",
    ),
    Setting(
        key="DATABASE_SSL_CA", field="ssl_ca", file_key="ssl_ca", parse=words, aliases=("DATABASE_SSL_CA_PATH",), refuse_empty=True,
        default="TiDB Cloud's public CA for its hosts; else the system's bundle",
        meaning="The CA that has signed the server's certificate: a path, PEM text, or `system`.",
    ),
    Setting(
        key="DATABASE_SSL_VERIFY_CERT", field="ssl_verify_cert", file_key="ssl_verify_cert", parse=boolean, refuse_empty=True, default="true",
        meaning="Whether the server's certificate is checked; false only with an insecure `DATABASE_TLS`.",
    ),
    Setting(
        key="DATABASE_SSL_VERIFY_IDENTITY", field="ssl_verify_identity", file_key="ssl_verify_identity", parse=boolean, refuse_empty=True, default="true",
        meaning="Whether the certificate must name the host; false only with an insecure `DATABASE_TLS`.",
    ),
    Setting(
        key="DATABASE_TLS", field="tls", file_key="tls", parse=one_of(*TLS_MODES), refuse_empty=True, default="verify",
        meaning="`verify`; `insecure-loopback` for a server on this machine; `insecure-private` for a single-label or private-range host, never in production.",
    ),
    Setting(
        key="DATABASE_SSL_CERT", field="ssl_cert", file_key="ssl_cert", parse=words, refuse_empty=True, default="none", example="client.crt",
        meaning="The client's certificate, where the server asks for one: a path or PEM text.",
    ),
    Setting(
        key="DATABASE_SSL_KEY", field="ssl_key", file_key="ssl_key", parse=words, refuse_empty=True, default="in `DATABASE_SSL_CERT`", example="client.key",
        meaning="The key of this certificate, without a passphrase: a path or PEM text.",
    ),
    Setting(
        key="DATABASE_MSSQL_ENCRYPT", field="mssql_encrypt", file_key="mssql_encrypt", parse=one_of("yes", "strict"), refuse_empty=True, default="yes",
        meaning="SQL Server: `yes`, or `strict` (TDS 8, SQL Server 2022 and later), where TLS comes before everything else.",
    ),
    Setting(
        key="DATABASE_DRIVER", field="driver", file_key="driver", parse=backend_name, default="the backend's own", example="psycopg",
        meaning="Another driver of the same backend; it counts for the kind, sync or async, that it belongs to.",
    ),
    Setting(
        key="DATABASE_POOL_SIZE", field="pool_size", file_key="pool_size", parse=several, default="10",
        meaning="Connections that a service keeps open.",
    ),
    Setting(
        key="DATABASE_MAX_OVERFLOW", field="max_overflow", file_key="max_overflow", parse=count, default="20",
        meaning="Connections beyond these, closed when they are given back.",
    ),
    Setting(
        key="DATABASE_POOL_RECYCLE", field="pool_recycle_s", file_key="pool_recycle", parse=seconds, default="300",
        meaning="Seconds after which a connection is replaced; TiDB Cloud cuts idle ones at five minutes.",
    ),
    Setting(
        key="DATABASE_CONNECT_TIMEOUT", field="connect_timeout_s", file_key="connect_timeout", parse=timeout, default="10",
        meaning="Seconds within which a connection must be made.",
    ),
    Setting(
        key="DATABASE_DEADLINE", field="deadline_s", file_key="deadline", parse=timeout, default="none",
        meaning="Seconds that a statement of a service may take, as far as the driver offers a limit; migrations have none.",
    ),
    Setting(
        key="DATABASE_FALLBACK", field="fallback", file_key="fallback", parse=one_of(*FALLBACKS), refuse_empty=True, default="off", example="dev",
        meaning="`dev`: work on an SQLite file while the server cannot be reached, for development alone: what is written there is never carried"
        " to the server, and production refuses it.",
    ),
    Setting(
        key="DATABASE_FALLBACK_BUDGET", field="fallback_budget_s", file_key="fallback_budget", parse=timeout, default="3",
        meaning="Seconds within which it is decided that the server cannot be reached.",
    ),
    Setting(
        key="DBKIT_ENV", field="environment", parse=one_of(*ENVIRONMENTS), default="development", per_service=False,
        meaning="`development`, `test` or `production`; production needs an explicit `DATABASE_TYPE` and refuses what is insecure.",
    ),
    Setting(
        key="DBKIT_PROJECT", field="project", parse=words, default="the nearest parent with `dbkit.toml` or `[tool.dbkit]`", per_service=False,
        meaning="The project's folder.",
    ),
)  # fmt: skip

BY_FIELD: Final = {setting.field: setting for setting in SETTINGS}
BY_FILE_KEY: Final = {setting.file_key: setting for setting in SETTINGS if setting.file_key}
