"""`pytest --dbkit`: what it finds in revisions and models, said in a line, on every backend; and what it cannot be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.projects import Home

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

TABLE = 'sa.Table("{name}", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))\n'


def write_faults(home: Home) -> None:
    """Write services each of which has a fault of its own, save one."""
    home.write("differing", "failing", "firm", "forked", "leaving")
    for service in ("differing", "failing", "firm", "leaving"):
        home.table(service, "0001", f"{service}_rows")
        home.models(service, TABLE.format(name=f"{service}_rows"))
    home.models("differing", TABLE.format(name="differing_rows") + TABLE.format(name="more_rows"))
    home.revision("failing", "0002", "pass", 'op.execute("SELECT * FROM no_such_table")')
    home.revision(
        "firm",
        "0002",
        'op.execute("DELETE FROM firm_rows")',
        'from dbkit.errors import IrreversibleError\nraise IrreversibleError("the rows are gone")',
    )
    home.table("firm", "0003", "firm_notes")
    home.models("firm", TABLE.format(name="firm_rows") + TABLE.format(name="firm_notes"))
    for revision in ("0001", "0002"):
        home.table("forked", revision, f"t{revision}", down=None)
    home.revision(
        "leaving",
        "0002",
        'op.create_table("kept", sa.Column("id", sa.Integer, primary_key=True))\nop.create_index("ix_n", "leaving_rows", ["n"])',
        'op.drop_index("ix_n", "leaving_rows")',
    )
    home.models(
        "leaving",
        TABLE.format(name="leaving_rows")
        + 'sa.Table("kept", metadata, sa.Column("id", sa.Integer, primary_key=True))\nsa.Index("ix_n", metadata.tables["leaving_rows"].c.n)\n',
    )


UNDOING = "the revisions of service 'leaving' do not undo what they did on {backend}: undoing 0002: table kept is left"
DIFFERENT = "models and database of service 'differing' differ on {backend}: add_table more_rows"


def test_each_fault_is_found_at_its_service_and_said_in_a_line(suite: Suite) -> None:
    write_faults(suite.home)
    found = suite.run("--dbkit", "-p", "no:xdist")
    failed = {name.removeprefix("pyproject.toml::") for name, word in found.results().items() if word != "PASSED"}
    assert failed == {
        "differing::models_match[sqlite]",
        "failing::up_down_up[sqlite]",
        "forked::one_head",
        "forked::up_down_up[sqlite]",
        "forked::models_match[sqlite]",
        "leaving::up_down_up[sqlite]",
    }, found.said
    lines = found.said.splitlines()
    for line in (
        DIFFERENT.format(backend="sqlite"),
        "service 'forked' has 2 heads: 0001, 0002",
        'hint: join them: dbkit alembic forked -- merge -m "merge" heads',
        UNDOING.format(backend="sqlite"),
    ):
        assert line in lines, found.said
    assert "service 'failing' cannot be taken down to 0001 on sqlite: revision '0002' failed" in found.said, found.said
    assert ("Traceback" in found.said, "checks.py" in found.said, suite.left("sqlite")) == (False, False, [])


def test_branches_that_all_have_labels_are_no_fault(suite: Suite) -> None:
    suite.home.write("apart")
    for revision in ("0001", "0002"):
        file = suite.home.table("apart", revision, f"t{revision}", down=None)
        file.write_text(file.read_text() + f"\nbranch_labels = ('of_{revision}',)\n")
    suite.home.models("apart", TABLE.format(name="t0001") + TABLE.format(name="t0002"))
    found = suite.run("--dbkit", "-p", "no:xdist")
    assert set(found.results().values()) == {"PASSED"}, found.said


def test_servers_are_checked_too_and_nothing_is_left_there(suite: Suite, backend: str) -> None:
    write_faults(suite.home)
    chosen = "(leaving and up_down_up) or (differing and models_match) or (firm and up_down_up)"
    found = suite.run("--dbkit", f"--dbkit-backends={backend}", "-k", chosen, "-n", "2")
    assert (found.summary, suite.left(backend)) == ("2 failed, 1 passed", []), found.said
    for line in (UNDOING, DIFFERENT):
        assert line.format(backend=backend) in found.said.splitlines(), found.said


OWN_ENV = """
import sqlalchemy as sa
from alembic import context

metadata = sa.MetaData()
{tables}
engine = sa.create_engine("sqlite:////nowhere/at/all.db")
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata={models})
    with context.begin_transaction():
        context.run_migrations()
