"""A new project: in an empty folder, or beside what is there already."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import distribution, version
from pathlib import Path, PurePosixPath
from typing import Final

from dbkit.backends import get_backend
from dbkit.config.find import OWN_FILE, SHARED_FILE
from dbkit.config.reference import env_example
from dbkit.errors import UsageError
from dbkit.scaffold.names import database_template, identifier, prove_package, prove_project, prove_service
from dbkit.scaffold.new_service import MIGRATIONS, Style, drafts_of
from dbkit.scaffold.render import registration, rendered, toml_text, workflow
from dbkit.scaffold.results import Written
from dbkit.scaffold.surroundings import Layout, Surroundings
from dbkit.scaffold.tables import added
from dbkit.scaffold.writing import Draft, Manner, carry_out

__all__ = ["Wishes", "init", "suggested"]

SERVICE: Final = "app"
# `git` is everybody's user where a host is reached by ssh.
_LOG_IN: Final = re.compile(r"//(?!git@)[^/@]*@")
BACKEND: Final = "postgresql"
"""What is suggested where nobody says which database production has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What somebody who begins a project has to say."""

    name: str
    """The project's."""
    service: str = SERVICE
    """The first service's."""
    backend: str = BACKEND
    """The database in production."""
    layout: Layout = Layout.FLAT
    package: str = ""
    """The package that the services' package is in; empty for none."""
    own_file: bool = False
    """Whether dbkit has a file of its own, `dbkit.toml`, rather than a table in `pyproject.toml`."""
    workflow: bool = True
    """Whether GitHub is to migrate and test every service."""

    def style(self) -> Style:
        """Say where the services will be."""
        package = f"{self.package}.services" if self.package else "services"
        return Style(source="src" if self.layout is Layout.SRC else ".", package=package, migrations=MIGRATIONS)


def suggested(there: Surroundings) -> Wishes:
    """Choose what fits a folder; everything can be wished otherwise."""
    return Wishes(
        name=there.name or SERVICE,
        layout=there.layout,
        package=(there.package or "") if there.layout is Layout.SRC else "",
        own_file=there.document is None and there.other_build,
        workflow=not (there.folder / ".gitlab-ci.yml").exists(),
    )


def init(there: Surroundings, wishes: Wishes, *, manner: Manner | None = None, now: datetime | None = None) -> Written:
    """Write a project with its first service: what this repository has too.

    Args:
        there: the folder, as it is.
        wishes: what it is to be.
        manner: what is done where another file is in the way; by default nothing is written then.
        now: the time that the first revision bears, in UTC; by default that of the clock.

    Raises:
        UsageError: it is a project already, a name cannot be used, or files are in the way. Nothing was written.
        UnknownBackendError: no backend has this name.
        ConfigurationError: the folder takes no files. Nothing was written.
        DbkitError: a file could not be written; the hint says which were.
    """
    _prove(there, wishes)
    style, how = wishes.style(), manner or Manner()
    drafts = [
        *drafts_of(there.folder, wishes.service, style, now=now or datetime.now(UTC)),
        Draft(path=PurePosixPath(".env.example"), text=_example(wishes)),
        *_ignored(there.folder),
        *(_workflow(there, wishes) if wishes.workflow else ()),
        *_settings(there, wishes, style),  # last: until it is there the folder is no project, and can be begun again
    ]
    return Written(
        command="init",
        folder=there.folder,
        service=wishes.service,
        files=carry_out(there.folder, drafts, how),
        notes=_notes(there, wishes),
        next_steps=_next_steps(there, wishes),
        dry_run=how.dry_run,
    )


def _prove(there: Surroundings, wishes: Wishes) -> None:
    if there.project is not None:
        raise UsageError(
            f"{str(there.folder)!r} is a dbkit project already, by its {there.project.name}",
            hint="`dbkit service add NAME` adds a service to it",
        )
    prove_project(wishes.name)
    prove_service(wishes.service)
    prove_package(wishes.package)
    get_backend(wishes.backend)
    if wishes.layout is Layout.SRC and not wishes.package:
        found = ", ".join(there.packages)
        raise UsageError(
            f"src holds several packages: {found}" if found else "the layout src needs a package",
            hint="--package says which one the services belong into",
        )


def _settings(there: Surroundings, wishes: Wishes, style: Style) -> list[Draft]:
    """Draft the file that makes the folder a project, and pytest's settings where there are none."""
    prefix = "" if wishes.own_file else "tool.dbkit."
    database = database_template(wishes.name, wishes.service)
    table = rendered("settings.toml", migrations=MIGRATIONS, database=database) + _python_path(style)
    table += "\n" + registration(wishes.service, {"service": f"{style.module(wishes.service)}:service"}, prefix=prefix)
    if wishes.own_file:
        own = Draft(path=PurePosixPath(OWN_FILE), text=table)
        ini = rendered("pytest.ini", source=style.source)
        return [own] if there.pytest else [own, Draft(path=PurePosixPath("pytest.ini"), text=ini)]
    table = f"[tool.dbkit]\n{table}"
    if not there.pytest:
        table += "\n" + rendered("pytest.toml", source=style.source)
    if there.document is None:
        packages = (
            f"src/{wishes.package.partition('.')[0]}"
            if wishes.layout is Layout.SRC
            else style.package.partition(".")[0]
        )
        needs = requirement(wishes.backend)
        project = rendered("pyproject.toml", name=wishes.name, requirement=needs, packages=packages)
        if " @ " in needs:
            project += "\n[tool.hatch.metadata]\nallow-direct-references = true\n"
        return [Draft(path=PurePosixPath(SHARED_FILE), text=f"{project}\n{table}")]
    text = (there.folder / SHARED_FILE).read_bytes().decode()
    return [Draft(path=PurePosixPath(SHARED_FILE), text=added(text, table, file=SHARED_FILE), extends=True)]


