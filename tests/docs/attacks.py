"""The tables of attacks in docs/explanation/tls.md, written by the proof itself. Run as `python -m tests.docs.attacks` or `make docs`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from dbkit.backends import get_backend
from dbkit.config import DatabaseConfig
from dbkit.testing.impostor import Handed
from dbkit.testing.proof import Arena, arena, prove_in, prove_url_in
from dbkit.testing.verdicts import Attack, Outcome, Proof, Store, Trial, Way

PAGE = Path(__file__).parent.parent.parent / "docs/explanation/tls.md"

# One member stands for the MySQL family, whose drivers are the same.
BACKENDS = ("tidb", "postgresql", "mssql")

# What guides, READMEs and defaults have people write.
ELSEWHERE: tuple[tuple[Literal["sync", "async"], str], ...] = (
    ("sync", "mysql+pymysql://u:{password}@{host}:{port}/d"),
    (
        "sync",
        "mysql+pymysql://u:{password}@{host}:{port}/d?ssl_ca={ca}&ssl_verify_cert=true&ssl_verify_identity=true",
    ),
    ("sync", "mysql+pymysql://u:{password}@{host}:{port}/d?ssl_verify_cert=true&ssl_verify_identity=true"),
    ("sync", "mysql+pymysql://u:{password}@{host}:{port}/d?ssl_ca={ca}&ssl_check_hostname=true"),
    ("async", "mysql+asyncmy://u:{password}@{host}:{port}/d"),
    ("async", "mysql+asyncmy://u:{password}@{host}:{port}/d?ssl_ca={ca}"),
    ("sync", "postgresql+psycopg2://u:{password}@{host}:{port}/d"),
    ("sync", "postgresql+psycopg2://u:{password}@{host}:{port}/d?sslmode=require"),
    ("sync", "postgresql+psycopg2://u:{password}@{host}:{port}/d?sslmode=verify-ca&sslrootcert={ca}"),
    ("sync", "postgresql+psycopg2://u:{password}@{host}:{port}/d?sslmode=verify-full&sslrootcert={ca}"),
    ("async", "postgresql+asyncpg://u:{password}@{host}:{port}/d"),
    ("async", "postgresql+asyncpg://u:{password}@{host}:{port}/d?ssl=require"),
)

COLUMNS = {
    Attack.CONTROL: "nothing wrong",
    Attack.UNTRUSTED_CA: "untrusted CA",
    Attack.OTHER_HOST: "another host",
    Attack.EXPIRED: "expired",
    Attack.NO_TLS: "no TLS",
    Attack.CLEAR_TEXT: "no TLS, asks for the password",
    Attack.CLEAR_TEXT_VERIFIED: "proves itself, asks for the password",
}
STORES = {Store.FILE: "file", Store.SYSTEM: "system"}


def proofs_of_ours(found: Arena) -> dict[str, Proof]:
    """Attack all drivers of dbkit."""
    return {
        name: prove_in(
            found, DatabaseConfig(backend=name, host="db.example.com", user="u", database="d"), all_drivers=True
        )
        for name in BACKENDS
    }


def proofs_elsewhere(found: Arena) -> dict[str, Proof]:
    """Attack the URLs that people write."""
    return {template: prove_url_in(found, template, kind=kind) for kind, template in ELSEWHERE}


def ours(proofs: dict[str, Proof]) -> str:
    """Write the table of dbkit's own clients."""
    lines = [*_head("database", "driver", "client", "CA from")]
    for backend, proof in proofs.items():
        lines += _of(backend, proof)
    return "\n".join(lines)


def _of(backend: str, proof: Proof) -> Iterator[str]:
    """Write the rows of one backend's clients."""
    traits = get_backend(backend).traits
    title = "MySQL family" if traits.wire == "mysql" else traits.title
    for trials in _clients(proof.trials):
        asynchronous = trials[0].kind == "async"
        engine = "`create_async_engine()`" if asynchronous else "`create_engine()`"
        client = engine if trials[0].way is Way.ENGINE else "`url()`"
        yield from _rows(trials, title, trials[0].driver + (" (async)" if asynchronous else ""), client)


def elsewhere(proofs: dict[str, Proof]) -> str:
    """Write the table of URLs that people write."""
    lines = [*_head("driver", "options of the URL", "CA from")]
    for template, proof in proofs.items():
        options = template.partition("?")[2].replace("{ca}", "…")
        words = [f"`{option}`" for option in options.split("&") if option]
        lines += _rows(proof.trials, proof.trials[0].driver, " ".join(words) or "none")
    return "\n".join(lines)


def _head(*columns: str) -> Iterator[str]:
    names = [*columns, *COLUMNS.values()]
    yield f"| {' | '.join(names)} |"
    yield "|" + "---|" * len(names)


def _clients(trials: Iterable[Trial]) -> Iterator[list[Trial]]:
    found: dict[tuple[str, str, Way], list[Trial]] = {}
    for trial in trials:
        found.setdefault((trial.driver, trial.kind, trial.way), []).append(trial)
    yield from found.values()


def _rows(trials: Iterable[Trial], *head: str) -> Iterator[str]:
    """Write a row per place of the CA, or one for both where they come to the same."""
    rows: dict[tuple[str, ...], list[str]] = {}
    found = list(trials)
    for store in Store:
        cells = {trial.attack: _cell(trial) for trial in found if trial.store is store}
        if cells:
            rows.setdefault(tuple(cells[attack] for attack in Attack), []).append(STORES[store])
    for row, stores in rows.items():
        yield f"| {' | '.join([*head, ', '.join(stores), *row])} |"


def _cell(trial: Trial) -> str:
    if trial.outcome is Outcome.LEAKED:
        what = "password" if trial.handed is Handed.PASSWORD else "log-in"
        return f"**{what} {'in clear' if trial.seen.in_clear else 'over TLS'}**"
    return {
        Outcome.ARRIVED: "log-in over TLS",
        Outcome.GIVEN: "password over TLS",
        Outcome.UNPROVED: "no log-in",
    }.get(trial.outcome, trial.outcome.replace("-", " "))


def put(page: str, name: str, table: str) -> str:
    """Replace what stands between the marks of a table."""
    pattern = rf"(<!-- {name}: written by `make docs` -->\n).*?(<!-- end of {name} -->)"
    return re.sub(pattern, lambda found: f"{found[1]}\n{table}\n\n{found[2]}", page, flags=re.DOTALL)


def main() -> None:
    """Write both tables anew."""
    page = PAGE.read_text(encoding="utf-8")
    with arena() as found:
        page = put(page, "our attacks", ours(proofs_of_ours(found)))
        page = put(page, "attacks elsewhere", elsewhere(proofs_elsewhere(found)))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
