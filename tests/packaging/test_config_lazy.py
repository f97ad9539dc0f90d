"""Reading a configuration costs no SQLAlchemy."""

from __future__ import annotations

import subprocess
import sys

import pytest

READ = """
import sys
from dbkit.config import DatabaseConfig
config = DatabaseConfig.from_env("user", environ={environ!r})
config.redacted(), repr(config), config.address
heavy = {{"sqlalchemy", "alembic", "pymysql", "psycopg2", "typer", "rich"}} & set(sys.modules)
print(sorted(heavy))
"""


@pytest.mark.parametrize(
    "environ", [{}, {"DATABASE_URL": "tidb://u:p@h/x"}, {"DATABASE_TYPE": "postgresql"}, {"DATABASE_TYPE": "mssql"}]
)
def test_reading_a_configuration_imports_nothing_heavy(environ: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", READ.format(environ=environ)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
