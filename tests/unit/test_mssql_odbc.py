"""Which ODBC driver is chosen, on this machine and on others, and what is said where there is none."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest

from dbkit.backends import get_backend
from dbkit.backends.mssql import odbc
from dbkit.backends.mssql.odbc import System, checked, find_driver
from dbkit.backends.optional import Located
from dbkit.checks.settings import library
from dbkit.config import DatabaseConfig
from dbkit.config.emission import emission
from dbkit.errors import ConfigurationError, MissingDriverError

WHEEL = Path("/site/mssql_python_odbc/libs/linux/rhel/x86_64/lib/libmsodbcsql-18.6.so.2.1")
SEVENTEEN, EIGHTEEN, TWENTY = (f"ODBC Driver {number} for SQL Server" for number in (17, 18, 20))


@pytest.mark.parametrize(
    ("names", "files", "expected"),
    [
        ([EIGHTEEN], [WHEEL], f"{EIGHTEEN} (installed in the system)"),
        ([SEVENTEEN, TWENTY, EIGHTEEN], [], f"{TWENTY} (installed in the system)"),
        ([SEVENTEEN], [WHEEL], f"{WHEEL} (from the wheel mssql-python-odbc)"),
        (["FreeTDS", "SQLite3"], [WHEEL], f"{WHEEL} (from the wheel mssql-python-odbc)"),
        ([SEVENTEEN, "FreeTDS"], [], "None"),
        ([], [], "None"),
    ],
)
def test_the_systems_newest_driver_comes_before_the_wheels_and_none_below_18_is_taken(
    names: list[str], files: list[Path], expected: str
) -> None:
    assert str(find_driver(names=lambda: names, files=lambda: files)) == expected


@pytest.mark.parametrize(
    ("kernel", "machine", "distributions", "folder"),
    [
        ("Linux", "x86_64", "debian", "linux/debian_ubuntu/x86_64"),
        ("Linux", "aarch64", "ubuntu debian", "linux/debian_ubuntu/arm64"),
        ("Linux", "x86_64", "rocky rhel centos fedora", "linux/rhel/x86_64"),
        ("Linux", "x86_64", "amzn fedora", "linux/rhel/x86_64"),
        ("Linux", "x86_64", "opensuse-leap suse opensuse", "linux/suse/x86_64"),
        ("Linux", "aarch64", "sles suse", "linux/suse/arm64"),
        ("Linux", "aarch64", "alpine", "linux/alpine/arm64"),
        ("Linux", "x86_64", "arch", "linux/debian_ubuntu/x86_64"),
        ("Linux", "x86_64", "", "linux/debian_ubuntu/x86_64"),
        ("Darwin", "arm64", "", "macos/arm64"),
    ],
)
def test_each_machine_has_its_folder_in_the_wheel(kernel: str, machine: str, distributions: str, folder: str) -> None:
    assert System(kernel=kernel, machine=machine, distributions=frozenset(distributions.split())).folder() == folder


FILES = (
    "mssql_python_odbc/__init__.py",
    "mssql_python_odbc/libs/linux/debian_ubuntu/x86_64/lib/libmsodbcsql-18.6.so.2.1",
    "mssql_python_odbc/libs/linux/debian_ubuntu/x86_64/lib/libodbcinst.so.2",
    "mssql_python_odbc/libs/linux/rhel/x86_64/lib/libmsodbcsql-18.6.so.2.1",
    "mssql_python_odbc/libs/macos/arm64/lib/libmsodbcsql.18.dylib",
)


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a wheel of empty files."""
    info = tmp_path / "mssql_python_odbc-18.6.2.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mssql-python-odbc\nVersion: 18.6.2.2\n")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in FILES))
    for file in FILES:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("system", "found"),
    [
        (System(kernel="Linux", machine="x86_64", distributions=frozenset({"debian"})), [FILES[1]]),
        (System(kernel="Linux", machine="x86_64", distributions=frozenset({"fedora"})), [FILES[3]]),
        (System(kernel="Darwin", machine="arm64"), [FILES[4]]),
        (System(kernel="Linux", machine="aarch64", distributions=frozenset({"debian"})), []),
        (System(kernel="Linux", machine="x86_64", distributions=frozenset({"alpine"})), []),
    ],
)
def test_the_library_is_found_in_the_wheel_by_what_the_wheel_says_that_it_holds(
    wheel: Path, system: System, found: list[str]
) -> None:
    assert list(odbc.bundled(system)) == [wheel / file for file in found]


