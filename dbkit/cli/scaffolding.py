"""`dbkit init` and `dbkit service add`: a new project, and one more service in it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from dbkit.cli import _adopting, _complete, _diagnostics, _output, _project
from dbkit.cli._options import Debug, Format, command, dry_run_option, format_option, group, option, read_option
from dbkit.errors import DbkitError, UsageError

if TYPE_CHECKING:
    from dbkit.scaffold import Manner, Surroundings, Wishes, Written

Answer = TypeVar("Answer")
ADD = "service add"


class Layout(StrEnum):
    """Where packages are: here too, because reading the scaffold would slow every command down."""

    FLAT = "flat"
    SRC = "src"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(app, "init", example="dbkit init --service user --backend tidb")(init)
    services = group(app, "service", help="The services of a project.")
    command(services, "add", example="dbkit service add billing --adopt db/alembic")(add)


def _force(name: str) -> Any:  # noqa: ANN401 - Typer's type
    return option(name, "--force", help="Overwrite files that are in the way.")


def _keep(name: str) -> Any:  # noqa: ANN401 - Typer's type
    return option(name, "--keep", help="Leave files that are in the way as they are, and write the others.")


def _layout() -> Any:  # noqa: ANN401 - Typer's type
    text = "Where packages are: in the folder itself, or in src. Default: as they are."
    words = "|".join(Layout)
    offer = _complete.words(Layout)
    takes = " or ".join(Layout)
    return read_option("init", "--layout", read=Layout, takes=takes, metavar=words, help=text, autocompletion=offer)


def init(
    folder: Annotated[
        Path | None,
        option("init", "--folder", metavar="PATH", help="The project's folder. Default: the current one."),
    ] = None,
    name: Annotated[
        str | None, option("init", "--name", metavar="NAME", help="The project's name. Default: the folder's.")
    ] = None,
    service: Annotated[
        str | None, option("init", "--service", metavar="NAME", help="The first service's name.")
    ] = None,
    backend: Annotated[
        str | None,
        option(
            "init",
            "--backend",
            metavar="NAME",
            help="The database in production, such as tidb or postgresql.",
            autocompletion=_complete.backends,
        ),
    ] = None,
    layout: Annotated[Layout | None, _layout()] = None,
    package: Annotated[
        str | None,
        option(
            "init", "--package", metavar="NAME", help="The package that services belong into. Default: that in src."
        ),
    ] = None,
    toml: Annotated[bool, option("init", "--toml", help="Write dbkit.toml, and leave pyproject.toml alone.")] = False,
    no_ci: Annotated[bool, option("init", "--no-ci", help="Write no workflow for GitHub.")] = False,
    yes: Annotated[bool, option("init", "--yes", help="Do not ask: take the defaults.")] = False,
    force: Annotated[bool, _force("init")] = False,
    keep: Annotated[bool, _keep("init")] = False,
    dry_run: Annotated[bool, dry_run_option("init")] = False,
    format: Annotated[Format, format_option("init")] = Format.TABLE,  # noqa: A002 - the flag's name
    debug: Debug = False,
) -> None:
    """Begin a project. Its files, with a first service that works; asks on a terminal for what is not given."""
    from dbkit.scaffold import init as begin
    from dbkit.scaffold import look, suggested

    manner = _manner(force, keep, dry_run)
    given = {"name": name, "service": service, "backend": backend, "layout": layout, "package": package}
    asked = _Questions(yes=yes)
    there = look(_folder(folder, asked))
    wishes = suggested(there)
    if toml:
        wishes = replace(wishes, own_file=True)
    if no_ci:
        wishes = replace(wishes, workflow=False)
    wishes = _wished(there, wishes, {key: value for key, value in given.items() if value is not None}, asked)
    _answer(begin(there, wishes, manner=manner), format)


def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new service's name.")],
    adopt: Annotated[
        str | None,
        option(
            ADD,
            "--adopt",
            metavar="PATH",
            help="Take an Alembic folder as it is: its path, that of its alembic.ini, or package:folder.",
        ),
    ] = None,
    metadata: Annotated[
        str | None,
        option(
            ADD, "--metadata", metavar="MODULE:ATTRIBUTE", help="Where its models are. Default: what its env.py says."
        ),
    ] = None,
    own: Annotated[bool, option(ADD, "--own", help="Have its env.py run, on dbkit's connection.")] = False,
    version_table: Annotated[
        str | None,
        option(ADD, "--version-table", metavar="NAME", help="Its version table, where its env.py works that out."),
    ] = None,
    version_table_schema: Annotated[
        str | None, option(ADD, "--version-table-schema", metavar="NAME", help="The schema of that table, likewise.")
    ] = None,
    section: Annotated[
        str | None,
        option(ADD, "--section", metavar="NAME", help="The section of its ini, where that has several folders."),
    ] = None,
    yes: Annotated[bool, option(ADD, "--yes", help="Do not ask: take what is found.")] = False,
    force: Annotated[bool, _force(ADD)] = False,
    keep: Annotated[bool, _keep(ADD)] = False,
    dry_run: Annotated[bool, dry_run_option(ADD)] = False,
    format: Annotated[Format, format_option(ADD)] = Format.TABLE,  # noqa: A002 - the flag's name
    debug: Debug = False,
) -> None:
    """Add a service to the project. Its files, or an Alembic folder that is there; and its table in the project's file."""
    from dbkit.scaffold import Choice, add_service, adopt_service, examine

    manner = _manner(force, keep, dry_run)
    choice = Choice(
        metadata=metadata,
        own=own,
        version_table=version_table,
        version_table_schema=version_table_schema,
        section=section,
    )
    if adopt is None:
        if choice != Choice():
            raise UsageError(
                "--metadata, --own, --version-table, --version-table-schema and --section are about an Alembic folder",
                hint="--adopt PATH names it",
            )
        _answer(add_service(_project.find(), name, manner=manner), format)
        return
    found = examine(name, adopt, choice)
    asked = _Questions(yes=yes)
    if asked.asks:
        choice = _adopting.completed(found, choice, asked.answer)
    _answer(adopt_service(found, choice, manner=manner), format)


