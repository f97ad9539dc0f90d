"""Alembic folders as `alembic init` makes them, and as people write them by hand."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from textwrap import dedent

import pytest
from alembic import command
from alembic.config import Config

MODELS = """
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    pass


class Article(Base):
    __tablename__ = "articles"
    id = sa.Column(sa.Integer, primary_key=True)
    title = sa.Column(sa.String(80))
"""
ENV = """
from alembic import context
from sqlalchemy import create_engine

from acme.models import Base
{before}
with create_engine("sqlite:///never.db").connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata{options})
    with context.begin_transaction():
        context.run_migrations()
"""
FIRST = 'op.create_table("articles", sa.Column("id", sa.Integer, primary_key=True), sa.Column("title", sa.String(80)))'


def files(root: Path, found: Mapping[str, str]) -> None:
    """Write files below a folder."""
    for name, text in found.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))


@contextmanager
def repository(root: Path, patch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a repository with the package `acme`, whose modules this process forgets."""
    (root / ".git").mkdir(parents=True)
    package(root)
    patch.setattr(sys, "path", list(sys.path))
    _forget()
    yield root
    _forget()


def _forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "acme"]:
        del sys.modules[name]


def package(root: Path, source: str = ".") -> None:
    """Write a package with a model."""
    files(root / source, {"acme/__init__.py": "", "acme/models.py": MODELS})


def stock(root: Path, template: str, folder: str = "migrations", *, metadata: bool = True) -> None:
    """Make a folder by `alembic init`; its env.py is told of the models as its comment says."""
    config = Config(
        root / "alembic.ini", toml_file=root / "pyproject.toml", stdout=StringIO(), output_buffer=StringIO()
    )
    command.init(config, str(root / folder), template=template)
    ini = root / "alembic.ini"
    ini.write_text(ini.read_text().replace(f"{root}/", "%(here)s/"))
    env = root / folder / "env.py"
    if metadata:
        text = "from acme.models import Base\ntarget_metadata = Base.metadata"
        env.write_text(re.sub(r"^target_metadata = None$", text, env.read_text(), flags=re.MULTILINE))
    revision(root / folder / "versions", "a1", upgrade=FIRST)


def by_hand(root: Path, folder: str = "migrations", *, before: str = "", options: str = "") -> None:
    """Write a folder without an ini."""
    files(root, {f"{folder}/env.py": ENV.format(before=before, options=options)})
    revision(root / folder / "versions", "a1", upgrade=FIRST)


def revision(versions: Path, name: str, *, down: str | None = None, upgrade: str = "pass", more: str = "") -> None:
    """Write a revision file."""
    text = f"import sqlalchemy as sa\nfrom alembic import op\n\nrevision = {name!r}\ndown_revision = {down!r}\n{more}\n"
    steps = f"\ndef upgrade():\n    {upgrade}\n\n\ndef downgrade():\n    pass\n"
    files(versions, {f"{name}_step.py": text + steps})