def requirement(backend: str) -> str:
    """Word the dependency on dbkit, with the driver of a backend: from where this one came, or this version or a later one.

    pip compares no local versions.
    """
    extra = get_backend(backend).traits.extra
    name = f"dbkit[{extra}]" if extra else "dbkit"
    origin = _origin()
    return f"{name} @ {origin}" if origin else f"{name}>={version('dbkit').partition('+')[0]}"


def _origin() -> str | None:
    """Give the address and commit that this dbkit was installed from, as its installer has noted them, without anybody's log-in.

    None for an index, and for a place of this machine. https://packaging.python.org/en/latest/specifications/direct-url/
    """
    noted = json.loads(distribution("dbkit").read_text("direct_url.json") or "{}")
    address = _LOG_IN.sub("//", str(noted.get("url", "")))
    if not address or address.startswith("file:"):
        return None
    if "vcs_info" in noted:
        address = f"{noted['vcs_info']['vcs']}+{address}@{noted['vcs_info']['commit_id']}"
    return f"{address}#subdirectory={noted['subdirectory']}" if "subdirectory" in noted else address


def _python_path(style: Style) -> str:
    return "" if style.source == "." else f"python_path = [{toml_text(style.source)}]\n"


def _example(wishes: Wishes) -> str:
    return env_example(service=wishes.service, database=database_template(wishes.name, wishes.service))


def _ignored(folder: Path) -> list[Draft]:
    """Draft .gitignore: what is there stays, and only what belongs to dbkit is added to it."""
    file = folder / ".gitignore"
    if not file.is_file():
        return [Draft(path=PurePosixPath(file.name), text=rendered("gitignore"))]
    text = file.read_bytes().decode(errors="surrogateescape")
    there = {line.strip().strip("/") for line in text.splitlines()}
    missing = [line for line in (".dbkit/", ".env") if line.strip("/") not in there]
    if not missing:
        return []
    newline = "\r\n" if "\r\n" in text else "\n"
    head = text if not text or text.endswith("\n") else text + newline
    return [Draft(path=PurePosixPath(file.name), text=head + "".join(line + newline for line in missing), extends=True)]


def _workflow(there: Surroundings, wishes: Wishes) -> list[Draft]:
    """Draft the workflow; in a monorepo it stands at the repository's root and works in the project's folder."""
    text = workflow(wishes.backend, install=_install(there, wishes))
    root = there.repository or there.folder
    if root == there.folder:
        return [Draft(path=PurePosixPath(".github/workflows/dbkit.yml"), text=text)]
    inside = there.folder.relative_to(root).as_posix()
    text = workflow(wishes.backend, install=_install(there, wishes), folder=inside)
    up = PurePosixPath(os.path.relpath(root, there.folder))
    return [Draft(path=up / ".github/workflows" / f"dbkit-{identifier(wishes.name)}.yml", text=text)]


def _install(there: Surroundings, wishes: Wishes) -> str:
    """Say what a job has to install: the project where pip can, and what its tests need."""
    if there.document is None and not wishes.own_file:
        return "--group dev --editable ."
    needs = f"'{requirement(wishes.backend)}' pytest"
    if (there.folder / "requirements.txt").exists():
        return f"--requirement requirements.txt {needs}"
    return f"--editable . {needs}" if "build-system" in (there.document or {}) else needs


def _notes(there: Surroundings, wishes: Wishes) -> tuple[str, ...]:
    notes = [
        f"{one}/ holds revisions already: `dbkit service add NAME --adopt {one}` takes them as they are"
        for one in there.alembic
        if one != MIGRATIONS.format(service=wishes.service)  # what an earlier run has left of this very project
    ]
    if there.above is not None:
        notes.append(f"{there.above} is a dbkit project too; commands in this folder are about the new one")
    if there.environ.get("DBKIT_PROJECT"):
        notes.append("DBKIT_PROJECT names another project, which commands are about until it is unset")
    if there.pytest:
        source = toml_text(wishes.style().source)
        notes.append(
            f"pytest is set up already: it needs pythonpath = [{source}] where these packages are not installed"
        )
    if not suggested(there).workflow:
        notes.append("GitLab is at work here, and got no job: `dbkit migrate` and `dbkit check` are what CI has to run")
    return tuple(notes)


def _next_steps(there: Surroundings, wishes: Wishes) -> tuple[str, ...]:
    steps = []
    if there.folder != Path.cwd():
        steps.append(f"cd {os.path.relpath(there.folder)}")
    if there.document is not None or wishes.own_file:
        steps.append(f"{there.adds} '{requirement(wishes.backend)}' pytest")
    else:
        if there.old_pip:
            steps.append("pip install --upgrade pip")
        steps.append("pip install --group dev --editable .")
    return (*steps, "dbkit migrate", "python -m pytest --dbkit")
