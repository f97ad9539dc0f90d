"""What the suite must be told of a backend: where its databases are made, and what it is known to do differently."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import sqlalchemy as sa

from dbkit.backends import get_backend
from dbkit.backends.protocol import Backend, Fault
from dbkit.testing.servers import server_variable

__all__ = ["Difference", "Profile", "never", "notimpl", "notyet", "server_environ", "server_variable"]

Raises = type[BaseException] | tuple[type[BaseException], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A test that fails on this backend, why, and with what; the run turns red when it passes."""

    word: Literal["notimpl", "notyet", "never"]
    test: str
    """The name of the test."""
    reason: str
    """With the vendor's page or ticket."""
    raises: Raises
    cases: tuple[str, ...] = ()
    """The parameters with which it fails, by their ids; none for all."""

    def covers(self, test: str, parameters: str) -> bool:
        """Tell whether a test with these parameters is meant: `psycopg-json`."""
        return test == self.test and (not self.cases or any(f"-{case}-" in f"-{parameters}-" for case in self.cases))


def notimpl(test: str, *cases: str, reason: str, raises: Raises) -> Difference:
    """Name what the backend's package has yet to do."""
    return Difference(word="notimpl", test=test, cases=cases, reason=reason, raises=raises)


def notyet(test: str, *cases: str, reason: str, raises: Raises) -> Difference:
    """Name what the database or its driver has yet to do."""
    return Difference(word="notyet", test=test, cases=cases, reason=reason, raises=raises)


def never(test: str, *cases: str, reason: str, raises: Raises) -> Difference:
    """Name what this database will never do."""
    return Difference(word="never", test=test, cases=cases, reason=reason, raises=raises)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One backend, as its tests see it."""

    backend: str
    """Its name."""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The variables of an account that may make databases, but for DATABASE_TYPE and DATABASE_NAME; none for a file."""
    missing: str | None = None
    """Why there is no server to test on, and how to start one: what needs one is skipped with this; None where there is one."""
    drivers: tuple[str, ...] | None = None
    """The drivers to be tried; None for all that the backend has."""
    prefix: str = "dbkit_conformance"
    """What the names of throw-away databases begin with."""
    refuses: frozenset[str] = frozenset()
    """The kinds of values, by their names, that the backend cannot keep and refuses with a reason."""
    alike: frozenset[str] = frozenset()
    """Column types, as `canonical_type` spells them, in which it keeps several portable types."""
    provoke: Mapping[Fault, Callable[[sa.Engine], object]] = field(default_factory=dict)
    """How to bring about faults that the suite cannot provoke by itself: what is given an engine, and fails so."""
    differences: tuple[Difference, ...] = ()
    """What is known to fail."""

    @property
    def product(self) -> Backend:
        """The backend."""
        return get_backend(self.backend)

    @property
    def on_server(self) -> bool:
        """Whether there is a server to be connected to."""
        return not self.product.traits.file_based

    @classmethod
    def of_server(cls, backend: str, **known: Any) -> Profile:
        """Make the profile of a backend whose test server is named by `DBKIT_TEST_<NAME>_URL`, and its CA by `DBKIT_TEST_CA`.

        Args:
            backend: its name.
            known: the other fields.
        """
        variable = server_variable(backend)
        url = os.environ.get(variable)
        if not url:
            missing = f"no {backend} server: set {variable} to the URL of its administrator (and DBKIT_TEST_CA to its CA's file)"
            return cls(backend=backend, missing=missing, **known)
        ca = os.environ.get("DBKIT_TEST_CA") or None
        return cls(backend=backend, environ=server_environ(backend, sa.make_url(url), ca=ca), **known)


def server_environ(backend: str, url: sa.URL, *, ca: str | None) -> dict[str, str]:
    """Give the variables of an administrator's account on a test server.

    Args:
        backend: its name.
        url: of the administrator, without a word about TLS.
        ca: the file of the CA that signed the server's certificate; without one, the connection is in clear.
    """
    found = {
        "DATABASE_TYPE": backend,
        "DATABASE_HOST": url.host or "localhost",
        "DATABASE_PORT": str(url.port or ""),
        "DATABASE_USER": url.username or "",
        "DATABASE_PASSWORD": str(url.password or ""),
    }
    if ca is None:
        return found | {"DATABASE_TLS": "insecure-loopback"}
    # a driver that takes no file has the system trust the CA
    return found | {"DATABASE_SSL_CA": ca if get_backend(backend).traits.takes_ca_file else "system"}
