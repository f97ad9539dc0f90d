"""What can be said of a service's server by asking it: reach, latency, TLS, rights, and what its examiner sees."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from dbkit.backends import get_backend
from dbkit.backends.observing import advice, fine, graded, problem
from dbkit.backends.protocol import Fault, Grant, GrantPlace, Observation, Role, Verdict
from dbkit.checks.settings import by_days, expiry
from dbkit.config.redact import redact
from dbkit.errors import DatabaseMissingError, DbkitError
from dbkit.migrations.databases import database_name, exists

if TYPE_CHECKING:
    import sqlalchemy as sa

    from dbkit.checks.certificates import ServerTls
    from dbkit.config import DatabaseConfig
    from dbkit.revisions.layout import Layout

ROUND_TRIPS: Final = 10
# A request of a service makes a few dozen of them.
SLOW_MS: Final = 20.0


@contextmanager
def opened(config: DatabaseConfig) -> Iterator[sa.Connection]:
    """Connect to the service's database in a way that makes nothing: no file, no folder, no change of a journal.

    Raises:
        ConfigurationError: as in `connect`.
        UnreachableError: as in `connect`; of a file, also where it is not there.
    """
    from dbkit.config.connect import connect

    backend = get_backend(config.backend)
    if backend.traits.file_based and not exists(config):
        raise DatabaseMissingError(f"there is no database {database_name(config)!r} yet", hint="dbkit migrate makes it")
    options = backend.examiner.reading(config.endpoint())
    with connect(replace(config, query={**config.query, **options})) as connection:
        yield connection


def version(config: DatabaseConfig, connection: sa.Connection) -> str:
    """Tell the server's version in its own counting."""
    connector = get_backend(config.backend).connector(config.endpoint().driver)
    driver = connection.connection.dbapi_connection
    assert driver is not None  # noqa: S101 - it has just been connected
    return ".".join(map(str, connector.facts(driver).version))


def guarded(
    config: DatabaseConfig, connection: sa.Connection, *, check: str, part: Iterator[Observation]
) -> Iterator[Observation]:
    """Pass on what is seen; what the server refuses to tell is an observation too, and the visit goes on.

    Raises:
        UnreachableError: the connection was lost.
    """
    from sqlalchemy.exc import DBAPIError

    from dbkit.config.connect import explain

    try:
        yield from part
        connection.rollback()
    except DBAPIError as error:
        errors = get_backend(config.backend).errors
        if errors.fault(error) in {Fault.CONNECTION_LOST, Fault.UNREACHABLE} or error.connection_invalidated:
            raise explain(config, error) from None
        connection.rollback()
        said = f"this could not be looked at to its end: {redact(errors.message(error))}"
        yield advice(check, said, "give the account the right to look, or look with another one")


def latency(connection: sa.Connection, *, timer: Callable[[], float] = time.perf_counter) -> Iterator[Observation]:
    """Measure what a round trip takes; the first is not counted."""
    connection.exec_driver_sql("SELECT 1").scalar_one()
    found_ms = []
    for _ in range(ROUND_TRIPS):
        began = timer()
        connection.exec_driver_sql("SELECT 1").scalar_one()
        found_ms.append((timer() - began) * 1000)
    yield judge_latency(found_ms)


def judge_latency(found_ms: list[float]) -> Observation:
    """Judge round trips, in milliseconds."""
    median_ms, worst_ms = statistics.median(found_ms), max(found_ms)
    said = f"a round trip takes {median_ms:.1f} ms (median of {len(found_ms)}; the worst {worst_ms:.1f} ms)"
    verdict = Verdict.ADVICE if median_ms > SLOW_MS else Verdict.OK
    hint = "run the service near its database: every statement waits so long"
    return graded(verdict, "connection.latency", said, hint=hint)


def second_connection(
    config: DatabaseConfig, connection: sa.Connection, *, timer: Callable[[], float] = time.perf_counter
) -> Iterator[Observation]:
    """Measure what a new connection takes beside the one that is there, as a pool makes it; the driver is loaded already."""
    from sqlalchemy.exc import DBAPIError

    began = timer()
    try:
        connection.engine.connect().close()
    except DBAPIError as error:
        said = f"a second connection is refused: {redact(get_backend(config.backend).errors.message(error))}"
        yield problem("connection.second", said, "raise the limit of connections of the account, database or server")
    else:
        yield fine("connection.second", f"a second connection takes {(timer() - began) * 1000:.0f} ms to make")


