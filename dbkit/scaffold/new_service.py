"""One more service in a project, in the project's own style."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from dbkit.config.find import OWN_FILE, read_toml
from dbkit.errors import ConfigurationError, UsageError
from dbkit.scaffold.names import identifier, prove_service
from dbkit.scaffold.render import migration_files, registration, rendered, service_files
from dbkit.scaffold.results import Written
from dbkit.scaffold.surroundings import packages_in
from dbkit.scaffold.tables import added
from dbkit.scaffold.writing import Draft, Manner, carry_out

if TYPE_CHECKING:
    from dbkit.project import Project

__all__ = ["Style", "add_service", "drafts_of", "prefix_in", "prove_new", "registered", "style_of"]

MIGRATIONS: Final = "alembic_envs/{service}"
_BASE: Final = frozenset({"NAMING_CONVENTION", "Flag", "Id", "Timestamps", "seeded_id"})
"""What the example needs of the module that the services' tables have in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """Where a project keeps its services."""

    source: str = "."
    """The folder that its modules are imported from."""
    package: str = "services"
    """The package that its services are in; empty where they are packages of their own."""
    migrations: str = MIGRATIONS
    """Where revisions are, `{service}` in it."""

    def module(self, service: str) -> str:
        """Name the package of a service."""
        return f"{self.package}.{service}" if self.package else service

    def place(self, module: str) -> PurePosixPath:
        """Give the folder of a package, from the project's."""
        return PurePosixPath(self.source, *module.split("."))


def add_service(project: Project, name: str, *, manner: Manner | None = None, now: datetime | None = None) -> Written:
    """Write the files of one more service, and name it in the project's file.

    Args:
        project: the project.
        name: the service's.
        manner: what is done where another file is in the way; by default nothing is written then.
        now: the time that the first revision bears, in UTC; by default that of the clock.

    Raises:
        UsageError: there is such a service, it cannot have this name, or files are in the way.
        ConfigurationError: the project's file is of a form that cannot be added to, or a folder takes no files.
        DbkitError: a file could not be written.
    """
    prove_service(name)
    prove_new(project, name)
    style = style_of(project)
    values = {"service": f"{style.module(name)}:service"}
    if project.settings.migrations not in (None, style.migrations):
        values["migrations"] = style.migrations.replace("{service}", name)
    drafts = drafts_of(project.root, name, style, now=now or datetime.now(UTC))
    drafts.append(registered(project, name, values))  # last: until then the service is none, and can be added again
    how = manner or Manner()
    return Written(
        command="service add",
        folder=project.root,
        service=name,
        files=carry_out(project.root, drafts, how),
        next_steps=(f"dbkit migrate {name}", "python -m pytest --dbkit"),
        dry_run=how.dry_run,
    )


def style_of(project: Project) -> Style:
    """Read from a project's file where most of its services are."""
    settings = project.settings
    packages = Counter(
        package
        for name, table in settings.services.items()
        if (package := _package(name, table.get("service"))) is not None
    )
    source = settings.python_path[0] if settings.python_path else "."
    if packages:
        package = packages.most_common(1)[0][0]
        folders = [one for one in settings.python_path if project.root.joinpath(one, *package.split(".")).is_dir()]
        source = folders[0] if folders else source
    else:
        inside = packages_in(project.root / source) if PurePosixPath(source) != PurePosixPath() else ()
        package = f"{inside[0]}.services" if len(inside) == 1 else "services"
    told = settings.migrations or MIGRATIONS
    plain = "{service}" in told and ":" not in told
    return Style(source=source, package=package, migrations=told if plain else MIGRATIONS)


def registered(project: Project, name: str, values: Mapping[str, object]) -> Draft:
    """Draft the project's file with the table of one more service in it, every other byte as it was.

    Raises:
        UsageError: it is of a form that cannot be added to.
        ConfigurationError: it cannot be read.
    """
    file = project.settings.file
    if file is None:
        raise ConfigurationError(f"{str(project.root)!r} has no file that names services", hint="run `dbkit init`")
    prefix = prefix_in(file)
    text = added(
        file.read_bytes().decode(),
        registration(name, values, prefix=prefix),
        file=file.name,
        behind=prefix.removesuffix(".") or "services",
    )
    return Draft(path=PurePosixPath(file.name), text=text, extends=True)


def prefix_in(file: Path) -> str:
    """Say what stands before `services.NAME` in a project's file. Raises ConfigurationError where it cannot be read."""
    return "" if file.name == OWN_FILE and "tool" not in read_toml(file) else "tool.dbkit."


def drafts_of(root: Path, name: str, style: Style, *, now: datetime) -> list[Draft]:
    """Draft the files of a service: its package and those around it, its revisions, its tests."""
    module = style.module(name)
    base, around = _base(root, name, style)
    migrations = PurePosixPath(style.migrations.replace("{service}", name))
    tests = rendered("test_service.py", service=name, module=module)
    inside = service_files(name, module, base=base)
    return [
        *_packages(root, style),
        *around,
        *(Draft(path=style.place(module) / file, text=text) for file, text in inside.items()),
        *(Draft(path=migrations / file, text=text) for file, text in migration_files(name, created=now).items()),
        Draft(path=PurePosixPath("tests", f"test_{name}.py"), text=tests),
    ]


def prove_new(project: Project, name: str) -> None:
    """Refuse a name that is a service's already, or so much like one that their variables would be the same."""
    for there in project.service_names:
        if identifier(there) == name:
            raise UsageError(
                f"service {there!r} is there already, in {project.settings.file}",
                hint="choose another name" if there != name else f"`dbkit status {name}` says how it is",
            )


def _package(name: str, reference: object) -> str | None:
    """Give the package that a service's package is in; None where its module is not called after it."""
    module = str(reference or "").partition(":")[0]
    package, _, last = module.rpartition(".")
    return package if last == name else None


def _packages(root: Path, style: Style) -> list[Draft]:
    """Draft what makes packages of folders that are not there yet; one that is there is what it is."""
    found, parts = [], style.package.split(".") if style.package else []
    for number, part in enumerate(parts, start=1):
        folder = style.place(".".join(parts[:number]))
        if not (root / folder).is_dir() or not any((root / folder).iterdir()):
            text = (
                rendered("services.py") if part == "services" else f'"""The package `{".".join(parts[:number])}`."""\n'
            )
            found.append(Draft(path=folder / "__init__.py", text=text))
    return found


def _base(root: Path, name: str, style: Style) -> tuple[str, list[Draft]]:
    """Choose the module of what tables have in common, and draft it where it is missing: beside the services, else in this one."""
    shared = f"{style.package}.base" if style.package else ""
    if shared:
        file = style.place(shared).with_suffix(".py")
        if not (root / file).exists():
            return shared, [Draft(path=file, text=rendered("base.py"))]
        if _defined(root / file) >= _BASE:
            return shared, []
    own = f"{style.module(name)}.base"
    return own, [Draft(path=style.place(own).with_suffix(".py"), text=rendered("base.py"))]


def _defined(file: Path) -> set[str]:
    """List the names that a module defines at its top; none where it cannot be read."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return set()
    found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found
