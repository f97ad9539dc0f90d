"""What is there before the first block of a page: the projects that pages speak of, and servers under the names that pages give them."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.docs.blocks import ROOT, Page
from tests.docs.walking import Walk
from tests.servers import Server

_SERVICES = ("user", "project", "knowledge", "shop")
_ENDS = {
    "db.example.com": "host",
    "gateway01.eu-central-1.prod.aws.tidbcloud.com": "host",
    "3kXyzPrefix.root": "user",
    "aBcDeFgHiJ12345.app": "user",
}
_CONFIGURED = """\
database = "shop_{service}"

[services.orders]
metadata = "shop.orders:metadata"
pool_size = 4

[services.stock]
metadata = "shop.stock:metadata"
"""
_TEAM = """\
[tool.dbkit]
migrations = "alembic_envs/{service}"
database = "app_{service}_db"

[tool.dbkit.services.user]
service = "services.user:service"

[tool.dbkit.services.project]
service = "services.project:service"
"""
_TEAM_MODELS = """\
import uuid

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

import dbkit.types as dbt


class Base(DeclarativeBase):
    pass


class Profile(Base):
    __tablename__ = "profiles"

    user_id: Mapped[uuid.UUID] = mapped_column(dbt.Uuid(), primary_key=True)
    name: Mapped[str] = mapped_column(dbt.String(200))
"""
_SHOP = """\
import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

import dbkit.types as dbt


class Base(DeclarativeBase):
    type_annotation_map = {uuid.UUID: dbt.Uuid(), datetime: dbt.UtcDateTime(), str: dbt.String(50)}


class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    since: Mapped[datetime]


class Article(Base):
    __tablename__ = "articles"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    title: Mapped[str]


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("customers.id"))
    article_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("articles.id"))
    at: Mapped[datetime]
    customer: Mapped[Customer] = relationship()
