"""The proof of TLS: impostors attack the clients that a service would really make, and say what they were handed.

Nothing of a service is changed but host, port, CA and password. The password is a canary; neither a file nor a provider of
the real one is asked. All is on loopback, each client connects once and is waited for for seconds, and what counts is what
the impostor saw, not what the client says.
"""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from dbkit.backends import get_backend
from dbkit.config import DatabaseConfig, resolve
from dbkit.config.drivers import FIELDS
from dbkit.config.secrets import Secret
from dbkit.errors import DbkitError, ExitCode
from dbkit.project import Project
from dbkit.testing.authorities import Authority, Issued
from dbkit.testing.clients import Clients, Task, environment
from dbkit.testing.impostors import HOST, Impostor, impostor_of
from dbkit.testing.verdicts import STAGES, Attack, Proof, Proofs, Store, Trial, Way, judge

# The name that clients are given, and that the right certificate has: it is looked up on this machine.
NAME: Final = "localhost"
# A name and an address that are nobody's: https://www.rfc-editor.org/rfc/rfc5737
ELSEWHERE: Final = ("elsewhere.invalid", "192.0.2.1")
# Whatever holds a password, or says where to get one, is not even read.
_PASSWORDS: Final = re.compile(r"DATABASE_(MIGRATION_)?PASSWORD(_FILE|_PROVIDER)?$")

