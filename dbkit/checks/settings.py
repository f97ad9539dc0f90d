"""What can be said of a service's settings without a connection: unknown variables, files of secrets, the CA."""

from __future__ import annotations

import ssl
import stat
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dbkit.backends.observing import advice, fine, graded
from dbkit.backends.optional import Located
from dbkit.backends.protocol import Connector, Endpoint, Observation, Verdict
from dbkit.checks.findings import Finding
from dbkit.config.variables import known_names, prefix_of, unknown_names

if TYPE_CHECKING:
    from dbkit.config import DatabaseConfig
    from dbkit.project import Project

# Let's Encrypt's certificates are renewed 30 days before their end: three weeks before it, that has failed more than once.
SOON_DAYS: Final = 21
LATE_DAYS: Final = 7
UNKNOWN_HINT: Final = "leave it out; dbkit config explain shows what is read"
# The fields of a configuration that hold a secret, with the field that names its file.
_SECRETS: Final = {"password": "password_file", "migration_password": "migration_password_file"}
_OTHERS: Final = stat.S_IROTH | stat.S_IWOTH


def unknown_variables(project: Project, service: str, environ: Mapping[str, str]) -> Observation:
    """List variables that begin like ours or the service's own and mean nothing; those of options (`DBKIT_…`) are not looked at."""
    found, services = {*environ, *project.settings.dotenv}, project.service_names
    own = {name for name in found if name.startswith(f"{prefix_of(service)}DATABASE_")} - known_names(services)
    strange = sorted({*own, *(name for name in unknown_names(found, services) if name.startswith("DATABASE_"))})
    if not strange:
        return fine("settings.unknown", "every DATABASE_… variable is known")
    return advice("settings.unknown", f"nothing reads {', '.join(strange)}", UNKNOWN_HINT)


def secret_files(config: DatabaseConfig, endpoint: Endpoint) -> Iterator[Finding]:
    """Look at who may read the files that hold passwords and the key of the client's certificate."""
    service, strict = config.service or "", config.environment == "production"
    if endpoint.tls.key_file is not None:
        seen = judge_mode("tls.key", "the key", Path(endpoint.tls.key_file), strict=strict)
        yield Finding.of(service, seen, file=endpoint.tls.key_file)
    for name, file in _SECRETS.items():
        path, line = getattr(config, file), None
        source = config.provenance.get(name)
        if path is None and source is not None and source.kind == ".env":
            path, line = source.path, source.line
        if path is not None:
            seen = judge_mode(f"settings.{name}", "the password", Path(path), strict=strict)
            yield Finding.of(service, seen, file=str(path), line=line)


def judge_mode(check: str, what: str, path: Path, *, strict: bool) -> Observation:
    """Judge who may read a file; where everybody may, that is advice, and a problem where it is `strict`."""
    mode = path.stat().st_mode
    if not mode & _OTHERS:
        return fine(check, f"others cannot read {what} in {path}")
    return graded(
        Verdict.PROBLEM if strict else Verdict.ADVICE,
        check,
        f"everybody on this machine can read {what} in {path} (mode {stat.S_IMODE(mode):04o})",
        hint=f"chmod 600 {path}; for a secret of Kubernetes, defaultMode: 0400",
    )


def library(endpoint: Endpoint, connector: Connector) -> Iterator[Observation]:
    """Say which library the driver loads, where it has one that can be in several places."""
    if isinstance(connector, Located):
        yield fine("driver.library", f"{endpoint.driver} loads {connector.library(endpoint)}")


def ca_file(config: DatabaseConfig, endpoint: Endpoint, now: datetime) -> Iterator[Finding]:
    """Look at how long the CAs are valid; of a bundle the last one counts."""
    path = endpoint.tls.ca_file
    if path is None:
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=path)
    # a certificate that is no CA is not listed: it is trusted by itself, and is looked at as the server's
    ends = [datetime.fromtimestamp(ssl.cert_time_to_seconds(str(ca["notAfter"])), UTC) for ca in context.get_ca_certs()]
    if ends:
        yield Finding.of(config.service or "", judge_ca(path, ends, now), file=path)


def judge_ca(path: str, ends: Iterable[datetime], now: datetime) -> Observation:
    """Judge when the CAs of a file expire."""
    found = sorted(ends)
    whose = "the CA" if len(found) == 1 else f"the last of {len(found)} CAs"
    hint = "put the server's new CA beside the old one in the file that DATABASE_SSL_CA names"
    return graded(by_days(found[-1], now), "tls.ca", f"{whose} in {path} {expiry(found[-1], now)}", hint=hint)


def expiry(end: datetime, now: datetime) -> str:
    """Word when something expires."""
    if end <= now:
        return f"expired on {end:%Y-%m-%d}"
    return f"expires in {(end - now).days} days, on {end:%Y-%m-%d}"


def by_days(end: datetime, now: datetime) -> Verdict:
    """Judge the days that are left."""
    days = (end - now).days
    if days < LATE_DAYS:
        return Verdict.PROBLEM
    return Verdict.ADVICE if days < SOON_DAYS else Verdict.OK
