"""How Alembic is set up for a service: by dbkit itself, and in the three lines of an `env.py` for the stock tool."""

from __future__ import annotations

import contextlib
import os
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import sqlalchemy.orm  # noqa: TC002 - real revisions use `sa.orm.…` without importing it; whoever runs them must have done so
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from dbkit.backends import backend_of, get_backend
from dbkit.backends.optional import Sending
from dbkit.backends.protocol import Lock
from dbkit.config.connect import connect
from dbkit.errors import ConfigurationError, DbkitError, UsageError
from dbkit.migrations import alter  # noqa: F401 - puts its operation in Alembic's place
from dbkit.migrations.databases import make_version_schema
from dbkit.migrations.dispatch import LOCK_WAIT_S
from dbkit.migrations.failures import failed_at, in_one_line, revision_failed
from dbkit.migrations.funnel import Funnel, Hook, Send
from dbkit.migrations.handed import HANDED, backend_handed, owned, run_on
from dbkit.migrations.options import configure_options, directives, without_transactions
from dbkit.migrations.own.context import AUTOGENERATE, OfflineConnection, run_own, unchanged
from dbkit.migrations.own.guests import Lender
from dbkit.project import Project
from dbkit.revisions.history import History
from dbkit.revisions.layout import Layout
from dbkit.revisions.reading import read_history
from dbkit.service import Registration, extend_path

if TYPE_CHECKING:
    import sqlalchemy as sa
    from alembic.runtime.migration import MigrationContext