"""


def write_own(home: Home, **environments: str) -> None:
    """Write services each of which has an env.py of its own, which is run, and one revision."""
    home.write(*environments)
    text = "".join(f'[tool.dbkit.services.{name}]\nmigrations = "envs/{name}"\nenv = "own"\n' for name in environments)
    (home.root / "pyproject.toml").write_text(f'[tool.dbkit]\ndatabase = "{{service}}"\n{text}')
    for name, env in environments.items():
        home.table(name, "0001", f"{name}_rows")
        (home.root / "envs" / name / "env.py").write_text(env)


def test_models_that_only_its_own_env_knows_are_compared_too(suite: Suite, backend: str) -> None:
    rows = {name: TABLE.format(name=f"{name}_rows") for name in ("differing", "matching")}
    write_own(
        suite.home,
        differing=OWN_ENV.format(tables=rows["differing"] + TABLE.format(name="more_rows"), models="metadata"),
        matching=OWN_ENV.format(tables=rows["matching"], models="metadata"),
        silent=OWN_ENV.format(tables="", models="None"),
    )
    found = suite.run("--dbkit", f"--dbkit-backends={backend}", "-n", "2", "--dist=loadscope")
    assert (found.summary, suite.left(backend)) == ("1 failed, 7 passed, 1 skipped", []), found.said
    assert DIFFERENT.format(backend=backend) in found.said.splitlines(), found.said
    assert f"FAILED pyproject.toml::differing::models_match[{backend}]" in found.said, found.said
    silent = suite.home.root / "envs" / "silent" / "env.py"
    assert f"service 'silent': its env.py ({silent}) names no target_metadata to compare with" in found.said, found.said


def test_the_checks_stand_beside_tests_and_are_chosen_as_they_are(suite: Suite) -> None:
    suite.tests("""
        def test_mine():
            pass
    """)
    folder = suite.home.root / "more"
    folder.mkdir()
    (suite.home.root / "test_it.py").rename(folder / "test_it.py")
    checks = {f"pyproject.toml::{service}::one_head": "PASSED" for service in ("shop", "user")}
    mine = {"more/test_it.py::test_mine": "PASSED"}

    assert suite.run("more").results() == mine
    assert suite.run("more", "--dbkit", "-k", "one_head or mine", "-n", "2").results() == {**checks, **mine}
    one = "pyproject.toml::user::one_head"
    assert suite.run("--dbkit", one).results() == {one: "PASSED"}
    assert suite.run("--dbkit", "--dbkit-services=user", "-m", "dbkit_check", "-k", "one_head").results() == {
        one: "PASSED"
    }


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (
            ["--dbkit-backends=postgre"],
            ["ERROR: --dbkit-backends: unknown backend 'postgre'", "hint: did you mean 'postgresql'?"],
        ),
        (
            ["--dbkit-services=users"],
            ["ERROR: --dbkit-services: unknown service 'users'", "hint: did you mean 'user'?"],
        ),
        (["--dbkit", "-o", "dbkit_backends=oracle"], ["ERROR: dbkit_backends: unknown backend 'oracle'"]),
        (
            ["--dbkit", "-o", "dbkit_root=/"],
            ["ERROR: dbkit_root is '/', and there is no dbkit project in '/' or above it"],
        ),
    ],
    ids=["backend", "service", "ini", "root"],
)
def test_what_cannot_be_asked_for_is_said_before_anything_is_run(
    suite: Suite, arguments: list[str], wanted: list[str]
) -> None:
    found = suite.run(*arguments)
    assert (found.exit_code, set(wanted) - set(found.said.splitlines())) == (4, set()), found.said


def test_a_test_that_cannot_be_given_a_database_says_why(suite: Suite) -> None:
    suite.tests("""
        import pytest

        @pytest.mark.dbkit(service="user", backends="postgresql")
        def test_no_server(dbkit_database):
            pass

        @pytest.mark.dbkit(service="users")
        def test_no_service(dbkit_database):
            pass

        @pytest.mark.dbkit(service="user")
        def test_no_other_service(dbkit_database):
            dbkit_database.of("admins")

        @pytest.mark.dbkit(service="user", backends=["oracle"])
        def test_no_backend(dbkit_database):
            pass

        @pytest.mark.dbkit(service="user", speed="fast")
        def test_no_argument(dbkit_database):
            pass

        @pytest.mark.dbkit(service="user", backends="mariadb")
        def test_not_asked_for(dbkit_database):
            pass
    """)
    found = suite.run("-p", "no:xdist", DBKIT_TEST_BACKENDS="sqlite,postgresql", DBKIT_TEST_POSTGRESQL_URL="")
    lines = found.said.splitlines()
    assert found.summary == "1 failed, 1 skipped, 5 errors", found.said
    assert "unknown service 'admins'" in found.said
    for line in (
        "PostgreSQL is asked for, and DBKIT_TEST_POSTGRESQL_URL is not set",
        "unknown service 'users'",
        "unknown backend 'oracle'",
        "the mark dbkit has no argument 'speed'",
    ):
        assert line in lines, found.said
    assert "runs on mariadb: --dbkit-backends=mariadb" in found.said


def test_a_server_that_is_away_fails_the_test_in_a_line(suite: Suite) -> None:
    suite.tests("""
        def test_it(dbkit_database):
            pass
    """)
    url = "postgresql://nobody:nothing@127.0.0.1:1/postgres"
    found = suite.run("--dbkit-backends=postgresql", "-p", "no:xdist", DBKIT_TEST_POSTGRESQL_URL=url)
    assert found.summary == "2 errors", found.said
    assert "cannot reach PostgreSQL at 127.0.0.1:1:" in found.said
    assert "nothing@" not in found.said


def test_outside_of_a_project_there_is_a_line_too(suite: Suite) -> None:
    (suite.home.root / "pyproject.toml").unlink()
    suite.tests("""
        def test_it(dbkit_database):
            pass
    """)
    wanted = f"no dbkit project in {str(suite.home.root)!r} or above it"
    assert wanted in suite.run().said.splitlines()
    found = suite.run("--dbkit")
    assert (found.exit_code, found.said.splitlines()[0]) == (4, f"ERROR: {wanted}")