def rights(
    config: DatabaseConfig, connection: sa.Connection, *, layout: Layout | None, role: Role = Role.SERVICE
) -> Iterator[Observation]:
    """Look at what the account may do; where one account does both, what a migration needs is advice.

    Args:
        config: of the account.
        connection: of the account.
        layout: where the service's version table is, if that is known.
        role: what the account is for.
    """
    if config.user is None:
        return  # the operating system says who it is: there is no name to grant to
    from dbkit.checks.grants import grant_place

    table, schema = (layout.version_table, layout.version_schema) if layout else (None, None)
    place = grant_place(config, version_table=table, version_schema=schema)
    missing = _missing(config, connection, place=place, role=role)
    for grant in missing:
        said = f"{place.account(role)!r} lacks a right for {grant.purpose}"
        yield problem(f"rights.{role.value}", said, f"{grant.sql};")
    if not missing:
        yield _enough(place, role)
    if place.service_account == place.migration_account and role is Role.SERVICE:
        beyond = _missing(config, connection, place=place, role=Role.MIGRATION)
        yield from _may_migrate(beyond, place, production=config.environment == "production")


def _missing(config: DatabaseConfig, connection: sa.Connection, *, place: GrantPlace, role: Role) -> list[Grant]:
    found = get_backend(config.backend).grants.missing(connection, place, role)
    return [grant for grant in found if grant.only_for is None]  # the database is there already


def _enough(place: GrantPlace, role: Role) -> Observation:
    may = "read and write rows" if role is Role.SERVICE else "change the schema"
    return fine(f"rights.{role.value}", f"{place.account(role)!r} may {may}")


def _may_migrate(missing: list[Grant], place: GrantPlace, *, production: bool) -> Iterator[Observation]:
    """Judge a service's own account; whether migrations have another one elsewhere cannot be seen from here."""
    if missing:
        grants = " ".join(f"{grant.sql};" for grant in missing)
        hint = f"that is right where migrations log in as DATABASE_MIGRATION_USER; else: {grants}"
        yield advice("rights.migration", f"{place.service_account!r} lacks rights that migrations need", hint)
        return
    yield _enough(place, Role.MIGRATION)
    if production:
        said = f"{place.service_account!r} is also the account that migrates: the service may change its schema"
        hint = "set DATABASE_MIGRATION_USER where migrations run, and give the service fewer rights: dbkit grants"
        yield advice("rights.account", said, hint)


def protection(config: DatabaseConfig, now: datetime) -> Iterator[Observation]:
    """Look at the server's certificate and how the connection is encrypted."""
    if config.endpoint().tls.mode == "off":
        yield _in_clear(config)
        return
    from dbkit.checks.certificates import read_certificate

    try:
        found = read_certificate(config)
    except DbkitError as error:
        yield advice("tls.certificate", error.message, error.hint or "dbkit tls show tells more")
        return
    if found is None:
        return
    yield from judge_tls(found, config.tls, now)


def judge_tls(found: ServerTls, mode: str, now: datetime) -> Iterator[Observation]:
    """Judge what the server presented, under a DATABASE_TLS of this mode."""
    end = min(item.not_after for item in found.chain)
    said = f"{found.version} with {found.cipher}; the certificate of {found.certificate.subject} {expiry(end, now)}"
    yield graded(by_days(end, now), "tls.certificate", said, hint="renew it on the server")
    if not found.verified:
        said = f"the certificate is not fully verified (DATABASE_TLS={mode}): others can pose as the server"
        yield advice("tls.verification", said, _VERIFY)


_VERIFY: Final = "set DATABASE_TLS=verify, with the server's CA in DATABASE_SSL_CA"


def _in_clear(config: DatabaseConfig) -> Observation:
    if config.socket is not None or config.tls == "insecure-loopback":
        return fine("tls.certificate", "no TLS: the connection does not leave this machine")
    said = f"no TLS (DATABASE_TLS={config.tls}): whoever is on the way reads and changes what is sent"
    return advice("tls.certificate", said, _VERIFY)


def judge_accounts(config: DatabaseConfig) -> Iterator[Observation]:
    """Judge whether the account that is named for migrations is another one than the service's."""
    if config.migration_user is not None and config.migration_user == config.user:
        yield advice(
            "rights.account",
            f"DATABASE_MIGRATION_USER is {config.user!r}, the service's own account",
            "give migrations an account of their own: dbkit grants words the statements",
        )


def migration_account(config: DatabaseConfig, *, layout: Layout | None) -> Iterator[Observation]:
    """Log in as the account that changes the schema, where there is one, and look at its rights."""
    yield from judge_accounts(config)
    if config.migration_user is None:
        return
    migrating = config.for_migrations()
    try:
        with opened(migrating) as connection:
            part = rights(migrating, connection, layout=layout, role=Role.MIGRATION)
            yield from guarded(migrating, connection, check="rights.migration", part=part)
    except DbkitError as error:
        yield problem("rights.migration", error.message, error.hint or "check DATABASE_MIGRATION_USER")