PROJECT = "dbkit.project"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A service, ready to be handed to Alembic."""

    project: Project
    registration: Registration
    layout: Layout
    history: History
    metadata: sa.MetaData | None
    """None where only its own env.py knows its models."""

    @classmethod
    def of(cls, project: Project, name: str, *, backend: str | None = None) -> Environment:
        """Read a service's history and import its models; its folders are those for a backend, by default its own.

        Where its own env.py is run, nothing is imported: that must find its connection lent.
        """
        registration = project.registration(name)
        layout = project.layout(name, backend=backend)
        extend_path(map(Path, layout.sys_path))
        own = registration.runs_env
        if own:
            registration.extend_path()
        return cls(
            project=project,
            registration=registration,
            layout=layout,
            history=read_history(layout),
            metadata=None if own else project.service(name).load_metadata(),
        )

    def transactional(self, dialect: sa.Dialect) -> bool:
        """Tell whether a revision that fails leaves nothing."""
        return backend_of(dialect).traits.transactional_ddl and not without_transactions(dialect, self.registration)

    def config(self) -> Config:
        """Make Alembic's configuration: of the folder's own ini where it has one.

        The project travels in its attributes, never in an option, and so does no URL.
        """
        layout = self.layout
        config = Config(
            str(layout.ini.file) if layout.ini else None,
            str(layout.pyproject.file) if layout.pyproject else None,
            layout.ini.section if layout.ini else "alembic",
            cmd_opts=Namespace(quiet=True, x=list(self.registration.alembic.get("x", ()))),
            attributes={PROJECT: self.project},
        )
        paths = {"version_locations": layout.versions, "prepend_sys_path": layout.sys_path}
        options = {name: os.pathsep.join(map(str, found)) for name, found in paths.items() if found}
        for name, value in {"script_location": str(layout.folder), "path_separator": "os", **options}.items():
            # ConfigParser interpolates, so a % in a path must be doubled.
            config.set_main_option(name, value.replace("%", "%%"))
        return config

    def scripts(self) -> ScriptDirectory:
        """Open the folder of revisions."""
        return ScriptDirectory.from_config(self.config())

    def options(self, dialect: sa.Dialect) -> dict[str, Any]:
        """Choose what `context.configure` is given, beside the connection."""
        return configure_options(
            dialect,
            metadata=self.metadata,
            registration=self.registration,
            layout=self.layout,
            history=self.history,
        )

    def run(
        self,
        connection: sa.Connection,
        steps: Callable[[Any, MigrationContext], Any],
        *,
        destination: str | None = None,
        comparing: dict[str, Any] | None = None,
        autogenerate: bool = True,
    ) -> None:
        """Run steps, by way of the service's own env.py where that is to be run.

        Args:
            connection: has no open transaction; each step is committed on its own.
            steps: gives Alembic's steps, or does something else and gives none.
            destination: where the steps lead to.
            comparing: models are compared, for a revision whose template takes this; nothing is written then.
            autogenerate: such a revision holds what differs, and is not written where nothing does.

        Raises:
            EnvFileError: the service's own env.py fails, or does what it must not.
        """
        facts: dict[str, Any] = {"fn": steps, "destination_rev": destination}
        if comparing is not None:
            facts |= {"template_args": comparing, "dont_mutate": True, AUTOGENERATE: autogenerate}
        last = drop_empty if comparing is not None and autogenerate else unchanged
        if self.registration.runs_env:
            run_own(self, connection, facts, changed=last)
            return
        if comparing is None:
            make_version_schema(connection, self.layout)
        resident = Lender.of(connection, running=True).resident()
        config = self.config()
        # what functions taken over from an env.py ask of the command line
        config.cmd_opts.autogenerate = facts.get(AUTOGENERATE, False)  # type: ignore[union-attr] # config() sets it
        with EnvironmentContext(config, ScriptDirectory.from_config(config), **facts) as context:
            context.configure(connection=resident, **last(self.options(connection.dialect)))
            with context.begin_transaction():
                context.run_migrations()

    def run_offline(self, dialect: sa.Dialect, steps: Callable[[Any, MigrationContext], Any], output: TextIO) -> None:
        """Write the SQL of steps without a connection."""
        facts = {"fn": steps, "as_sql": True, "starting_rev": None, "destination_rev": "head"}
        if self.registration.runs_env:
            run_own(self, dialect, facts, changed=lambda options: {**options, "output_buffer": output})
            return
        with EnvironmentContext(self.config(), self.scripts(), **facts) as context:
            configure_offline(context, dialect, output_buffer=output, **self.options(dialect))
            with context.begin_transaction():
                context.run_migrations()


def drop_empty(options: dict[str, Any]) -> dict[str, Any]:
    """Have no revision written that would do nothing."""
    return {**options, "process_revision_directives": directives(options.get("process_revision_directives"), _empty)}


def _empty(_context: object, _revision: object, found: list[Any]) -> None:
    if found and found[0].upgrade_ops.is_empty():
        found[:] = []


def configure_offline(context: EnvironmentContext, dialect: sa.Dialect, **options: Any) -> None:  # noqa: ANN401 - Alembic's
    """Configure Alembic's offline mode for a dialect that is at hand; its own way makes one from a bare name."""
    context.configure(connection=OfflineConnection(dialect), literal_binds=True, **options)  # type: ignore[arg-type] # only .dialect is used


def run(service: str) -> None:
    """Serve an `env.py` of the stock tool: the same connection, lock, options and transactions as `dbkit migrate`.

    A connection or an engine in `config.attributes["connection"]` is used in place of the service's own.

    Raises:
        CommandError: whatever dbkit refuses, in Alembic's way, where its own command is what runs.
        DbkitError: the same, anywhere else.
    """
    from alembic import context

    try:
        config = context.config
    except (AttributeError, NameError) as error:  # which of them depends on whether it ran before
        raise UsageError(
            "an env.py is run by Alembic, and not by itself", hint=f"alembic current, or dbkit status {service}"
        ) from error
    with _in_alembics_way(config):
        given = config.attributes.get(HANDED)
        backend = None if given is None else backend_handed(given)
        environment = Environment.of(_project(config), service, backend=backend)
        _refuse_other_folder(environment, context.script)
        if context.is_offline_mode():
            backend = backend or environment.project.config(service).backend
            dialect = get_backend(backend).ddl.offline_dialect(None)
            configure_offline(context, dialect, **environment.options(dialect))  # type: ignore[arg-type] # the module is its proxy
            with context.begin_transaction():
                context.run_migrations()
        elif given is None:
            with locked_connection(environment) as (connection, funnel):
                _migrate(environment, connection, funnel.start)
                # a revision that has committed by itself leaves its version row in a transaction which is nobody's
                connection.commit()
        else:
            run_on(given, lambda connection: _migrate_handed(environment, connection))


