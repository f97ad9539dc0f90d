"""The attacks on a client, what each outcome means, and the verdict over all of them. Nothing here touches a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal

from dbkit.errors import ExitCode, gravest
from dbkit.testing.impostor import Handed, Seen

SCHEMA_VERSION: Final = 1


class Way(StrEnum):
    """How the client is made."""

    ENGINE = "engine"
    """`create_engine()` or `create_async_engine()` of the configuration."""
    URL = "url"
    """The text of a URL under SQLAlchemy's own, with nothing of dbkit beside it."""


class Store(StrEnum):
    """Where the client has the trusted CA from."""

    FILE = "file"
    SYSTEM = "system"
    """The system's store, which SSL_CERT_FILE replaces."""


class Attack(StrEnum):
    """What the impostor does."""

    CONTROL = "control"
    """Nothing wrong: trusted CA, right host. The log-in must arrive over TLS, or the other outcomes mean nothing."""
    UNTRUSTED_CA = "untrusted-ca"
    OTHER_HOST = "other-host"
    EXPIRED = "expired"
    NO_TLS = "no-tls"
    """It says that it has no TLS, as a man in the middle does who strips it."""
    CLEAR_TEXT = "clear-text"
    """It says that it has no TLS, and asks for the password in clear text."""
    CLEAR_TEXT_VERIFIED = "clear-text-verified"
    """It asks for the password in clear text over TLS that was verified: the server itself, wanting more than it needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What an impostor presents for an attack."""

    certificate: Literal["right", "stranger", "elsewhere", "expired"] | None
    asks_clear: bool = False


STAGES: Final[Mapping[Attack, Stage]] = {
    Attack.CONTROL: Stage(certificate="right"),
    Attack.UNTRUSTED_CA: Stage(certificate="stranger"),
    Attack.OTHER_HOST: Stage(certificate="elsewhere"),
    Attack.EXPIRED: Stage(certificate="expired"),
    Attack.NO_TLS: Stage(certificate=None),
    Attack.CLEAR_TEXT: Stage(certificate=None, asks_clear=True),
    Attack.CLEAR_TEXT_VERIFIED: Stage(certificate="right", asks_clear=True),
}