"""
_REVISION = '''\
"""The tables."""

from alembic import op

from services.{service}.models import Base

revision = "0001"
down_revision = None


def upgrade() -> None:
    Base.metadata.create_all(op.get_bind())


def downgrade() -> None:
    Base.metadata.drop_all(op.get_bind())
'''


def services(walk: Walk) -> None:
    """Give a copy of what this repository keeps."""
    for name in ("services", "alembic_envs"):
        shutil.copytree(ROOT / name, walk.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", walk.folder)


def migrated(walk: Walk) -> None:
    """Give the same where `dbkit migrate` has been."""
    services(walk)
    walk.run("dbkit migrate")


def team(walk: Walk) -> None:
    """Give a repository that is laid out as this one, with services of one table each."""
    (walk.folder / "pyproject.toml").write_text(_TEAM)
    for name in ("user", "project"):
        _service(walk, name, _TEAM_MODELS)
        package = f'from dbkit.service import Service\n\nservice = Service(name="{name}", metadata="services.{name}.models:Base.metadata")\n'
        (walk.folder / f"services/{name}/__init__.py").write_text(package)


def running(walk: Walk) -> None:
    """Give the same where `dbkit migrate` has been."""
    team(walk)
    walk.run("dbkit migrate")


def ahead(walk: Walk) -> None:
    """Give an older release of it: the database of `user` has a revision that these files do not have."""
    team(walk)
    newer = walk.folder / "alembic_envs/user/versions/0002_newer.py"
    newer.write_text('"""Newer."""\nrevision = "0002"\ndown_revision = "0001"\n\n\ndef upgrade():\n    pass\n')
    walk.run("dbkit migrate")
    newer.unlink()


def checkout(walk: Walk) -> None:
    """Give the same where `make migrate` has been: its virtual environment is this one."""
    running(walk)
    bin_folder = walk.folder / ".venv/bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "activate").write_text("")


def shop(walk: Walk) -> None:
    """Give a service of three tables."""
    _service(walk, "shop", _SHOP)
    (walk.folder / "pyproject.toml").write_text('[tool.dbkit.services.shop]\nservice = "services.shop:service"\n')


def _service(walk: Walk, name: str, models: str) -> None:
    versions = walk.folder / f"alembic_envs/{name}/versions"
    versions.mkdir(parents=True)
    (versions / "0001_tables.py").write_text(_REVISION.replace("{service}", name))
    shutil.copy(ROOT / "alembic_envs/user/script.py.mako", versions.parent)
    (walk.folder / "services" / name).mkdir(parents=True)
    (walk.folder / "services/__init__.py").write_text("")
    (walk.folder / "services" / name / "models.py").write_text(models)


def configured(walk: Walk) -> None:
    """Give a project whose values come from everywhere."""
    (walk.folder / "dbkit.toml").write_text(_CONFIGURED)
    (walk.folder / ".env").write_text("DATABASE_TYPE=postgresql\nDATABASE_HOST=localhost\nDATABASE_USER=app\n")
    (walk.folder / "password").write_text("of the example\n")
    (walk.folder / "password").chmod(0o644)
    shutil.copy(ROOT / "certs/isrgrootx1.pem", walk.folder / "ca.pem")
    walk.environ = {
        "ORDERS_DATABASE_HOST": "orders.db.example.com",
        "DATABASE_PASSWORD_FILE": "password",
        "DATABASE_POOL_SIZE": "8",
        "DATABASE_SSL_CA": "ca.pem",
        "DATABASE_SQLITE_PATH": "local.db",
        "DATABASE_REPLICA_HOSTNAME": "replica.db.example.com",
    }
    with socket.create_server(("127.0.0.1", 0)) as gone:
        walk.swaps = {"5433": str(gone.getsockname()[1])}


STAGES: dict[str, Callable[[Walk], None]] = {
    "ahead": ahead,
    "checkout": checkout,
    "configured": configured,
    "empty": lambda _: None,
    "migrated": migrated,
    "running": running,
    "services": services,
    "shop": shop,
    "team": team,
}


@contextmanager
def staged(page: Page, folder: Path, servers: Mapping[str, Server]) -> Iterator[Walk]:
    """Give somebody who stands before the first block of a page; what they made on a server is dropped."""
    with ExitStack() as stack:
        folder.mkdir()
        walk = Walk(folder=folder, home=page.marks.get("home", ""), silent=False)
        for backend, server in servers.items():
            template = stack.enter_context(server.names(*_SERVICES))
            password = folder.with_name(f"password-{backend}")
            password.touch(mode=0o600)
            environ = {**server.environ(template), "DATABASE_PASSWORD_FILE": str(password)}
            password.write_text(environ.pop("DATABASE_PASSWORD"))
            if backend == page.marks.get("on"):
                walk.environ = environ
            else:
                walk.told = _names(environ)
        STAGES[page.marks.get("project", "empty")](walk)
        stack.callback(walk.end)
        yield walk


def _names(environ: Mapping[str, str]) -> dict[str, str]:
    """Say what a page's words for a server are here; where it names the kind, the rest of the way to this one is said too."""
    told = {"DATABASE_TYPE", "DATABASE_HOST", "DATABASE_USER", "DATABASE_SSL_CA", "DATABASE_PASSWORD_FILE"}
    kind = f"DATABASE_TYPE={environ['DATABASE_TYPE']}"
    rest = [f"{key}={value}" for key, value in environ.items() if key not in told]
    # a page of TiDB Cloud names no CA
    trusted = [f"DATABASE_SSL_CA={environ['DATABASE_SSL_CA']}"] if "DATABASE_SSL_CA" in environ else []
    return {
        kind: " ".join([kind, *rest, *trusted]),
        **{name: environ[f"DATABASE_{end.upper()}"] for name, end in _ENDS.items()},
        "DATABASE_USER=app": f"DATABASE_USER={environ['DATABASE_USER']}",
        "/run/secrets/database": environ["DATABASE_PASSWORD_FILE"],
        "/etc/ssl/our-ca.crt": environ.get("DATABASE_SSL_CA", os.devnull),
    }