OnTrial = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a client is to connect, and with what."""

    port: int
    store: Store
    ca_file: str
    """The CA that it is to trust; in the system's store as well where `store` says so."""
    canary: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A kind of client that is to be attacked."""

    backend: str
    driver: str
    kind: Literal["sync", "async"]
    way: Way
    task: Callable[[Place], Task]


def prove(config: DatabaseConfig, *, all_drivers: bool = False) -> Proof:
    """Attack the connections that a configuration makes: its engines, and its URL under a bare `create_engine`.

    Args:
        config: of a service; its password is not used.
        all_drivers: attack every driver of the backend, not only those that the service would use.

    Raises:
        MissingDriverError: cryptography is not installed.
        UsageError: there is no impostor for this backend.
    """
    with arena() as found:
        return prove_in(found, config, all_drivers=all_drivers)


def prove_services(
    project: Project, names: Sequence[str] = (), *, all_drivers: bool = False, on_trial: OnTrial | None = None
) -> Proofs:
    """Attack the connections of a project's services.

    Args:
        project: whose.
        names: of the services; none means all.
        all_drivers: attack every driver of the backends.
        on_trial: told after each attack how many have ended, and how many there are; from two threads.

    Raises:
        MissingDriverError: cryptography is not installed.
        UnknownServiceError: a name is no service's.
    """
    found = {name: _readable(project, name) for name in project.select(names)}
    configs = [item for item in found.values() if isinstance(item, DatabaseConfig)]
    counter = Counter(total=sum(count_trials(config, all_drivers=all_drivers) for config in configs), on_trial=on_trial)
    with ExitStack() as stack:
        # nothing is made for services that have nothing to prove
        made = stack.enter_context(arena(counter)) if counter.total else None
        proofs = [
            item if isinstance(item, Proof) else prove_in(made, item, all_drivers=all_drivers)
            for item in found.values()
        ]
    return Proofs(services=tuple(proofs))


def _readable(project: Project, name: str) -> DatabaseConfig | Proof:
    try:
        config = disarmed(project, name)
        if not _unneeded(config):
            impostor_of(config.backend)
    except DbkitError as error:
        return Proof(service=name, failed=ExitCode(error.exit_code), error=error.message, hint=error.hint)
    return config


def disarmed(project: Project, name: str) -> DatabaseConfig:
    """Read a service's configuration, but neither its password nor what would give it.

    Raises:
        ConfigurationError: a value is wrong, or the values contradict each other.
    """
    settings = replace(
        project.settings,
        dotenv={key: value for key, value in project.settings.dotenv.items() if not _PASSWORDS.search(key)},
    )
    environ = {key: value for key, value in os.environ.items() if not _PASSWORDS.search(key)}
    overrides = {key: value for key, value in project.overrides.items() if "password" not in key}
    return resolve(settings, name, environ=environ, overrides={**overrides, "password": secrets.token_hex(16)})


@dataclass(kw_only=True)
class Counter:
    """Counts the attacks of a run."""

    total: int
    on_trial: OnTrial | None = None
    done: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count(self) -> None:
        """Note that one more has ended."""
        with self._lock:
            self.done += 1
            if self.on_trial is not None:
                self.on_trial(self.done, self.total)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arena:
    """CAs, certificates and the processes of clients, for any number of attacks."""

    ca_file: str
    certificates: Mapping[str, Issued]
    clients: Mapping[Store, Clients]
    counter: Counter
    canary: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    """One for all: whatever hides secrets remembers each."""

    def attack(self, candidate: Candidate, store: Store, attack: Attack) -> Trial:
        """Carry one attack out."""
        stage = STAGES[attack]
        certificate = None if stage.certificate is None else self.certificates[stage.certificate]
        kind: type[Impostor] = impostor_of(candidate.backend)
        with kind(certificate=certificate, asks_clear=stage.asks_clear, password=self.canary) as impostor:
            place = Place(port=impostor.port, store=store, ca_file=self.ca_file, canary=self.canary)
            said = self.clients[store].connect(candidate.task(place))
            seen = impostor.finish()
        self.counter.count()
        return Trial(
            driver=candidate.driver,
            kind=candidate.kind,
            way=candidate.way,
            store=store,
            attack=attack,
            outcome=judge(attack, seen, said),
            seen=seen,
            said=said.text,
        )

    def attack_all(self, candidates: Iterable[Candidate], stores: Iterable[Store] = Store) -> tuple[Trial, ...]:
        """Carry all attacks out on all candidates; those with the CA in one place beside those with it in the other."""
        wanted = tuple(candidates)

        def run(store: Store) -> list[Trial]:
            return [self.attack(candidate, store, attack) for candidate in wanted for attack in Attack]

        with ThreadPoolExecutor(len(Store)) as pool:
            found = [trial for trials in pool.map(run, stores) for trial in trials]
        order = {(item.driver, item.kind, item.way): number for number, item in enumerate(wanted)}
        return tuple(sorted(found, key=lambda trial: order[trial.driver, trial.kind, trial.way]))


@contextmanager
def arena(counter: Counter | None = None) -> Iterator[Arena]:
    """Make CAs and certificates in a folder that is removed, and start the processes of clients.

    Raises:
        MissingDriverError: cryptography is not installed.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dbkit-tls-")))
        trusted, stranger = Authority.make(folder / "trusted"), Authority.make(folder / "stranger")
        yield Arena(
            ca_file=trusted.ca_file,
            certificates={
                "right": trusted.issue(NAME, HOST),
                "stranger": stranger.issue(NAME, HOST),
                "elsewhere": trusted.issue(*ELSEWHERE),
                "expired": trusted.issue(NAME, HOST, expired=True),
            },
            clients={
                # whose system trusts somebody else: a client that forgets its file must not go unnoticed
                Store.FILE: stack.enter_context(Clients(environment(stranger.ca_file))),
                Store.SYSTEM: stack.enter_context(Clients(environment(trusted.ca_file))),
            },
            counter=counter or Counter(total=0),
        )


def prove_in(arena: Arena | None, config: DatabaseConfig, *, all_drivers: bool = False) -> Proof:
    """Attack a configuration's connections, in an arena that is there; none is needed where there is nothing to prove."""
    found = Proof(service=config.service or "", backend=config.backend, host=config.address, note=_unneeded(config))
    if found.note is not None or arena is None:
        return found
    begin = time.monotonic()
    trials = arena.attack_all(candidates(config, all_drivers=all_drivers))
    return replace(found, trials=trials, seconds=time.monotonic() - begin)


