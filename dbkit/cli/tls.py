"""`dbkit tls prove` and `dbkit tls show`: what protects connections, attacked and seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbkit.cli import _diagnostics, _output, _progress, _project
from dbkit.cli._options import Debug, Format, Service, Services, command, format_option, group, option, read_option
from dbkit.errors import ExitCode

if TYPE_CHECKING:
    from dbkit.checks.certificates import Certificate, ServerTls
    from dbkit.config import DatabaseConfig

SCHEMA_VERSION = 1


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    tls = group(app, "tls", help="What protects connections.")
    command(tls, "prove", example="dbkit tls prove user --all-drivers")(prove)
    command(tls, "show", example="dbkit tls show user")(show)


def prove(
    services: Services = None,
    all_drivers: Annotated[
        bool,
        option("tls prove", "--all-drivers", help="Attack every driver of the backend, not only the service's own."),
    ] = False,
    format: Annotated[Format, format_option("tls prove")] = Format.TABLE,  # noqa: A002 - the flag's name
    debug: Debug = False,
) -> None:
    """Attack the connections that services make. Impostors on this machine do; 4 where a credential leaves."""
    from dbkit.cli import _attacks
    from dbkit.testing.proof import prove_services

    project = _project.find(services)
    with _progress.counting("attacks") as on_trial:
        found = prove_services(project, services or (), all_drivers=all_drivers, on_trial=on_trial)
    _attacks.errors(found)
    if format is Format.JSON:
        _output.document(found.to_json())
    else:
        _attacks.tables(found)
    raise typer.Exit(found.exit_code)


def _days(text: str) -> int:
    found = int(text)
    if found < 0:
        raise ValueError
    return found


def show(
    service: Service,
    days: Annotated[
        int,
        read_option(
            "tls show",
            "--days",
            read=_days,
            takes="a whole number of days, 0 or more",
            metavar="N",
            help="Exit with 4 where a certificate of the chain expires within so many days.",
        ),
    ] = 14,
    format: Annotated[Format, format_option("tls show")] = Format.TABLE,  # noqa: A002 - the flag's name
    debug: Debug = False,
) -> None:
    """Connect, and show what the server presents. The chain, version, cipher, and the days that are left."""
    from dbkit.checks.certificates import read_certificate

    config = _project.find([service]).config(service)
    found = read_certificate(config)
    left = None if found is None else found.days_left()
    code = ExitCode.DIFFERENT if left is not None and left < days else ExitCode.OK
    if format is Format.JSON:
        _output.document(_document(config, found, code))
    else:
        _show(config, found)
    if code is not ExitCode.OK:
        _diagnostics.error(
            f"{service}: a certificate expires in {left} days",
            hint="renew it; --days says from when on this is an error",
        )
    raise typer.Exit(code)


def _document(config: DatabaseConfig, found: ServerTls | None, code: ExitCode) -> dict[str, Any]:
    place = {"service": config.service, "backend": config.backend, "host": config.address, "exit_code": int(code)}
    head: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "command": "tls show", **place}
    if found is None:
        return head | {"encrypted": False}
    return head | {
        "encrypted": True,
        "version": found.version,
        "cipher": found.cipher,
        "verified": found.verified,
        "ca_file": found.ca_file,
        "days_left": found.days_left(),
        "chain": [item.to_json() for item in found.chain],
    }


def _show(config: DatabaseConfig, found: ServerTls | None) -> None:
    from dbkit.backends import get_backend

    title = get_backend(config.backend).traits.title
    if found is None:
        _output.line(f"{config.service}: the connection to {title} is not protected by TLS, {_reason(config)}")
        return
    _output.line(_output.strong(f"{config.service}: {title} at {config.address}"))
    checked = "certificate and host name" if found.verified else "certificate" if found.ca_file else "nothing"
    by = f", by the CAs of {found.ca_file}" if found.ca_file else ""
    _output.line(f"{found.version}, {found.cipher}")
    _output.line(f"verified: {checked}{by}")
    headers = ("certificate of", "names", "from", "until", "days left", "issued by")
    _output.table(headers, [_row(item) for item in found.chain])
    for item in found.chain:
        _output.line(f"SHA-256 of {item.subject}: {item.fingerprint}")


def _reason(config: DatabaseConfig) -> str:
    if config.socket is not None:
        return "and a Unix socket needs none"
    return "and a file needs none" if config.host is None else f"as DATABASE_TLS={config.tls} allows"


def _row(item: Certificate) -> tuple[str, ...]:
    dates = (f"{item.not_before:%Y-%m-%d}", f"{item.not_after:%Y-%m-%d}", str(item.days_left()))
    return (item.subject, ", ".join(item.names) or "-", *dates, item.issuer)
