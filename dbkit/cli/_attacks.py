"""How the proof of TLS is shown: a table for each driver, and what is wrong in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from dbkit.cli import _diagnostics, _output
from dbkit.errors import ExitCode
from dbkit.testing.impostor import Handed
from dbkit.testing.verdicts import Attack, Outcome, Store, Way

if TYPE_CHECKING:
    from dbkit.testing.verdicts import Proof, Proofs, Trial

_ATTACKS: Final = {
    Attack.CONTROL: "does nothing wrong (the control)",
    Attack.UNTRUSTED_CA: "has a certificate of an untrusted CA",
    Attack.OTHER_HOST: "has a certificate of another host",
    Attack.EXPIRED: "has an expired certificate",
    Attack.NO_TLS: "offers no TLS",
    Attack.CLEAR_TEXT: "offers no TLS, asks for the password",
    Attack.CLEAR_TEXT_VERIFIED: "proves itself, asks for the password",
}
_WAYS: Final = {Way.ENGINE: "engine", Way.URL: "URL"}
_STORES: Final = {Store.FILE: "CA file", Store.SYSTEM: "system's CAs"}
_HANDED: Final = {Handed.LOG_IN: "log-in", Handed.HASH: "log-in", Handed.PASSWORD: "password"}


def tables(found: Proofs) -> None:
    """Write what became of every attack, and last what is wrong."""
    if any(proof.trials for proof in found.services):
        _output.line(
            "Impostors on this machine took the servers' place, and a canary the password's.\n"
            "Numbers are bytes that clients sent: in clear + over TLS."
        )
    for proof in found.services:
        _service(proof)


def errors(found: Proofs) -> None:
    """Write to stderr what is wrong with each service, and what to do."""
    for proof in found.services:
        if proof.error is not None:
            _diagnostics.error(f"{proof.service}: {proof.error}", proof.hint)
        elif proof.exit_code is not ExitCode.OK:
            _diagnostics.error(f"{proof.service}: {_summary(proof)}", _hint(proof))


def _service(proof: Proof) -> None:
    if proof.error is not None:
        return
    if proof.note is not None:
        _output.line(f"{proof.service}: nothing to prove: {proof.note}")
        return
    for driver, kind in dict.fromkeys((trial.driver, trial.kind) for trial in proof.trials):
        _driver(proof, [trial for trial in proof.trials if (trial.driver, trial.kind) == (driver, kind)])
    _output.line("")
    for finding in proof.findings():
        _output.line(f"{proof.service}: {finding}")
    _output.line(f"{proof.service}: {_summary(proof)}")


def _driver(proof: Proof, trials: list[Trial]) -> None:
    from dbkit.backends import get_backend

    first = trials[0]
    kind = " (async)" if first.kind == "async" else ""
    head = f"{proof.service}: {get_backend(proof.backend or '').traits.title} by {first.driver}{kind}"
    _output.line("")
    if all(trial.outcome is Outcome.NOT_INSTALLED for trial in trials):
        _output.line(f"{head}: not installed: {first.said}")
        return
    _output.line(_output.strong(head))
    columns = dict(_columns(trials))
    _output.table(("the impostor", *columns), list(zip(_ATTACKS.values(), *columns.values(), strict=True)))
    for line in _declined(trials):
        _output.line(line)


def _columns(trials: Iterable[Trial]) -> Iterable[tuple[str, list[str]]]:
    """Give a column for each way and place of the CA; one for both places where they make no difference."""
    cells = {(trial.way, trial.store, trial.attack): _cell(trial) for trial in trials}
    for way in dict.fromkeys(way for way, _, _ in cells):
        found = {
            store: [cells[way, store, attack] for attack in _ATTACKS]
            for store in Store
            if (way, store, Attack.CONTROL) in cells
        }
        first, *others = found.values()
        if others and all(other == first for other in others):
            yield f"{_WAYS[way]}, {' or '.join(_STORES[store] for store in found)}", first
        else:
            yield from ((f"{_WAYS[way]}, {_STORES[store]}", column) for store, column in found.items())


def _cell(trial: Trial) -> str:
    """Word an outcome with the bytes that were sent."""
    sent = f"{trial.seen.clear_bytes}+{trial.seen.tls_bytes}"
    match trial.outcome:
        case Outcome.ARRIVED:
            return f"log-in over TLS {sent}"
        case Outcome.GIVEN:
            return f"password over TLS {sent}"
        case Outcome.LEAKED:
            return f"LEFT: {_HANDED[trial.handed]} {sent}"
        case Outcome.UNPROVED:
            return f"UNPROVED {sent}"
        case Outcome.REFUSED:
            return f"refused {sent}"
        case _:
            return trial.outcome.replace("-", " ")


def _declined(trials: Iterable[Trial]) -> Iterable[str]:
    """Say why clients were not made, each reason once."""
    silent = {Outcome.DECLINED, Outcome.NOT_INSTALLED}
    said = {(_WAYS[trial.way], trial.outcome, trial.said) for trial in trials if trial.outcome in silent}
    return sorted(f"{way}: {outcome.replace('-', ' ')}: {text}" for way, outcome, text in said)


def _summary(proof: Proof) -> str:
    leaks, unproved = len(proof.leaks), len(list(proof.findings())) - len(proof.leaks)
    words = "no credential left" if leaks == 0 else f"a credential left in {leaks} of them"
    return f"{len(proof.trials)} attacks in {proof.seconds:.1f} s: {words}, {unproved or 'nothing'} unproved"


def _hint(proof: Proof) -> str:
    if proof.leaks:
        return "set DATABASE_TLS=verify; `--format json` has what each client said and each impostor saw"
    return "the client's own words say why no log-in arrived; `--format json` has all of them"
