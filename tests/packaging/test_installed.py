"""The wheel works in clean environments: with the oldest and the newest of everything that is allowed, on each Python."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from dbkit.testing.authorities import Authority
from tests.installing import need
from tests.packaging.building import Place, declared, refused, requirements
from tests.servers import Server

INSIDE = Path(__file__).parent / "inside"
LIST_ENTRIES = (
    "import json; from importlib.metadata import distribution; found = distribution('dbkit').entry_points; "
    "print(json.dumps([[each.group, each.name, each.value, each.load() is not None] for each in found]))"
)


def begin(place: Place, folder: Path, backend: str = "sqlite") -> None:
    """Begin a project as its user does."""
    folder.mkdir(exist_ok=True)
    need(place.run("dbkit", "init", "--service", "shop", "--backend", backend, "--name", "acme", cwd=folder))


def floor(specifier: SpecifierSet) -> Version:
    (found,) = [each.version for each in specifier if each.operator == ">="]
    return Version(found)


def test_an_environment_has_the_versions_that_it_is_for(place: Place) -> None:
    found = place.versions()
    for each in requirements():
        version = Version(found[each.name])
        lowest = floor(each.specifier)
        assert each.specifier.contains(version)
        if each.name in place.wanted.oldest:
            assert version.release[: len(lowest.release)] == lowest.release, f"{each}: {version} is not the oldest"
        elif any(ceiling.operator == "<" for ceiling in each.specifier):
            assert not each.specifier.contains(f"{version.major}.{version.minor + 1}"), f"{each}: {version} is old"


def test_a_project_is_begun_migrated_and_checked(place: Place, tmp_path: Path) -> None:
    begin(place, tmp_path)
    versions = place.versions()
    shown = place.run("dbkit", "--version", cwd=tmp_path)
    assert (shown.stdout.splitlines()[0], shown.stderr) == (f"dbkit {declared()['version']}", "")
    assert f"SQLAlchemy {versions['sqlalchemy']}, Alembic {versions['alembic']}" in shown.stdout
    migrated = place.run("dbkit", "migrate", cwd=tmp_path)
    assert (migrated.returncode, migrated.stderr) == (0, "")
    checked = place.run("python", "-m", "dbkit", "check", cwd=tmp_path)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "shop: the database matches the models\n", "")


def test_a_project_is_migrated_on_a_server(extreme: Place, server: Server, tmp_path: Path) -> None:
    begin(extreme, tmp_path, server.backend)
    with server.names("shop") as template:
        environ = server.environ(template)
        migrated = extreme.run("dbkit", "migrate", cwd=tmp_path, **environ)
        assert (migrated.returncode, migrated.stderr) == (0, "")
        assert server.has_database(template.format(service="shop"))
        checked = extreme.run("dbkit", "check", cwd=tmp_path, **environ)
        assert (checked.returncode, checked.stderr) == (0, "")


def connect(place: Place, folder: Path, environ: dict[str, str]) -> dict[str, str]:
    done = place.run("python", str(INSIDE / "connect.py"), cwd=folder, **environ)
    need(done)
    return dict(json.loads(done.stdout))


def test_every_driver_connects_over_tls_and_to_no_stranger(extreme: Place, server: Server, tmp_path: Path) -> None:
    environ = server.environ(server.url.database)
    if not environ.get("DATABASE_SSL_CA"):
        pytest.skip(f"DBKIT_TEST_CA is not set: {server.backend} here has no certificate that could be verified")
    told = connect(extreme, tmp_path, environ)
    assert told
    assert [each for each in told.values() if not each.startswith("encrypted by ")] == [], told
    stranger = Authority.make(tmp_path).ca_file
    told = connect(extreme, tmp_path, environ | {"DATABASE_SSL_CA": stranger})
    assert [each for each in told.values() if "certificate" not in each.lower()] == [], told


def test_every_entry_point_loads(extreme: Place, tmp_path: Path) -> None:
    done = extreme.run("python", "-c", LIST_ENTRIES, cwd=tmp_path)
    need(done)
    found = {(group, name): value for group, name, value, loaded in json.loads(done.stdout) if loaded}
    expected = {
        (group, name): value
        for group, entries in (declared()["entry-points"] | {"console_scripts": declared()["scripts"]}).items()
        for name, value in entries.items()
    }
    assert found == expected
    assert {group for group, _ in found} == {"console_scripts", "dbkit.backends", "pytest11", "sqlalchemy.dialects"}


def test_the_plugin_costs_nothing_until_it_is_used(extreme: Place, tmp_path: Path) -> None:
    (tmp_path / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
    seen = []
    for arguments in ([], ["-p", "no:dbkit"]):
        done = extreme.run("python", str(INSIDE / "counted.py"), *arguments, cwd=tmp_path)
        need(done)
        seen.append(set(json.loads(done.stderr)))
    with_it, without = seen
    assert "dbkit.testing.plugin" in with_it - without
    brought = {name for name in with_it - without if name.partition(".")[0] != "dbkit"}
    assert brought == set()
    assert len(with_it - without) <= len(without) / 50


def test_without_an_extra_sqlite_works_and_a_server_names_its_extra(bare: Place, tmp_path: Path) -> None:
    drivers = {each.name for each in requirements()} - {"alembic", "rich", "sqlalchemy", "typer"}
    assert set(bare.versions()) & drivers == set()
    begin(bare, tmp_path)
    need(bare.run("dbkit", "migrate", cwd=tmp_path))
    wrong = bare.run("dbkit", "migrate", cwd=tmp_path, DATABASE_TYPE="tidb", DATABASE_HOST="localhost")
    assert wrong.returncode == 2
    assert "dbkit[tidb]" in wrong.stderr


@pytest.mark.parametrize("extra", ["mysql", "mariadb", "tidb"])
def test_a_driver_that_may_send_a_login_in_clear_cannot_stand_beside(newest: Place, wheel: Path, extra: str) -> None:
    chosen = f"dbkit[{extra}] @ {wheel.as_uri()}"
    assert refused(newest.python, chosen) == ""
    assert "pymysql" in refused(newest.python, chosen, "pymysql<1.2")
    assert "cryptography" in refused(newest.python, chosen, "cryptography<46")


def test_the_types_of_the_wheel_are_seen(newest: Place, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", newest.python]
    command += ["--config-file=", f"--cache-dir={tmp_path}", str(INSIDE / "typed.py")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    errors = [line.partition(": ")[2] for line in done.stdout.splitlines() if ": error: " in line]
    assert errors == [
        'error: Incompatible types in assignment (expression has type "Engine", variable has type "int")  [assignment]'
    ]