class Outcome(StrEnum):
    """How an attack ended."""

    ARRIVED = "arrived"
    """The control: the log-in came over TLS, and nothing of it in clear."""
    REFUSED = "refused"
    """The client connected and handed over nothing that it should not."""
    GIVEN = "given"
    """The password itself was given, to the server that was verified, and over TLS."""
    DECLINED = "declined"
    """dbkit refuses to make this client at all, and says why."""
    NOT_INSTALLED = "not-installed"
    UNPROVED = "unproved"
    """The control's log-in did not arrive, or the client never came: nothing is known."""
    LEAKED = "leaked"
    """A log-in, or more, was handed to somebody who did not prove to be the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What became of a client, in its own words; what it sent is the impostor's to say."""

    kind: Literal["connected", "failed", "declined", "missing", "lost"]
    """`missing`: the driver is not installed. `lost`: its process ended or hung."""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One attack on one client."""

    driver: str
    kind: Literal["sync", "async"]
    way: Way
    store: Store
    attack: Attack
    outcome: Outcome
    seen: Seen
    said: str
    """The client's error, or why it was not made."""

    @property
    def handed(self) -> Handed:
        """The gravest that was handed over."""
        return max(self.seen.in_clear, self.seen.over_tls)

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "driver": self.driver,
            "kind": self.kind,
            "way": self.way,
            "ca": self.store,
            "attack": self.attack,
            "outcome": self.outcome,
            "sent_in_clear": self.seen.in_clear.name.lower(),
            "sent_over_tls": self.seen.over_tls.name.lower(),
            "bytes_in_clear": self.seen.clear_bytes,
            "bytes_over_tls": self.seen.tls_bytes,
            "connections": self.seen.connections,
            "client_said": self.said or None,
            "impostor_saw": list(self.seen.ends),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What the attacks on one service's connections came to."""

    service: str
    backend: str | None = None
    host: str | None = None
    trials: tuple[Trial, ...] = ()
    note: str | None = None
    """Why there is nothing to prove."""
    seconds: float = 0.0
    error: str | None = None
    hint: str | None = None
    failed: ExitCode = ExitCode.OK

    @property
    def leaks(self) -> tuple[Trial, ...]:
        """List the trials in which a credential left."""
        return tuple(trial for trial in self.trials if trial.outcome is Outcome.LEAKED)

    @property
    def unproved(self) -> tuple[Trial, ...]:
        """List the trials that say nothing, because the control failed or the client never came."""
        return tuple(trial for trial in self.trials if trial.outcome is Outcome.UNPROVED)

    def findings(self) -> Iterator[str]:
        """Word what is wrong, a line each."""
        for trial in self.leaks:
            yield f"{_client(trial)}: {trial.attack}: {_sent(trial)}"
        for trial in self.unproved:
            yield f"{_client(trial)}: {trial.attack}: unproved: {_unproved(trial)}"
        for driver, kind in self._without_proof():
            yield f"{driver} ({kind}): unproved: no engine of it could be made"
        if self.trials and all(trial.outcome is Outcome.NOT_INSTALLED for trial in self.trials):
            yield "unproved: no driver is installed"

    @property
    def exit_code(self) -> ExitCode:
        """Give 4 where a credential left or something is unproved, 0 where all is refused and the controls arrived."""
        if self.failed is not ExitCode.OK:
            return self.failed
        return ExitCode.DIFFERENT if any(True for _ in self.findings()) else ExitCode.OK

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "service": self.service,
            "backend": self.backend,
            "host": self.host,
            "exit_code": int(self.exit_code),
            "error": self.error,
            "hint": self.hint,
            "note": self.note,
            "seconds": round(self.seconds, 3),
            "credentials_left": len(self.leaks),
            "findings": list(self.findings()),
            "trials": [trial.to_json() for trial in self.trials],
        }

    def _without_proof(self) -> Iterator[tuple[str, str]]:
        """Find the drivers of which no engine connected: those that were declined, and not loaded where they were not."""
        for pair in dict.fromkeys((trial.driver, trial.kind) for trial in self.trials):
            engines = [trial for trial in self.trials if (trial.driver, trial.kind) == pair and trial.way is Way.ENGINE]
            outcomes = {trial.outcome for trial in engines}
            if Outcome.DECLINED in outcomes and outcomes <= {Outcome.DECLINED, Outcome.NOT_INSTALLED}:
                yield pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """What the attacks on several services came to."""

    services: tuple[Proof, ...]

    @property
    def exit_code(self) -> ExitCode:
        """Give the gravest of the services'."""
        return gravest(proof.exit_code for proof in self.services)

    def to_json(self) -> dict[str, Any]:
        """Give the document of `--format json`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "command": "tls prove",
            "exit_code": int(self.exit_code),
            "services": [proof.to_json() for proof in self.services],
        }


def judge(attack: Attack, seen: Seen, said: Said) -> Outcome:
    """Decide how an attack ended, by what the impostor saw; the client's words count only where it never came."""
    if seen.in_clear > Handed.NOTHING:
        return Outcome.LEAKED
    if seen.connections == 0:
        return _NEVER_CAME.get(said.kind, Outcome.UNPROVED)
    came = seen.over_tls > Handed.NOTHING
    if attack is Attack.CONTROL:
        return Outcome.ARRIVED if came else Outcome.UNPROVED
    if attack is Attack.CLEAR_TEXT_VERIFIED:
        return _over_verified(seen)
    if came:
        return Outcome.LEAKED
    # a client that was lost may have been about to send
    return Outcome.UNPROVED if said.kind == "lost" else Outcome.REFUSED


_NEVER_CAME: Final = {"missing": Outcome.NOT_INSTALLED, "declined": Outcome.DECLINED}


def _over_verified(seen: Seen) -> Outcome:
    """Judge what the verified server was given: its due in any case, but a client may hold the password itself back."""
    if seen.over_tls is Handed.PASSWORD:
        return Outcome.GIVEN
    return Outcome.REFUSED if seen.over_tls > Handed.NOTHING else Outcome.UNPROVED


def _client(trial: Trial) -> str:
    made = "engine" if trial.way is Way.ENGINE else "URL"
    return f"{trial.driver} ({trial.kind}), {made}, CA from {_FROM[trial.store]}"


def _sent(trial: Trial) -> str:
    place = "in clear" if trial.seen.in_clear > Handed.NOTHING else "over TLS that was not verified"
    size = trial.seen.clear_bytes if trial.seen.in_clear > Handed.NOTHING else trial.seen.tls_bytes
    return f"{WORDS[trial.handed]} left {place} ({size} bytes)"


def _unproved(trial: Trial) -> str:
    if trial.seen.connections == 0:
        return f"the client never connected: {trial.said or 'it gave no reason'}"
    return f"no log-in arrived: {trial.said or 'the client gave no reason'}"


_FROM: Final = {Store.FILE: "a file", Store.SYSTEM: "the system's store"}
WORDS: Final = {
    Handed.NOTHING: "nothing",
    Handed.LOG_IN: "a log-in packet",
    Handed.HASH: "a hash of the password",
    Handed.PASSWORD: "the password itself",
}
