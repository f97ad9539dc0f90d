"""Backends of other packages: listed without being imported, and told in one line where they cannot be used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, EntryPoints
from types import ModuleType
from typing import Any

import pytest

import dbkit.backends
from dbkit.backends import backend_names, entries, get_backend, usable_backends
from dbkit.backends.lazy import LazyBackend
from dbkit.backends.protocol import Backend, Driver, Traits
from dbkit.backends.traits import SYNC
from dbkit.config.url import parse_url, schemes_of
from dbkit.errors import ConfigurationError, ExitCode, UnknownBackendError, UnusableBackendError

TRAITS = Traits(
    title="Acme",
    drivers=(Driver(name="acmelite", kinds=SYNC, extra=None),),
    scheme="acme",
    dialect="acme",
    schemes=("sqlite",),
    port=None,
    file_based=True,
)
ACME: Backend = LazyBackend(name="acme", package="acme_of_the_tests", traits=TRAITS)
CACHED = (backend_names, get_backend, usable_backends)

Register = Callable[..., None]


def forget() -> None:
    for function in CACHED:
        function.cache_clear()


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Iterator[Register]:
    """Give what registers an object under a name, beside dbkit's own backends."""
    module = ModuleType("acme_of_the_tests")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    known = list(entries.entry_points(group=entries.GROUP))

    def entry_points(**wanted: Any) -> EntryPoints:
        return EntryPoints(known).select(**wanted)

    def register(found: object, name: str = "acme", module_name: str = module.__name__) -> None:
        module.BACKEND = found  # type: ignore[attr-defined]
        known.append(EntryPoint(name, f"{module_name}:BACKEND", entries.GROUP))
        forget()

    monkeypatch.setattr(entries, "entry_points", entry_points)
    yield register
    forget()


class Bare:
    """What has nothing but a name and a version."""

    name = "acme"
    api_version = 1
    traits = TRAITS


class Newer(Bare):
    api_version = 2


class Other(Bare):
    name = "other"


class Odd(Bare):
    traits = ("Acme",)  # type: ignore[assignment]
    connector = codecs = errors = ddl = locker = grants = examiner = None


def test_a_backend_of_another_package_is_found_as_dbkits_own_are(register: Register) -> None:
    register(ACME)
    assert backend_names() == ("acme", "mariadb", "mssql", "mysql", "postgresql", "sqlite", "tidb")
    assert get_backend("acme") is ACME
    assert ACME in usable_backends()
    assert parse_url("acme:///here.db", "DATABASE_URL").fields["sqlite_path"] == "here.db"


def test_names_are_listed_without_importing(register: Register) -> None:
    register(None, module_name="no_such_module_anywhere")
    assert "acme" in backend_names()
    assert "no_such_module_anywhere" not in sys.modules


def test_a_scheme_that_two_backends_have_means_the_one_that_is_called_so(register: Register) -> None:
    register(ACME)
    assert schemes_of("sqlite") == ("sqlite", "acme")
    assert schemes_of("acme") == ("acme",)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Bare(), "lacks connector, codecs, errors, ddl, locker, grants, examiner"),
        (Newer(), "speaks api_version 2, dbkit speaks 1"),
        (object(), "speaks api_version None, dbkit speaks 1"),
        (Other(), "calls itself 'other'"),
        (Odd(), "has traits that are no dbkit.backends.traits.Traits"),
    ],
    ids=["lacks a part", "newer", "no backend", "another name", "other traits"],
)
def test_what_is_no_backend_is_refused_in_one_line(register: Register, found: object, said: str) -> None:
    register(found)
    with pytest.raises(UnusableBackendError) as caught:
        get_backend("acme")
    assert str(caught.value) == f"backend 'acme' (acme_of_the_tests:BACKEND) {said}"
    assert caught.value.exit_code is ExitCode.USAGE
    assert caught.value.hint


def test_a_backend_that_cannot_be_imported_is_told_with_its_error(register: Register) -> None:
    register(None, module_name="no_such_module_anywhere")
    with pytest.raises(UnusableBackendError) as caught:
        get_backend("acme")
    assert str(caught.value) == (
        "backend 'acme' (no_such_module_anywhere:BACKEND) cannot be imported: "
        "ModuleNotFoundError: No module named 'no_such_module_anywhere'"
    )


def test_a_name_that_two_packages_claim_is_nobodys(register: Register) -> None:
    register(ACME, name="sqlite")
    with pytest.raises(UnusableBackendError, match=r"two packages claim the backend 'sqlite': acme_of_.* and dbkit.*"):
        get_backend("sqlite")
    assert get_backend("postgresql").name == "postgresql"


def test_a_backend_that_cannot_be_used_is_in_nobody_elses_way(register: Register) -> None:
    register(None, module_name="no_such_module_anywhere")
    assert parse_url("tidb://u@h/x", "DATABASE_URL").scheme == "tidb"
    with pytest.raises(ConfigurationError, match="unknown scheme 'postgrsql'"):
        parse_url("postgrsql://u@h/x", "DATABASE_URL")
    with pytest.raises(UnusableBackendError, match=r"'acme' .* cannot be imported"):
        parse_url("acme:///x", "DATABASE_URL")


def test_a_part_that_a_package_has_no_module_for_is_named(register: Register) -> None:
    register(ACME)
    with pytest.raises(UnusableBackendError, match=r"backend 'acme' has no acme_of_the_tests\.codecs:CODECS"):
        get_backend("acme").codecs  # noqa: B018 - what asks for it


def test_an_unknown_name_is_told_with_the_nearest(register: Register) -> None:
    register(ACME)
    with pytest.raises(UnknownBackendError, match="unknown backend 'acne'") as caught:
        dbkit.backends.get_backend("acne")
    assert caught.value.hint == "did you mean 'acme'?"
