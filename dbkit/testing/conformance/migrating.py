"""Migrations for real: up, wrong, and down; and nothing that autogenerate would still want to change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import alembic
import pytest
import sqlalchemy as sa

from dbkit import migrations
from dbkit.config.connect import connect
from dbkit.errors import ExitCode
from dbkit.migrations import Result, ServiceResult
from dbkit.project import Project
from dbkit.testing.conformance.base import Conformance, throw_away
from dbkit.testing.projects import Home

__all__ = ["Migrating"]

SERVICE = "user"
PARENT_AND_CHILD = """
    op.create_table("a", sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))
    op.create_table(
        "c",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("a_id", sa.Integer, sa.ForeignKey("a.id", ondelete="CASCADE", name="fk_c_a_id"), nullable=False),
    )
    op.execute("INSERT INTO a VALUES (1, 1)")
    op.execute("INSERT INTO c VALUES (1, 1)")
"""
EVERYTHING = """
    from dbkit.testing.conformance.columns import columns_of

    sa.Table(
        "many",
        metadata,
        sa.Column("id", dbt.Uuid(), primary_key=True),
        sa.Column("of_id", sa.ForeignKey("many.id", name="fk_many_of_id", ondelete="CASCADE"), index=True),
        sa.Column("email", dbt.String(200), unique=True),
        *columns_of(frozenset({refused!r})),
    )
    """


@dataclass(frozen=True, kw_only=True)
class Site:
    """A project whose service is configured for a database that is not there yet."""

    home: Home

    @property
    def project(self) -> Project:
        """The project as its file stands now."""
        return self.home.project()

    def migrate(self) -> ServiceResult:
        """Bring the service to head."""
        return migrations.migrate(self.project, [SERVICE])[SERVICE]

    def check(self) -> Result:
        """Compare the models with the database."""
        return migrations.check(self.project, [SERVICE])

    def tables(self) -> set[str]:
        """Name the tables, but for dbkit's own."""
        with connect(self.project.config(SERVICE)) as connection:
            return {name for name in sa.inspect(connection).get_table_names() if not name.startswith("dbkit_")}

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        """Ask the database."""
        with connect(self.project.config(SERVICE)) as connection:
            return [tuple(row) for row in connection.execute(sa.text(statement))]


