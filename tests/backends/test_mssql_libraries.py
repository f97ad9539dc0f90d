"""What is said where a library of SQL Server's drivers cannot be loaded."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dbkit.backends.mssql.odbc import bundled
from tests.backends.mssql_there import loads

# This needs Linux and its linker: a copy of a library that needs another one which is nowhere.


def unlinked(source: Path, target: Path, needed: bytes) -> None:
    data = source.read_bytes()
    assert needed + b"\0" in data
    target.write_bytes(data.replace(needed + b"\0", needed[:-1] + b"0\0"))


def run_dbkit(home: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Connect in a process of its own, in which nothing is loaded yet."""
    code = (
        "from dbkit.config import DatabaseConfig; from dbkit.config.connect import connect; from dbkit.errors import DbkitError\n"
        "try:\n    connect(DatabaseConfig.from_env())\n"
        "except DbkitError as error:\n    print(type(error).__name__, error, error.hint, sep='\\n')"
    )
    clean = {"DATABASE_TYPE": "mssql", "DATABASE_HOST": "localhost", "DATABASE_PORT": "1", "DATABASE_USER": "u"}
    path = os.pathsep.join([str(home), *filter(None, sys.path)])
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=home,
        env={**os.environ, **clean, "DATABASE_NAME": "d", "PYTHONPATH": path, **environ},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


def find_module(name: str) -> Path | None:
    for folder in filter(None, sys.path):
        for found in Path(folder).glob(f"{name}*.so"):
            return found
    return None


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="made of the libraries of Linux")


@LINUX
def test_where_unixodbc_is_not_there_the_error_names_the_packages(tmp_path: Path) -> None:
    module = find_module("pyodbc")
    if module is None:
        pytest.skip("pyodbc is not installed: pip install 'dbkit[mssql]'")
    unlinked(module, tmp_path / module.name, b"libodbc.so.2")
    kind, message, hint = run_dbkit(tmp_path).stdout.splitlines()
    assert kind == "MissingDriverError"
    assert message.startswith(
        "the driver pyodbc of SQL Server cannot be loaded: libodbc.so.0: cannot open shared object"
    )
    assert hint.startswith("apt-get install libodbc2 libltdl7 (Debian, Ubuntu)")


@LINUX
@loads
def test_where_a_library_of_microsofts_driver_is_not_there_the_error_names_the_packages(tmp_path: Path) -> None:
    library = next(bundled(), None)
    if library is None:
        pytest.skip("the wheel mssql-python-odbc is not installed, or has no build for this machine")
    for folder in ("lib", "share/resources/en_US"):
        shutil.copytree(library.parent.parent / folder, tmp_path / folder)
    unlinked(library, tmp_path / "lib" / library.name, b"libgssapi_krb5.so.2")
    url = f"mssql://u@localhost:1/d?driver={tmp_path}/lib/{library.name}"
    done = run_dbkit(
        tmp_path,
        DATABASE_TYPE="",
        DATABASE_HOST="",
        DATABASE_PORT="",
        DATABASE_USER="",
        DATABASE_NAME="",
        DATABASE_URL=url,
    )
    kind, message, hint = done.stdout.splitlines()
    assert kind == "MissingDriverError"
    assert message == (
        f"the ODBC driver '{tmp_path}/lib/{library.name}' cannot be loaded: it is not there, or a library that it needs is not"
    )
    assert hint.startswith("apt-get install libodbc2 libltdl7 (Debian, Ubuntu)")
    assert hint.endswith("`ldd` shows which one is missing")