def test_a_library_that_was_deleted_from_the_wheel_is_not_named(wheel: Path) -> None:
    (wheel / FILES[1]).unlink()
    assert list(odbc.bundled(System(kernel="Linux", machine="x86_64"))) == []


@pytest.mark.parametrize("name", [EIGHTEEN, TWENTY, str(WHEEL), "/opt/microsoft/lib64/libmsodbcsql-18.5.so.1.1"])
def test_microsofts_driver_may_be_named_from_18_on(name: str) -> None:
    assert checked(name) == name


@pytest.mark.parametrize(
    "name",
    [SEVENTEEN, "FreeTDS", "SQL Server", "ODBC Driver 18 for SQL Server;Encrypt=no", "/lib/libmsodbcsql-17.10.so.6.1"],
)
def test_a_driver_that_does_not_verify_is_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(repr(name))) as caught:
        checked(name)
    assert caught.value.hint == f"leave the option 'driver' out, or name {EIGHTEEN!r}"


def manager(*names: str) -> types.ModuleType:
    """Make a pyodbc whose driver manager knows these drivers, and nothing else."""
    module = types.ModuleType("pyodbc")
    vars(module).update(drivers=lambda: list(names), pooling=True, version="5.2.0", paramstyle="qmark", Cursor=object)
    return module


def config(**changes: object) -> DatabaseConfig:
    values: dict[str, object] = {"backend": "mssql", "host": "db.example.com", "user": "u", "database": "d"}
    return DatabaseConfig(**{**values, **changes})  # type: ignore[arg-type]  # fields by name


def test_without_a_driver_an_engine_is_refused_with_what_brings_one_and_a_url_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pyodbc", manager(SEVENTEEN))
    monkeypatch.setattr(odbc, "WHEEL", "no-such-wheel")
    with pytest.raises(MissingDriverError, match="is not there, only ODBC Driver 17 for SQL Server") as caught:
        config().create_engine()
    assert "pip install 'dbkit[mssql]'" in str(caught.value.hint)
    assert config().url().query["driver"] == EIGHTEEN  # it may be for another machine


def test_the_driver_that_was_found_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyodbc", manager(EIGHTEEN))
    connector = get_backend("mssql").connector()
    assert isinstance(connector, Located)
    assert connector.library(config().endpoint()) == f"{EIGHTEEN} (installed in the system)"
    named = config(query={"Driver": f"{{{TWENTY}}}"}).endpoint()
    assert connector.library(named) == f"{TWENTY} (named in DATABASE_URL)"


def test_the_explanation_and_the_doctor_tell_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyodbc", manager(EIGHTEEN))
    explained = emission(config(), "sync")
    assert explained is not None
    assert explained.library == f"{EIGHTEEN} (installed in the system)"
    endpoint = config().endpoint()
    seen = [(item.check, item.message) for item in library(endpoint, get_backend("mssql").connector())]
    assert seen == [("driver.library", f"pyodbc loads {EIGHTEEN} (installed in the system)")]
    assert list(library(endpoint, get_backend("postgresql").connector())) == []


def test_strict_tls_is_not_given_up_for_clear_text_that_was_asked_for_elsewhere() -> None:
    with pytest.raises(ConfigurationError, match="'strict', and DATABASE_TLS asks for clear text"):
        config(host="localhost", tls="insecure-loopback", mssql_encrypt="strict").url()


LINKERS = ["libodbc.so.2", "libltdl.so.7"]


@pytest.mark.parametrize("library", LINKERS)
def test_a_missing_library_of_the_system_is_told_with_the_packages_that_bring_it(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Linker:
        """Fails as the loader does where a library is not there: with the module's name."""

        def find_spec(self, name: str, *_: object) -> None:
            if name == "pyodbc":
                raise ImportError(f"{library}: cannot open shared object file: No such file or directory", name=name)

    monkeypatch.delitem(sys.modules, "pyodbc", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Linker(), *sys.meta_path])
    with pytest.raises(
        MissingDriverError, match=f"pyodbc of SQL Server cannot be loaded: {re.escape(library)}"
    ) as caught:
        config().create_engine()
    assert str(caught.value.hint).startswith("apt-get install libodbc2 libltdl7 (Debian, Ubuntu)")
    assert "pip" not in str(caught.value.hint)
