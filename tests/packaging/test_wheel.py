"""The wheel holds dbkit alone, and works in a folder where there is nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.packaging.building import ROOT


def test_the_wheel_holds_dbkit_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"dbkit"}


def test_the_wheel_holds_what_is_no_python(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / "dbkit").rglob("*") if path.is_file()}
    assert {name for name in there if "__pycache__" not in name} <= names


def test_the_wheel_declares_its_command_backends_and_dialect(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    name = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
    text = archive.read(name).decode()
    assert "dbkit = dbkit.cli.main:main" in text
    assert "tidb.pymysql = dbkit.backends.tidb.dialect:TidbDialect" in text
    for backend in ("sqlite", "postgresql", "mysql", "mariadb", "tidb", "mssql"):
        assert f"{backend} = dbkit.backends.{backend}:BACKEND" in text


def test_the_wheel_migrates_in_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.dbkit]\nmigrations = "envs/{service}"\n[tool.dbkit.services.shop]\nmetadata = "shop:metadata"\n'
    )
    (tmp_path / "shop.py").write_text("import sqlalchemy as sa\nmetadata = sa.MetaData()\n")
    versions = tmp_path / "envs/shop/versions"
    versions.mkdir(parents=True)
    (versions / "0001.py").write_text(
        '"""Nothing."""\nrevision = "0001"\ndown_revision = None\n\n\ndef upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n'
    )
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from dbkit.cli.main import run; "
        "import dbkit; assert dbkit.__file__.startswith(sys.argv[1]); sys.exit(run(['migrate']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(wheel)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].startswith("migrating shop ")