def _manner(force: bool, keep: bool, dry_run: bool) -> Manner:
    from dbkit.scaffold import Manner

    if force and keep:
        raise UsageError("--force and --keep contradict each other", hint="give one of them")
    return Manner(force=force, keep=keep, dry_run=dry_run)


class _Questions:
    """Asks on a terminal; elsewhere it keeps what would have been asked, for one error that names all of it."""

    def __init__(self, *, yes: bool) -> None:
        self.asks = not yes and _diagnostics.is_terminal()
        self.takes_defaults = yes
        self.missing: list[str] = []

    def answer(self, flag: str, question: str, default: str, prove: Callable[[str], Answer]) -> Answer:
        """Ask until the answer is one that can be used; nothing typed is the default."""
        while True:
            typed = _typed(f"{question} [{default}]: ")
            try:
                return prove(typed or default)
            except DbkitError as error:
                if not typed:
                    raise
                _diagnostics.error(error.message, error.hint or f"it can be given as {flag} too")

    def needed(self) -> None:
        """Refuse to guess. Raises UsageError."""
        if self.missing:
            raise UsageError(
                f"nobody is there to be asked for {' and '.join(self.missing)}",
                hint=f"add {' '.join(f'{flag} …' for flag in self.missing)}, or --yes for the defaults",
            )


def _typed(question: str) -> str:
    """Ask once. Who leaves instead of answering, by Ctrl-C or Ctrl-D, hears that nothing was written."""
    with contextlib.suppress(KeyboardInterrupt):
        typed = _diagnostics.ask(question)
        if typed is not None:
            return typed
    _diagnostics.say("\nnothing was written")
    raise KeyboardInterrupt


def _folder(given: Path | None, asked: _Questions) -> Path:
    """Choose the folder: in a monorepo it may be one of its packages."""
    if given is not None:
        return given
    from dbkit.scaffold import look

    here = Path.cwd()
    members = look(here).members
    if not members or asked.takes_defaults:
        return here
    if asked.asks:
        known = (".", *members)
        _diagnostics.say(f"packages here: {', '.join(members)}")
        return here / asked.answer("--folder", "where the project belongs", ".", _one_of(known))
    raise UsageError(
        f"{str(here)!r} holds several packages: {', '.join(members)}",
        hint="--folder says which one the project belongs into; --folder . is the folder that holds them",
    )


def _one_of(known: Sequence[str]) -> Callable[[str], str]:
    def prove(text: str) -> str:
        found = text.strip().rstrip("/")
        if found not in known:
            raise UsageError(f"{text!r} is none of them", hint=f"one of: {', '.join(known)}")
        return found

    return prove


def _wished(there: Surroundings, wishes: Wishes, given: dict[str, Any], asked: _Questions) -> Wishes:
    """Put together what was given, what is asked for, and what fits the folder."""
    from dbkit.backends import backend_names, get_backend
    from dbkit.scaffold import Layout as Known
    from dbkit.scaffold import names

    if there.project is not None:
        return wishes  # nothing is asked for, nor missed, where no project can begin
    if "layout" in given:
        given["layout"] = Known(given["layout"])
    if asked.asks:
        questions: tuple[tuple[str, str, Callable[[str], object]], ...] = (
            ("name", "the project's name", names.prove_project),
            ("service", "the first service's name", names.prove_service),
            (
                "backend",
                f"the database in production ({', '.join(backend_names())})",
                lambda text: get_backend(text).name,
            ),
            ("layout", "where packages are (flat, src)", lambda text: Known(_one_of(tuple(Known))(text))),
        )
        for key, question, prove in questions:
            if key not in given:
                given[key] = asked.answer(f"--{key}", question, str(getattr(wishes, key)), prove)
    elif not asked.takes_defaults:
        asked.missing += [f"--{key}" for key in ("service", "backend") if key not in given]
    asked.needed()
    return _packaged(there, replace(wishes, **given), given, asked)


def _packaged(there: Surroundings, wishes: Wishes, given: dict[str, Any], asked: _Questions) -> Wishes:
    """Choose the package in src where that is not plain."""
    from dbkit.scaffold import Layout as Known
    from dbkit.scaffold import names

    if "package" in given:
        return wishes
    if wishes.layout is not Known.SRC:
        return replace(wishes, package="")
    package = names.identifier(wishes.name) if not there.packages else there.package
    if package is None and asked.asks:
        package = asked.answer("--package", "the package in src", there.packages[0], _one_of(there.packages))
    return replace(wishes, package=package or "")


def _answer(written: Written, kind: Format) -> None:
    """Write what was written: every file, then what comes next."""
    adopted = written.adopted
    if kind is Format.JSON:
        _output.document(written.to_json())
    else:
        _tell(written)
    if adopted is not None and adopted.exit_code:
        _diagnostics.error(adopted.standing.error or "", adopted.standing.hint)
        raise typer.Exit(adopted.exit_code)


def _tell(written: Written) -> None:
    would = "would be " if written.dry_run else ""
    _output.table(("file", "result"), [(file.path, f"{would}{file.action.value}") for file in written.files])
    if written.adopted is not None:
        _output.line("")
        _adopting.report(written, written.adopted)
        _output.line("")
    for note in written.notes:
        _diagnostics.say(f"note: {note}")
    if not written.dry_run:
        _output.line("next:")
        for step in written.next_steps:
            _output.line(f"  {step}")
