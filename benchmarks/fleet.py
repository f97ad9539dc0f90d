"""Times a hundred services and more: migrations against one stock process per service, and how `status` and memory grow.

The services are generated: each has a database of its own, an env.py as the stock tool's template has it, and the same revision
files for both sides. dbkit adopts the folders as they are; the stock tool is started once per service, one after another.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import BIN, run
from benchmarks.timing import line, medians, seconds
from dbkit import migrations
from dbkit.project import Project
from tests.servers import find_server

BACKENDS = ("postgresql", "mariadb")
SERVICES = 100
GROWTH = (1, 10, 50, 100, 200)
REVISIONS = 3
ROUNDS = 5

ENV = """import os

from alembic import context
from sqlalchemy import create_engine, pool

connectable = create_engine(os.environ["BENCH_URL"], poolclass=pool.NullPool)
with connectable.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
REVISION = """import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down!r}


def upgrade():
    op.create_table("t{revision}", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(40)))


def downgrade():
    op.drop_table("t{revision}")
"""
# The process tells it of itself: what a parent is told of its children is the most that any of them took.
MEMORY = """
import sys
from dbkit.cli.main import main

note, sys.argv = sys.argv[1], ["dbkit", *sys.argv[2:]]
try:
    main()
finally:
    with open("/proc/self/status") as status, open(note, "w") as file:
        file.write(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


def write(root: Path, count: int) -> None:
    """Write a project of so many services."""
    tables = "".join(f'[tool.dbkit.services.s{number:03}]\nmetadata = "models:metadata"\n' for number in range(count))
    (root / "pyproject.toml").write_text(f'[tool.dbkit]\nmigrations = "envs/{{service}}"\n{tables}')
    (root / "models.py").write_text("import sqlalchemy as sa\n\nmetadata = sa.MetaData()\n")
    for number in range(count):
        folder = root / "envs" / f"s{number:03}"
        (folder / "versions").mkdir(parents=True)
        (folder / "env.py").write_text(ENV)
        (folder / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s\n")
        for revision in range(1, REVISIONS + 1):
            down = f"{revision - 1:04}" if revision > 1 else None
            text = REVISION.format(revision=f"{revision:04}", down=down)
            (folder / "versions" / f"{revision:04}.py").write_text(text)


@contextmanager
def fleet(backend: str, count: int) -> Iterator[tuple[Path, dict[str, str]]]:
    """Give a project of so many services on a server, their databases made and empty; they are dropped at the end."""
    server = find_server(backend)
    if server is None:
        raise SystemExit(f"no server of {backend} is named")
    environ = server.environ(f"dbkit_fleet_{os.getpid()}_{{service}}")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root, count)
        os.environ.update(environ)
        try:
            project = Project.find(root)
            made = migrations.create(project)
            if not made.ok:
                raise SystemExit(f"the databases could not be made: {[entry.error for entry in made.services]}")
            yield root, environ
        finally:
            migrations.drop(project, project.service_names)
            for name in environ:
                del os.environ[name]


def theirs(root: Path) -> None:
    """Run the stock tool once per service."""
    project = Project.find(root)
    for name in project.service_names:
        url = project.config(name).get_connection_url()
        run(str(BIN / "alembic"), "upgrade", "head", environ={"BENCH_URL": url}, folder=root / "envs" / name)


def ours(root: Path, environ: dict[str, str]) -> None:
    """Run dbkit once."""
    run(str(BIN / "dbkit"), "migrate", environ=environ, folder=root)


def migrating(backend: str) -> None:
    """Compare migrations of all services, from empty and at head."""
    with fleet(backend, SERVICES) as (root, environ):
        stock_s = seconds(lambda: theirs(root))
        at_head_s = seconds(lambda: theirs(root))
        [ours_s] = medians(lambda: ours(root, environ), rounds=ROUNDS)
        line(f"{SERVICES} services at head, {backend}", ours_s, at_head_s, goal="20 x")
    with fleet(backend, SERVICES) as (root, environ):
        line(f"{SERVICES} services from empty, {backend}", seconds(lambda: ours(root, environ)), stock_s, goal="3 x")


def growing(backend: str) -> None:
    """Print what `status` takes, and what the parent of a migration holds in memory, by the number of services."""
    for count in GROWTH:
        with fleet(backend, count) as (root, environ):
            kib = parents_memory(root, environ, "migrate")
            status = lambda root=root, environ=environ: run(str(BIN / "dbkit"), "status", environ=environ, folder=root)  # noqa: E731
            [status_s] = medians(status, rounds=ROUNDS)
        print(f"{count:>3} services, {backend}: status {status_s:.3f} s; the parent of migrate {kib / 1024:.0f} MiB")


def parents_memory(root: Path, environ: dict[str, str], *command: str) -> int:
    """Run a command, and give the most memory that its own process held, in KiB."""
    note = root / "memory"
    run(sys.executable, "-c", MEMORY, str(note), *command, environ=environ, folder=root)
    return int(note.read_text())


def comparing() -> None:
    """Print every comparison, on the servers that are there."""
    there = [backend for backend in BACKENDS if find_server(backend) is not None]
    for backend in there:
        migrating(backend)
    for backend in there[:1]:
        growing(backend)
