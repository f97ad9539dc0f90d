"""A project's own env.py, run with dbkit's lock, isolation and report: what it is lent, and what comes of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dbkit import migrations
from dbkit.config.connect import connect
from dbkit.errors import ExitCode
from dbkit.migrations.env import Environment
from dbkit.project import Project
from tests.backends.own_folders import ENV, INI, OwnSite, own_site
from tests.servers import BACKENDS

TEMPLATES = {"generic": "generic", "waits": "async", "several": "multidb", "toml": "pyproject"}
SERVICES = ("app", "other", *TEMPLATES)

on_all = pytest.mark.parametrize(
    "site",
    [pytest.param(name, marks=getattr(pytest.mark, name)) for name in BACKENDS if name != "mssql"],
    indirect=True,
)


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnSite]:
    """Give a project on each backend in turn."""
    with own_site(request.param, tmp_path, SERVICES, monkeypatch.setenv) as found:
        yield found


@on_all
def test_alembics_own_templates_migrate_whatever_url_stands_in_their_ini(site: OwnSite) -> None:
    site.write(**dict.fromkeys(TEMPLATES, ""))
    for service, template in TEMPLATES.items():
        site.template(service, template)
        site.table("0001", "a", service=service)
        site.table("0002", "b", service=service)
    ini = site.root / "several" / "alembic.ini"
    ini.write_text(ini.read_text().replace("databases = engine1, engine2", "databases = engine1"))
    result = migrations.migrate(site.project)
    assert {one.service: (one.error, one.exit_code, one.revision) for one in result.services} == dict.fromkeys(
        TEMPLATES, (None, ExitCode.OK, "0002")
    )
    assert {service: site.tables(service) for service in TEMPLATES} == {
        service: {"a", "b", "alembic_version"} for service in TEMPLATES
    }
    assert migrations.rollback(site.project, "waits", to="base")["waits"].revision is None
    assert site.tables("waits") == {"alembic_version"}


# All the ways in which revisions of public applications go about their work.
HISTORY = {
    "0001": """
    op.create_table(
        "a",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("n", sa.Integer),
        sa.Column("name", sa.String(40), nullable=False, server_default="x"),
    )
    op.bulk_insert(sa.table("a", sa.column("id"), sa.column("n")), [{"id": 1, "n": 1}, {"id": 2, "n": 2}])
    """,
    "0002": """
    bind = op.get_bind()
    assert op.get_context().dialect.name == settings.DIALECT, op.get_context().dialect.name
    assert context.get_x_argument(as_dictionary=True) == {"tenant": "blue"}
    assert context.config.get_main_option("sqlalchemy.url")
    with op.batch_alter_table("a") as batch:
        batch.add_column(sa.Column("m", sa.Integer))
    cursor = bind.connection.cursor()
    cursor.execute("UPDATE a SET m = 5 WHERE id = 1")
    cursor.close()
    with sa.orm.Session(bind=bind) as session:
        session.execute(sa.text("INSERT INTO a (id, n, name) VALUES (3, 3, 'session')"))
        session.commit()
    """,
    "0003": """
    op.create_table("c", sa.Column("id", sa.Integer, primary_key=True), sa.Column("a_id", sa.Integer, sa.ForeignKey("a.id", name="fk_c_a")))
    op.create_index("ix_a_n", "a", ["n"])
    with op.get_context().autocommit_block():
        op.execute("INSERT INTO a (id, n, name) VALUES (4, 4, 'auto')")
    metadata = sa.MetaData()
    table = sa.Table("a", metadata, autoload_with=op.get_bind())
    assert op.get_bind().scalar(sa.select(sa.func.count()).select_from(table)) == 4
    """,
    "0004": """
    bind = op.get_bind()
    bind.execute(sa.text("UPDATE a SET n = n + 10"))
    bind.commit()
    sa.Table("d", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True)).create(bind)
    print("a revision prints")
    """,
    "0005": """
    with settings.engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT max(n) FROM a")) == 14
    """,
}
APPLICATION = """
import sqlalchemy.orm