def _migrate_handed(environment: Environment, connection: sa.Connection) -> None:
    with owned(connection):
        _migrate(environment, connection, lambda: None)


def _migrate(environment: Environment, connection: sa.Connection, next_one: Callable[[], None]) -> None:
    """Run what Alembic's command wants done; what comes after each revision is the next one's."""
    from alembic import context

    def applied(**_facts: Any) -> None:  # noqa: ANN401 - Alembic's
        next_one()

    if not context._proxy.context_opts.get("dont_mutate"):  # type: ignore[attr-defined] # noqa: SLF001 - what the module stands for
        make_version_schema(connection, environment.layout)
    resident = Lender.of(connection, running=True).resident()
    options = environment.options(connection.dialect)
    context.configure(connection=resident, on_version_apply=applied, **options)  # type: ignore[arg-type] # called by keywords
    with context.begin_transaction():
        context.run_migrations()


@contextlib.contextmanager
def _in_alembics_way(config: Config) -> Iterator[None]:
    """Turn our errors into Alembic's where its command is what runs: that shows any other with a traceback."""
    try:
        yield
    except DbkitError as error:
        if config.cmd_opts is None or PROJECT in config.attributes:
            raise
        raise CommandError(in_one_line(error)) from error


def _refuse_other_folder(environment: Environment, scripts: ScriptDirectory) -> None:
    """Refuse to run one service's revisions on the database of another: an env.py is easily copied."""
    used, ours = Path(scripts.dir).resolve(), environment.layout.folder.resolve()
    if used != ours:
        name = environment.registration.name
        raise ConfigurationError(
            f"the env.py in {str(used)!r} runs the service {name!r}, whose revisions are in {str(ours)!r}",
            hint="name the service of its own folder in env.run(…)",
        )


def _project(config: Config) -> Project:
    given = config.attributes.get(PROJECT)
    if isinstance(given, Project):
        return given
    file = config.config_file_name
    return Project.find(Path(file).resolve().parent if file else None)


@contextlib.contextmanager
def locked_connection(environment: Environment) -> Iterator[tuple[sa.Connection, Funnel]]:
    """Connect and take the lock; what a revision raises is worded as its failure."""
    with open_connection(environment) as connection:
        locker = backend_of(connection.dialect).locker
        with locker.lock(connection, patience_s=LOCK_WAIT_S, on_wait=lambda: None) as lock:
            funnel = Funnel(transactional_ddl=environment.transactional(connection.dialect), hooks=[proving(lock)])
            funnel.attach(connection.engine)
            funnel.start()
            try:
                yield connection, funnel
            except (DbkitError, CommandError):
                raise
            except Exception as error:
                file, _line = failed_at(error, *environment.layout.folders)
                revision = environment.history.of_file(file) or "?"
                raise revision_failed(error, connection, funnel, revision=revision, file=file) from error
            finally:
                funnel.stop()  # giving the lock back is no statement of a revision


def open_connection(environment: Environment) -> sa.Connection:
    """Connect as the revisions of a service are run.

    Raises:
        DbkitError: as `connect`.
    """
    config = environment.project.migration_config(environment.registration.name)
    connection = connect(config, migrating=True)
    if without_transactions(connection.dialect, environment.registration):
        return connection.execution_options(isolation_level="AUTOCOMMIT")
    return connection


def proving(lock: Lock) -> Hook:
    """Make the hook that has a lock proved before each statement."""
    if isinstance(lock, Sending):
        return lock.carry_out

    def prove(statement: str, send: Send) -> None:
        lock.before_statement(statement)
        send()

    return prove
