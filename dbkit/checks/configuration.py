"""Whether configurations can be used: every value of them without a network, and on request by connecting."""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dbkit.backends import get_backend
from dbkit.backends.observing import advice, fine, problem
from dbkit.backends.protocol import Observation, Verdict
from dbkit.checks.findings import Finding, FindingsResult, ServiceFindings
from dbkit.checks.server import opened
from dbkit.checks.settings import UNKNOWN_HINT, secret_files
from dbkit.config.explain import Explanation, explain
from dbkit.errors import ConfigurationError, DbkitError, ExitCode, MissingDriverError, gravest

if TYPE_CHECKING:
    from dbkit.config import DatabaseConfig
    from dbkit.project import Project

COMMAND: Final = "config check"
HINT: Final = "dbkit config explain shows every value and where it came from"


def check_configuration(
    project: Project, services: Sequence[str] = (), *, connecting: bool = False, options: Collection[str] = ()
) -> FindingsResult:
    """Validate the configuration of services (none: all); writes nothing.

    Args:
        project: whose.
        services: by name.
        connecting: also log in: with the service's account, that of migrations, and the asynchronous driver where it is installed.
        options: variables of command-line options, which are not unknown.

    Returns:
        The findings; what cannot be used stops a service with 2, what cannot be reached with 3.

    Raises:
        UnknownServiceError: a name is no service's.
    """
    began = time.monotonic()
    found = tuple(_Check(project, name, options).made(connecting=connecting) for name in project.select(services))
    return FindingsResult(command=COMMAND, services=found, seconds=time.monotonic() - began)


class _Check:
    """The findings at one service, while they are made."""

    def __init__(self, project: Project, name: str, options: Collection[str]) -> None:
        self.project = project
        self.name = name
        self.explanation = explain(
            project.settings, name, environ=os.environ, overrides=project.overrides, options=options
        )
        self.findings: list[Finding] = []
        self.codes: list[ExitCode] = [self.explanation.exit_code]

    def made(self, *, connecting: bool) -> ServiceFindings:
        began = time.monotonic()
        self._see(_values(self.explanation))
        if not self.explanation.refused:
            config = self.project.config(self.name)
            self._see(_protection(config, self.explanation))
            self.findings.extend(map(_as_advice, secret_files(config, config.endpoint())))
            self._try("settings.password_provider", lambda: _provider(config))
            self._try("settings.name", lambda: _name(config))
            self._see(_drivers(self.explanation))
            if connecting:
                self._connect(config)
        return self._result(time.monotonic() - began)

    def _connect(self, config: DatabaseConfig) -> None:
        if any(code is not ExitCode.OK for code in self.codes):
            return  # it would fail for the same reason
        self._try("connection.service", lambda: _log_in(config, "connection.service"))
        answered = len(self.codes)
        if config.migration_user is not None:
            owner = config.for_migrations()
            self._try("connection.migrations", lambda: _log_in(owner, "connection.migrations"))
        installed = any(item.kind == "async" and item.error is None for item in self.explanation.engines)
        # where the server is not there or refuses the account, asking again only counts towards locking it
        if installed and ExitCode.UNREACHABLE not in self.codes[:answered]:
            self._try("connection.async", lambda: _log_in_async(config))

    def _try(self, check: str, part: Callable[[], Iterator[Observation]]) -> None:
        """Note what a part sees; its error is a finding too."""
        try:
            self._see(part())
        except DbkitError as error:
            self.codes.append(error.exit_code)
            self._see([problem(check, error.message, error.hint or "run it again with --debug")])

    def _see(self, seen: Iterator[Observation] | list[Observation]) -> None:
        self.findings.extend(Finding.of(self.name, one) for one in seen)

    def _result(self, seconds: float) -> ServiceFindings:
        found = self.explanation
        first = next((item for item in self.findings if item.verdict is Verdict.PROBLEM), None)
        return ServiceFindings(
            service=self.name,
            backend=found.backend,
            host=found.host,
            database=found.database,
            user=found.user,
            refused=found.refused,
            findings=tuple(self.findings),
            stopped=gravest(self.codes),
            error=None if first is None else first.message,
            hint=None if first is None else first.hint,
            seconds=seconds,
        )