DIALECT = sa.make_url(URL).get_backend_name() if "APP_URL" in os.environ else "{dialect}"
applied = []


@sa.event.listens_for(engine, "connect")
def _on_connect(connection, record):
    applied.append("connected")
"""
BUSY_ENV = """
import logging
from logging.config import dictConfig

import sqlalchemy as sa
from alembic import context

import settings

dictConfig({"version": 1, "disable_existing_loggers": True})
print("an env.py prints")
context.config.set_main_option("sqlalchemy.url", settings.URL.replace("%", "%%"))


def include_object(object, name, type_, reflected, compare_to):
    return name != "hidden"


def applied(**facts):
    settings.applied.append(facts["step"].up_revision_id)


with settings.engine.begin() as connection:
    connection.execute(sa.text("SELECT 1"))
    assert sa.inspect(settings.engine).get_table_names() is not None
with settings.engine.connect() as connection:
    connection.execute(sa.text("SELECT 1"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=settings.metadata,
        include_object=include_object,
        on_version_apply=applied,
        render_as_batch=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
"""
DIALECTS = {"postgresql": "postgresql", "sqlite": "sqlite"}


@pytest.fixture
def busy(site: OwnSite) -> OwnSite:
    """Give a folder whose env.py and revisions do all that is seen in public ones."""
    site.write(app='[tool.dbkit.services.app.alembic]\nx = ["tenant=blue"]')
    settings = site.root / "settings.py"
    settings.write_text(settings.read_text() + APPLICATION.replace("{dialect}", DIALECTS.get(site.backend, "mysql")))
    site.env(BUSY_ENV)
    for number, upgrade in HISTORY.items():
        site.revision(number, upgrade, head="from alembic import context\n\nimport settings")
    return site


@on_all
def test_a_busy_folder_leaves_the_same_database_as_the_stock_tool(busy: OwnSite) -> None:
    found = migrations.migrate(busy.project)["app"]
    assert (found.error, found.revision) == (None, "0005")
    with busy.stock("-x", "tenant=blue", "upgrade", "head") as stock:
        assert busy.contents() == stock


@pytest.mark.parametrize(
    "upgrade", [migrations.migrate, lambda project: migrations.alembic(project, "app", ["upgrade", "head"])]
)
@on_all
def test_what_comes_after_a_commit_of_the_last_revision_is_kept_with_its_version(
    site: OwnSite, upgrade: Callable[[Project], object]
) -> None:
    site.write(app="")
    site.env(ENV)
    site.table("0001", "a")
    site.revision("0002", 'op.get_bind().commit()\nop.execute("INSERT INTO a VALUES (2)")')
    assert migrations.create(site.project).ok
    upgrade(site.project)
    assert site.rows("SELECT id FROM a") == [(2,)]
    assert site.rows("SELECT version_num FROM alembic_version") == [("0002",)]


CONFIGURES = """
import logging.config

logging.config.dictConfig({"version": 1, "loggers": {"acme": {"level": "DEBUG"}}})
"""


@on_all
def test_an_env_file_that_configures_logging_silences_no_logger(site: OwnSite) -> None:
    site.write(app="")
    (site.root / "app" / "alembic.ini").write_text(INI.format(folder=site.root / "app"))
    site.env(CONFIGURES + ENV)
    site.table("0001", "a")
    assert migrations.create(site.project).ok
    ours, acme, root_level = logging.getLogger("dbkit.told"), logging.getLogger("acme"), logging.getLogger().level
    environment = Environment.of(site.project, "app")
    with connect(site.project.config("app"), migrating=True) as connection:
        environment.run(connection, lambda _revision, _context: [])
    assert (ours.disabled, acme.level, logging.getLogger().level) == (False, logging.DEBUG, root_level)


def test_a_file_with_a_percent_sign_in_its_path_can_be_lent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "100%(here)s"
    folder.mkdir()
    with own_site("sqlite", folder, ("app",), monkeypatch.setenv) as site:
        site.write(app="")
        site.env(ENV)
        site.table("0001", "a")
        assert migrations.migrate(site.project)["app"].error is None
        assert site.tables() == {"a", "alembic_version"}
