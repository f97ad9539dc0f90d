"""What all tests of the suite stand on: a throw-away database by every driver, cases, and known differences."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any, ClassVar, TypeVar

import pytest
import sqlalchemy as sa

from dbkit.backends.protocol import Backend
from dbkit.config import DatabaseConfig
from dbkit.migrations.databases import create_missing, drop_existing
from dbkit.testing.conformance import bridge
from dbkit.testing.conformance.profile import Difference, Profile
from dbkit.testing.conformance.samples import ALL, Case, kinds_of
from dbkit.testing.driving import Way, ways_of

__all__ = ["Conformance", "Database", "each_case", "on_every_driver", "throw_away"]

F = TypeVar("F", bound=Callable[..., object])


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A throw-away database, as one driver reaches it."""

    profile: Profile
    config: DatabaseConfig
    environ: Mapping[str, str]
    """The variables by which the product reaches it."""
    engine: sa.Engine
    """Of an asynchronous driver the engine inside, to be used on the bridge, where the tests run."""

    @property
    def backend(self) -> Backend:
        """Whose it is."""
        return self.profile.product


def on_every_driver(test: F) -> F:
    """Have a test be given its `database` by each driver in turn, instead of by the usual one alone."""
    test.every_driver = True  # type: ignore[attr-defined] # read where tests are collected
    return test


def each_case(choose: Callable[[Case], bool] = lambda case: True) -> Callable[[F], F]:  # noqa: ARG005 - all
    """Have a test be given each `case` that the backend does not refuse."""

    def mark(test: F) -> F:
        test.chosen_cases = choose  # type: ignore[attr-defined] # read where tests are collected
        return test

    return mark


def throw_away(profile: Profile, folder: Path, name: str | None = None) -> dict[str, str]:
    """Give the variables of a database that nobody has made; a file's is in the folder."""
    name = name or f"{profile.prefix}_{secrets.token_hex(4)}"
    found = {"DATABASE_TYPE": profile.backend, **profile.environ}
    if profile.on_server:
        return {**found, "DATABASE_NAME": name}
    return {**found, "DATABASE_SQLITE_PATH": str(folder / f"{name}.db")}


def _expected(difference: Difference) -> pytest.MarkDecorator:
    reason = f"{difference.word}: {difference.reason}"
    return pytest.mark.xfail(reason=reason, raises=difference.raises, strict=True)


def _copied(test: Any) -> Any:
    """Copy a test, so that its marks are no other backend's."""
    found = FunctionType(test.__code__, test.__globals__, test.__name__, test.__defaults__, test.__closure__)
    found.__dict__.update(test.__dict__, pytestmark=list(getattr(test, "pytestmark", ())))
    found.__kwdefaults__, found.__annotations__ = test.__kwdefaults__, test.__annotations__
    return found


class Conformance:
    """Base of the suite's parts: fixtures, and the expectation of known differences."""

    profile: ClassVar[Profile]

    def __init_subclass__(cls, **kw: object) -> None:
        """Refuse a difference of a test that there is none of, or without a reason."""
        super().__init_subclass__(**kw)
        for one in cls.profile.differences if hasattr(cls, "profile") else ():
            test = getattr(cls, one.test, None)
            if test is None:
                raise TypeError(f"{cls.__name__} has no test {one.test!r} that could be {one.word}")
            if not one.reason:
                raise TypeError(f"{one.word}({one.test!r}) of {cls.__name__} gives no reason")
            if not one.cases:  # marked, so that its fixtures may fail too
                setattr(cls, one.test, _expected(one)(_copied(test)))

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        """Give tests their cases and drivers; and have them run on the bridge, where asynchronous engines can be used too."""
        bridge.install(metafunc.config.pluginmanager)
        if "case" in metafunc.fixturenames:
            cases = [case for case in ALL if not kinds_of(case.type) & cls.profile.refuses]
            choose = getattr(metafunc.function, "chosen_cases", lambda case: True)  # noqa: ARG005 - all
            metafunc.parametrize("case", [pytest.param(case, id=case.id) for case in cases if choose(case)])
        if getattr(metafunc.function, "every_driver", False):
            asked = cls.profile.drivers
            ways = [
                way for way in ways_of(cls.profile.backend) if asked is None or not way.driver or way.driver in asked
            ]
            metafunc.parametrize("database", ways, ids=str, indirect=True, scope="class")

    @pytest.fixture(autouse=True)
    def _expect_differences(self, request: pytest.FixtureRequest) -> None:
        """Expect a test to fail that is known to."""
        node: Any = request.node
        parameters = node.callspec.id if hasattr(node, "callspec") else ""
        for one in self.profile.differences:
            if one.cases and one.covers(node.originalname, parameters):
                request.applymarker(_expected(one))

    @pytest.fixture(scope="class")
    @classmethod
    def made(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
        """Make a database, and drop it after the last test of the class; skips where there is no server."""
        if cls.profile.missing is not None:
            pytest.skip(cls.profile.missing)
        environ = throw_away(cls.profile, tmp_path_factory.mktemp("conformance"))
        config = DatabaseConfig.from_env(environ=environ)
        assert create_missing(config)
        yield environ
        assert drop_existing(config)

    @pytest.fixture(scope="class")
    @classmethod
    def database(cls, request: pytest.FixtureRequest, made: dict[str, str]) -> Iterator[Database]:
        """Give the database by one driver."""
        way: Way = getattr(request, "param", Way(backend=cls.profile.backend))
        environ = made | way.environ()
        config = DatabaseConfig.from_env(environ=environ)
        engine = way.engine(config)
        yield Database(profile=cls.profile, config=config, environ=environ, engine=engine)
        engine.dispose()

    @pytest.fixture
    def connection(self, database: Database) -> Iterator[sa.Connection]:
        """Give a connection whose work is rolled back."""
        with database.engine.connect() as made:
            yield made
            made.rollback()