def _values(found: Explanation) -> Iterator[Observation]:
    for error in found.errors:
        if not isinstance(error, MissingDriverError):
            yield problem("settings.values", error.message, error.hint or HINT)
    if not found.refused:
        many = sum(value.source.kind != "default" for value in found.values)
        yield fine("settings.values", f"every value can be used; {many} of them set, the others by default")
    strange = [name for name in found.unknown if not any(repr(name) in error.message for error in found.errors)]
    if strange:
        yield advice("settings.unknown", f"nothing reads {', '.join(strange)}", UNKNOWN_HINT)
    for value in found.values:
        # in a project's file they are templates, for whichever backend
        template = value.source.kind == "file" and value.field in {"database", "sqlite_path"}
        if value.unused is not None and value.source.kind != "default" and not template:
            said = f"{value.source.name} is set and not used: {value.unused}"
            yield advice("settings.unused", said, "leave it out, or set it for the services that need it")


def _protection(config: DatabaseConfig, found: Explanation) -> Iterator[Observation]:
    shown = found.protection
    if shown is None or (config.host is None and config.socket is None):
        return
    if config.tls == "verify" or config.socket is not None:
        by = f", by {shown.ca_file} ({shown.ca_found})" if shown.ca_file else ""
        yield fine("tls.mode", f"{shown.meaning}{by}")
    else:
        said = f"DATABASE_TLS is {config.tls!r}: {shown.meaning}"
        yield advice("tls.mode", said, "name the server's CA in DATABASE_SSL_CA, and leave DATABASE_TLS out")
    if shown.cert_file is not None:
        yield fine("tls.certificate", f"{shown.cert_file} and its key belong together")


def _as_advice(found: Finding) -> Finding:
    """Take what the doctor judges more strictly in production as what can be better: it works."""
    return replace(found, verdict=Verdict.ADVICE) if found.verdict is Verdict.PROBLEM else found


def _provider(config: DatabaseConfig) -> Iterator[Observation]:
    if config.password_provider is None:
        return
    from dbkit.config.passwords import load_provider

    check = "settings.password_provider"
    if inspect.iscoroutinefunction(load_provider(config.password_provider, config.root)):
        said = (
            f"{config.password_provider} is asynchronous: only asynchronous engines can ask it, and migrations cannot"
        )
        yield advice(check, said, "name a plain function, which both kinds of engine take")
    else:
        yield fine(check, f"{config.password_provider} can be called")


def _name(config: DatabaseConfig) -> Iterator[Observation]:
    backend = get_backend(config.backend)
    if config.database is None or backend.traits.file_based:
        return
    reason = backend.ddl.refuse_name(config.database)
    if reason is not None:
        raise ConfigurationError(
            f"{config.database!r} cannot be a database's name: {reason}", hint="choose another one in DATABASE_NAME"
        )
    yield fine("settings.name", f"{config.database!r} can be a database's name")


def _drivers(found: Explanation) -> Iterator[Observation]:
    wanted = {error.message for error in found.errors}
    for item in found.engines:
        if item.error is None:
            yield fine(f"driver.{item.kind}", f"{item.driver} is installed")
        elif item.error.message in wanted:
            yield problem(f"driver.{item.kind}", item.error.message, item.error.hint or HINT)
        else:
            yield fine(
                f"driver.{item.kind}", f"{item.driver} is not there, and nobody asked for it ({item.error.hint})"
            )


def _log_in(config: DatabaseConfig, check: str) -> Iterator[Observation]:
    began = time.monotonic()
    with opened(config):
        yield fine(check, f"{_who(config)} by {config.driver_of('sync')} in {time.monotonic() - began:.3f} s")


def _log_in_async(config: DatabaseConfig) -> Iterator[Observation]:
    began = time.monotonic()
    asyncio.run(_opened_async(config))
    said = f"{_who(config)} by {config.driver_of('async')} in {time.monotonic() - began:.3f} s"
    yield fine("connection.async", said)


async def _opened_async(config: DatabaseConfig) -> None:
    """Connect and let go again. Raises what `opened` raises."""
    import sqlalchemy as sa
    from sqlalchemy.pool import NullPool

    from dbkit.config.connect import explain as worded

    options = get_backend(config.backend).examiner.reading(config.endpoint(asynchronous=True))
    engine = replace(config, query={**config.query, **options}).create_async_engine(poolclass=NullPool)
    try:
        async with engine.connect():
            pass
    except sa.exc.DBAPIError as error:
        raise worded(config, error) from error
    finally:
        await engine.dispose()


def _who(config: DatabaseConfig) -> str:
    place = config.address or "the file"
    return f"connected to {place}{f' as {config.user}' if config.user else ''}"