def count_trials(config: DatabaseConfig, *, all_drivers: bool = False) -> int:
    """Count the attacks that a proof will carry out."""
    if _unneeded(config) is not None:
        return 0
    return sum(1 for _ in candidates(config, all_drivers=all_drivers)) * len(Attack) * len(Store)


def _unneeded(config: DatabaseConfig) -> str | None:
    """Say why there is nothing to prove; None where there is."""
    traits = get_backend(config.backend).traits
    if traits.file_based:
        return f"{traits.title} is a file: there is no connection to protect"
    if config.socket is not None:
        return "a Unix socket does not leave this machine: it needs no TLS"
    return None


def prove_url_in(arena: Arena, template: str, *, kind: Literal["sync", "async"] = "sync") -> Proof:
    """Attack a URL that somebody wrote by hand, under a bare `create_engine`, in an arena that is there.

    Args:
        arena: where.
        template: the URL, with `{host}`, `{port}`, `{password}` and, for the file of the CA, `{ca}` where these belong.
        kind: which engine it is for.

    Raises:
        UsageError: there is no impostor for this backend.
    """
    scheme, _, driver = template.partition(":")[0].partition("+")
    traits = get_backend(scheme).traits

    def task(place: Place) -> Task:
        text = template.format(host=NAME, port=place.port, password=place.canary, ca=place.ca_file)
        return Task(kind=kind, way=Way.URL, text=text, canary=place.canary)

    candidate = Candidate(backend=scheme, driver=driver or traits.driver, kind=kind, way=Way.URL, task=task)
    begin = time.monotonic()
    # without a place for the CA, the system's store is the only one that it can come from
    trials = arena.attack_all([candidate], Store if "{ca}" in template else [Store.SYSTEM])
    return Proof(service="", backend=scheme, trials=trials, seconds=time.monotonic() - begin)


def candidates(config: DatabaseConfig, *, all_drivers: bool = False) -> Iterator[Candidate]:
    """List the clients that a configuration makes: the engine and the URL, by each driver that is to be attacked."""
    for driver, kind in _drivers(config, all_drivers=all_drivers):
        choice: dict[str, Any] = {FIELDS[kind]: driver}
        chosen = replace(config, **choice)
        for way in Way:
            yield Candidate(backend=config.backend, driver=driver, kind=kind, way=way, task=_task(chosen, kind, way))


def _drivers(config: DatabaseConfig, *, all_drivers: bool) -> Iterator[tuple[str, Literal["sync", "async"]]]:
    """List the drivers that are to be attacked, each with the kind of engine that it is for."""
    kinds: tuple[Literal["sync", "async"], ...] = ("sync", "async")
    traits = get_backend(config.backend).traits
    for kind in kinds:
        if all_drivers:
            yield from ((driver.name, kind) for driver in traits.drivers if kind in driver.kinds)
        elif traits.driver_of(kind) is not None:
            yield config.driver_of(kind), kind


def _task(config: DatabaseConfig, kind: Literal["sync", "async"], way: Way) -> Callable[[Place], Task]:
    def task(place: Place) -> Task:
        return Task(kind=kind, way=way, config=_moved(config, place), canary=place.canary)

    return task


def _moved(config: DatabaseConfig, place: Place) -> DatabaseConfig:
    """Change host, port, CA and password, and nothing else; a name stays a name and an address an address."""
    changes: dict[str, Any] = {"ssl_ca": "system" if place.store is Store.SYSTEM else place.ca_file}
    if config.tls != "verify" and (config.ssl_ca, config.ssl_verify_cert, config.ssl_verify_identity) == (None,) * 3:
        changes = {}  # it goes in clear; to name a CA would be to protect it
    return replace(
        config,
        host=HOST if _is_address(config.host or "") else NAME,
        port=place.port,
        password=Secret(place.canary),
        password_file=None,
        password_provider=None,
        migration_password=None,
        migration_password_file=None,
        provenance={},
        **changes,
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
