"""A project with tests of its own, which are run as its people run them: by pytest, in a process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

import pytest
from sqlalchemy.pool import NullPool

from dbkit.backends import get_backend
from dbkit.backends.optional import Expendable
from tests.projects import Home
from tests.servers import BACKENDS, find_server, how_to_start, throw_away_name

TABLE = """
{name} = sa.Table("{name}", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))
"""
ANIMALS = """
animals = sa.Table(
    "animals", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("owner", sa.Integer, sa.ForeignKey("people.id", name="fk_owner"), nullable=False),
    sa.Column("name", dbt.String(40), nullable=False),
    sa.CheckConstraint("name <> ''", name="ck_name"),
    sa.Index("ix_animals_name", "name"),
)
"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run of pytest came to."""

    exit_code: int
    said: str

    @property
    def summary(self) -> str:
        """The last line, without the time that it took."""
        return re.sub(r" in [\d.]+s.*", "", self.said.strip().splitlines()[-1].strip("= "))

    def results(self) -> dict[str, str]:
        """Give each test's result, by what stands behind the last `::` but one."""
        found = re.findall(r"^(PASSED|FAILED|ERROR|SKIPPED) (?:\[\d+\] )?(\S+)", self.said, re.MULTILINE)
        return {name: word for word, name in found}


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A project in a folder, and how its tests are run."""

    home: Home
    prefix: str
    """What the names of databases begin with that its runs make."""
    environ: dict[str, str] = field(default_factory=dict)

    def tests(self, text: str) -> None:
        """Write its tests."""
        (self.home.root / "test_it.py").write_text(dedent(text))

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """Start pytest in its folder; a warning is an error there."""
        plain = {name: text for name, text in os.environ.items() if "PYTEST" not in name and "DATABASE_" not in name}
        # pytest-asyncio warns of a choice that is to be made, with or without asynchronous tests
        strict = ["-W", "error", "-W", "ignore::pytest.PytestDeprecationWarning"]
        command = [sys.executable, "-m", "pytest", "-rA", "-q", "-p", "no:cacheprovider", *strict, *arguments]
        return subprocess.Popen(
            command,
            cwd=self.home.root,
            env={**plain, "DBKIT_TEST_PREFIX": self.prefix, **self.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def left(self, backend: str) -> list[str]:
        """Name the databases and files that its runs have left."""
        files = [str(path) for path in Path(self.environ["TMPDIR"]).glob("dbkit*")]
        server, ddl = find_server(backend), get_backend(backend).ddl
        if server is None or not isinstance(ddl, Expendable):
            return files
        engine = server.engine(poolclass=NullPool)
        with engine.connect() as connection:
            names = list(connection.exec_driver_sql(ddl.database_names()).scalars())
        return [*files, *(name for name in names if name.startswith(self.prefix))]

    def run(self, *arguments: str, **environ: str) -> Outcome:
        """Run pytest to its end."""
        with self.start(*arguments, **environ) as process:
            said, _ = process.communicate(timeout=120)
        return Outcome(exit_code=process.returncode, said=said)


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """Give a project of two services, `user` with three revisions and rows, and `shop` with one."""
    (tmp_path / "home").mkdir()
    home = Home(tmp_path / "home").write("user", "shop")
    _write_user(home)
    home.table("shop", "0001", "goods")
    home.models("shop", TABLE.format(name="goods"))
    (tmp_path / "tmp").mkdir()
    return Suite(home=home, prefix=throw_away_name(), environ={"TMPDIR": str(tmp_path / "tmp")})


def _write_user(home: Home) -> None:
    home.table("user", "0001", "people")
    home.revision(
        "user",
        "0002",
        """
        op.create_table(
            "animals",
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("owner", sa.Integer, sa.ForeignKey("people.id", name="fk_owner"), nullable=False),
            sa.Column("name", dbt.v1.String(40), nullable=False),
            sa.CheckConstraint("name <> ''", name="ck_name"),
        )
        op.create_index("ix_animals_name", "animals", ["name"])
        """,
        'op.drop_table("animals")',
    )
    home.revision(
        "user",
        "0003",
        'op.execute("INSERT INTO people (id, n) VALUES (1, 100)")',
        'op.execute("DELETE FROM people")',
    )
    home.models("user", TABLE.format(name="people") + ANIMALS)


@pytest.fixture(params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in BACKENDS])
def backend(request: pytest.FixtureRequest) -> str:
    """Give each backend in turn; skips where there is no server."""
    if request.param != "sqlite" and find_server(request.param) is None:
        pytest.skip(how_to_start(request.param))
    return str(request.param)
