"""Small projects that tests write into a folder: services, models and revision files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent

from dbkit.project import Project

__all__ = ["REVISION", "Home", "block"]

REVISION = '''"""{description}."""

import sqlalchemy as sa
from alembic import op

import dbkit.types as dbt

revision = {revision!r}
down_revision = {down!r}


def upgrade() -> None:
{upgrade}


def downgrade() -> None:
{downgrade}
'''
MODELS = """import sqlalchemy as sa

import dbkit.types as dbt
from dbkit.service import Service

metadata = sa.MetaData()
{tables}
service = Service(name={name!r}, metadata=metadata{options})
"""


def block(code: str) -> str:
    """Indent code as the body of a function; none is `pass`."""
    return indent(dedent(code).strip() or "pass", "    ")


@dataclass(frozen=True)
class Home:
    """A project's folder."""

    root: Path

    def write(self, *services: str) -> Home:
        """Write the project's file, naming services that have no revisions and no tables yet."""
        tables = "".join(f'[tool.dbkit.services.{name}]\nservice = "{name}_models:service"\n' for name in services)
        (self.root / "pyproject.toml").write_text(
            f'[tool.dbkit]\nmigrations = "envs/{{service}}"\ndatabase = "{{service}}"\n{tables}'
        )
        for name in services:
            (self.root / "envs" / name / "versions").mkdir(parents=True, exist_ok=True)
            self.models(name, "")
        return self

    def models(self, service: str, tables: str, **options: object) -> Home:
        """Write the models of a service, and what else its `Service` is given."""
        given = "".join(f", {name}={value!r}" for name, value in options.items())
        text = MODELS.format(name=service, tables=dedent(tables), options=given)
        (self.root / f"{service}_models.py").write_text(text)
        return self

    def revision(  # noqa: PLR0917 - as they stand in the file
        self, service: str, revision: str, upgrade: str, downgrade: str = "", *, down: str | None = ""
    ) -> Path:
        """Write a revision file, built on the number before its own unless `down` says otherwise."""
        if down == "":
            down = f"{int(revision) - 1:04}" if int(revision) > 1 else None
        file = self.root / "envs" / service / "versions" / f"{revision}_step.py"
        file.write_text(
            REVISION.format(
                description=f"Step {revision}",
                revision=revision,
                down=down,
                upgrade=block(upgrade),
                downgrade=block(downgrade),
            )
        )
        return file

    def table(self, service: str, revision: str, name: str, **options: str | None) -> Path:
        """Write a revision that creates a table of this name."""
        return self.revision(
            service,
            revision,
            f'op.create_table("{name}", sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))',
            f'op.drop_table("{name}")',
            **options,
        )

    def project(self) -> Project:
        """Find the project in this folder."""
        return Project.find(self.root)
