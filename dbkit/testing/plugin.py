"""The pytest plugin: throw-away CAs, impostor servers and the proof of TLS as fixtures. Loading it imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from dbkit.config import DatabaseConfig
    from dbkit.testing.authorities import Authority, Issued
    from dbkit.testing.impostor import Impostor
    from dbkit.testing.verdicts import Proof


class Impostors(Protocol):
    """Starts an impostor."""

    def __call__(
        self, backend: str, *, certificate: Issued | None = None, asks_clear: bool = False, password: str = ""
    ) -> Impostor:
        """Start one for the protocol of a backend; without a certificate it offers no TLS."""
        ...


@pytest.fixture(scope="session")
def dbkit_ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give a throw-away CA for clients to trust: `ca_file` is its certificate, `issue("localhost")` signs a server's."""
    from dbkit.testing.authorities import Authority

    return Authority.make(tmp_path_factory.mktemp("dbkit-ca"))


@pytest.fixture(scope="session")
def dbkit_stranger_ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give a throw-away CA that no client is told of."""
    from dbkit.testing.authorities import Authority

    return Authority.make(tmp_path_factory.mktemp("dbkit-stranger-ca"))


@pytest.fixture
def dbkit_impostor() -> Iterator[Impostors]:
    """Give what starts impostors on loopback; `finish()` says what one has seen, and all end with the test."""
    from dbkit.testing.impostors import impostor_of

    with ExitStack() as stack:

        def start(
            backend: str, *, certificate: Issued | None = None, asks_clear: bool = False, password: str = ""
        ) -> Impostor:
            kind = impostor_of(backend)
            return stack.enter_context(kind(certificate=certificate, asks_clear=asks_clear, password=password))

        yield start


@pytest.fixture
def dbkit_prove_tls() -> Callable[[DatabaseConfig], Proof]:
    """Give the proof of `dbkit tls prove` for one configuration; `leaks` and `unproved` of what it returns must be empty."""
    from dbkit.testing.proof import prove

    return prove