class Migrating(Conformance):
    """A service's history, on a database of its own."""

    template: ClassVar[Path] = Path(alembic.__file__).parent / "templates/generic/script.py.mako"
    """The template of revision files."""

    @pytest.fixture
    def site(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
        if self.profile.missing is not None:
            pytest.skip(self.profile.missing)
        made = Site(home=Home(tmp_path).write(SERVICE))
        for key, value in throw_away(self.profile, tmp_path).items():
            monkeypatch.setenv(key, value)
        yield made
        migrations.drop(made.project, [SERVICE])

    def test_a_missing_database_is_made_and_brought_to_head(self, site: Site) -> None:
        site.home.table(SERVICE, "0001", "a")
        site.home.table(SERVICE, "0002", "b")
        found = site.migrate()
        assert (found.error, found.exit_code) == (None, ExitCode.OK)
        assert found.created
        assert (found.backend, found.revision, found.head) == (self.profile.backend, "0002", "0002")
        assert found.pending == ()
        assert [one.revision for one in found.applied] == ["0001", "0002"]
        assert site.tables() == {"a", "b", "alembic_version_user"}

    def test_a_revision_is_written_from_the_models_and_leaves_nothing_to_change(self, site: Site) -> None:
        template = site.home.root / "envs" / SERVICE / "script.py.mako"
        template.write_text(self.template.read_text(encoding="utf-8"), encoding="utf-8")
        site.home.models(SERVICE, EVERYTHING.format(refused=sorted(self.profile.refuses)))
        migrations.create(site.project, [SERVICE])
        made = migrations.revision(site.project, SERVICE, "everything", autogenerate=True)
        assert (made.revision, Path(made.file).name, made.empty) == ("0001", "0001_everything.py", False)
        text = Path(made.file).read_text(encoding="utf-8")
        assert "import dbkit.types as dbt" in text
        assert "dbt.v1.Uuid()" in text
        assert site.migrate().error is None
        assert site.check()[SERVICE].differences == ()
        again = migrations.revision(site.project, SERVICE, "nothing", autogenerate=True)
        assert (again.revision, again.file, again.empty) == ("", "", True)

    def test_rollback_undoes_the_last_revision(self, site: Site) -> None:
        site.home.table(SERVICE, "0001", "a")
        site.home.table(SERVICE, "0002", "b")
        site.migrate()
        found = migrations.rollback(site.project, SERVICE)[SERVICE]
        assert (found.error, found.revision, found.pending) == (None, "0001", ("0002",))
        assert site.tables() == {"a", "alembic_version_user"}
        assert migrations.rollback(site.project, SERVICE, to="base")[SERVICE].revision is None
        assert site.tables() == {"alembic_version_user"}

    def test_create_and_drop_make_and_remove_the_database(self, site: Site) -> None:
        assert migrations.create(site.project, [SERVICE])[SERVICE].created
        assert not migrations.create(site.project, [SERVICE])[SERVICE].created
        assert migrations.drop(site.project, [SERVICE])[SERVICE].error is None
        assert migrations.create(site.project, [SERVICE])[SERVICE].created

    def test_what_a_failed_revision_leaves_behind_is_told(self, site: Site) -> None:
        site.home.revision(SERVICE, "0001", 'op.create_table("b", sa.Column("id", sa.Integer))\nop.execute("BROKEN")')
        found = site.migrate()
        assert found.failure is not None
        if self.profile.product.traits.transactional_ddl:
            assert found.failure.committed == ()
            assert "b" not in site.tables()
        else:
            assert [sql.split("(")[0].strip() for sql in found.failure.committed] == ["CREATE TABLE b"]
            assert "b" in site.tables()

    def test_rows_of_a_failed_revision_do_not_stay(self, site: Site) -> None:
        site.home.table(SERVICE, "0001", "a")
        site.home.revision(SERVICE, "0002", 'op.execute("INSERT INTO a VALUES (1, 1)")\nraise ValueError("on purpose")')
        found = site.migrate()
        assert "ValueError: on purpose" in str(found.error)
        assert found.failure is not None
        assert found.failure.committed == ()
        assert site.rows("SELECT count(*) FROM a") == [(0,)]

    def test_rebuilding_a_parent_table_keeps_its_childrens_rows(self, site: Site) -> None:
        site.home.revision(SERVICE, "0001", PARENT_AND_CHILD)
        site.home.revision(
            SERVICE,
            "0002",
            """
            with op.batch_alter_table("a") as batch:
                batch.alter_column("n", existing_type=sa.Integer(), type_=sa.BigInteger())
            """,
        )
        assert site.migrate().error is None
        assert site.rows("SELECT id, a_id FROM c") == [(1, 1)]

    def test_a_revision_that_orphans_rows_fails_and_leaves_nothing(self, site: Site) -> None:
        site.home.revision(SERVICE, "0001", PARENT_AND_CHILD)
        site.home.revision(SERVICE, "0002", 'op.execute("UPDATE c SET a_id = 7")')
        found = site.migrate()
        assert (found.exit_code, found.revision) == (ExitCode.FAILED, "0001")
        assert found.failure is not None
        assert (found.failure.revision, found.failure.committed) == ("0002", ())
        assert site.rows("SELECT id, a_id FROM c") == [(1, 1)]

    def test_the_sql_of_a_history_is_written_without_a_server(self, tmp_path: Path) -> None:
        home = Home(tmp_path).write(SERVICE)
        home.revision(
            SERVICE,
            "0001",
            f"""
            from dbkit.testing.conformance.columns import columns_of

            columns = columns_of(frozenset({sorted(self.profile.refuses)!r}))
            op.create_table("many", sa.Column("id", sa.Integer, primary_key=True), *columns)
            """,
        )
        texts: list[str] = []
        result = migrations.sql(home.project(), backend=self.profile.backend, write=texts.append)
        assert result[SERVICE].error is None
        assert "CREATE TABLE many" in texts[0]
        assert "INSERT INTO alembic_version_user" in texts[0]
