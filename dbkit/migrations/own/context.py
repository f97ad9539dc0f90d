"""A project's own env.py, run with dbkit's connection, lock and transactions: `env = "own"`.

What it gives to `context.configure` is kept, but for what makes a failed revision leave what it must and no more. What it does in
any other way than through that is an error, and not a second connection.
"""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import sqlalchemy as sa
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from dbkit.backends import backend_of
from dbkit.config.redact import redact
from dbkit.errors import DbkitError, EnvFileError, HistoryError
from dbkit.migrations.options import joined_options
from dbkit.migrations.own.flask_app import pushed_application
from dbkit.migrations.own.guests import Lender
from dbkit.migrations.own.lending import lending, line_of
from dbkit.migrations.own.nesting import kept_proxies
from dbkit.revisions.env_file import ENV, VERSION_TABLE

if TYPE_CHECKING:
    from alembic.config import Config

    from dbkit.migrations.env import Environment

__all__ = ["OwnContext", "run_own"]

Options = dict[str, Any]
AUTOGENERATE = "autogenerate"
"""The option of a context in which models are compared for a new revision."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Words what is wrong with one service's env.py."""

    service: str
    file: str

    def refusal(self, said: str, hint: str, *, line: int | None) -> EnvFileError:
        """Word what it must not do, or does not do."""
        where = self.file if line is None else f"{self.file}:{line}"
        return EnvFileError(redact(f"service {self.service!r}: its env.py ({where}) {said}"), hint=hint)

    def raised(self, error: BaseException, dialect: sa.Dialect) -> EnvFileError:
        """Word what it raises."""
        if isinstance(error, SystemExit):
            said, hint = f"ends the process: SystemExit: {error}", "have it raise an error, or return"
        else:
            text = backend_of(dialect).errors.message(error) if isinstance(error, sa.exc.DBAPIError) else _said(error)
            said = f"fails: {type(error).__name__}: {' '.join(text.split())}".rstrip(": ")
            hint = 'mend it; with env = "dbkit" dbkit migrates without running it'
        return self.refusal(said, hint, line=self._line(error))

    def _line(self, error: BaseException) -> int | None:
        lines = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == self.file]
        if isinstance(error, SyntaxError) and error.filename == self.file:
            return error.lineno
        return lines[-1] if lines else None


def from_keyboard(error: BaseException) -> bool:
    """Whether it may be somebody's Ctrl-C: not in a worker, where that is the parent's business; there, code has raised it by itself."""
    return isinstance(error, KeyboardInterrupt) and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


def _said(error: BaseException) -> str:
    """Give an error's text; the place of a syntax error is told beside it."""
    return error.msg if isinstance(error, SyntaxError) else str(error)


class OwnContext(EnvironmentContext):
    """What an env.py knows as `alembic.context`."""

    lender: Lender

    def __init__(
        self,
        environment: Environment,
        options: Options,
        *,
        config: Config,
        scripts: ScriptDirectory,
        changed: Callable[[Options], Options],
    ) -> None:
        """Stand in Alembic's place.

        Args:
            environment: the service's.
            options: what the context is made with.
            config: Alembic's configuration.
            scripts: the folder of revisions.
            changed: has the last word on what is configured.
        """
        super().__init__(config, scripts)
        self.context_opts = options
        self.environment = environment
        self.fault = Fault(service=environment.registration.name, file=str(environment.layout.folder / ENV))
        self.refused: EnvFileError | None = None
        """The first thing that was refused; an env.py may have swallowed it."""
        self.failed: BaseException | None = None
        """What the revisions came to; likewise."""
        self.ran = False
        self._changed = changed

    def refuse(self, said: str, hint: str) -> NoReturn:
        """Raise that the env.py must not do what it does, and keep that."""
        error = self.fault.refusal(said, hint, line=line_of(self.fault.file))
        self.refused = self.refused or error
        raise error

    def configure(  # type: ignore[override] # noqa: PLR0917 - Alembic's signature, as far as it matters here
        self,
        connection: object = None,
        url: object = None,
        dialect_name: str | None = None,
        dialect_opts: object = None,
        **given: Any,  # noqa: ANN401 - Alembic's
    ) -> None:
        """Configure Alembic as the env.py wants it, on the lent connection."""
        del url, dialect_name, dialect_opts
        offline = self.is_offline_mode()
        if given.get("as_sql", offline) is not offline or (connection is None and not offline):
            self.refuse(
                "writes SQL where it should migrate" if not offline else "migrates where it should write SQL",
                "give context.configure a connection unless context.is_offline_mode()",
            )
        self._refuse_other_table(given)
        given["target_metadata"] = self._metadata(given.get("target_metadata"))
        dialect, environment = self.lender.dialect, self.environment
        options = joined_options(
            given,
            dialect,
            registration=environment.registration,
            layout=environment.layout,
            history=environment.history,
        )
        if offline:
            options = {**options, "connection": OfflineConnection(dialect), "literal_binds": True}
        else:
            self.lender.before_revisions()
            options = {**options, "connection": self.lender.resident()}
        super().configure(**self._changed(options))

    def _refuse_other_table(self, given: Options) -> None:
        """Refuse a version table that is not the one which everybody else reads."""
        layout, name = self.environment.layout, self.environment.registration.name
        table, schema = given.get("version_table") or VERSION_TABLE, given.get("version_table_schema")
        if table != layout.version_table:
            self.refuse(
                f"keeps the version in the table {table!r}, and dbkit looks for it in {layout.version_table!r}",
                f'write version_table = "{table}" in [tool.dbkit.services.{name}]',
            )
        if schema != layout.version_schema:
            where = f"[tool.dbkit.services.{name}.alembic]"
            self.refuse(
                f"keeps the version in the schema {schema!r}, and dbkit looks for it in {layout.version_schema!r}",
                f'write version_table_schema = "{schema}" in {where}'
                if schema
                else f"take version_table_schema out of {where}",
            )

    def _metadata(self, target: Any) -> Any:  # noqa: ANN401 - whatever was given
        """Take models as they are given. What is none is refused where models are compared, and passed over elsewhere, as Alembic does."""
        for one in target if isinstance(target, list | tuple) else [target]:
            if one is None or isinstance(one, sa.MetaData):
                continue
            if "template_args" in self.context_opts:
                self.refuse(
                    f"gives target_metadata as {type(one).__name__}, not sqlalchemy.MetaData",
                    "give Base.metadata, or a list of such",
                )
            return None
        return target

    def run_migrations(self, **arguments: Any) -> None:  # noqa: ANN401 - Alembic's
        """Run the revisions, once."""
        if self.refused is not None:
            raise self.refused  # swallowed before
        if self._migration_context is None:
            self.refuse("runs migrations that it has not configured", "call context.configure first")
        if self.ran:
            self.refuse(
                "runs the migrations a second time, and a service has one database",
                "make each database, schema or tenant a service of its own, or run Alembic without dbkit",
            )
        self.ran = True
        self.lender.running = True
        try:
            super().run_migrations(**arguments)
            if self.lender.host is not None:
                # a revision that has committed by itself leaves its version row in a transaction which is nobody's
                self.lender.host.commit()
        except BaseException as error:
            self.failed = error
            raise
        finally:
            self.lender.running = False

    def carry_out(self, run_env: Callable[[], None]) -> None:
        """Run the env.py.

        Raises:
            EnvFileError: it fails, does what it must not, or does nothing.
            HistoryError: there is none.
        """
        if self.environment.layout.env is None:
            raise HistoryError(
                f'{self.fault.file!r} is missing, and env is "own" for service {self.fault.service!r}',
                hint=f'leave env = "own" in [tool.dbkit.services.{self.fault.service}] away: dbkit needs no env.py',
            )
        try:
            with kept_proxies(), pushed_application(Path(self.fault.file)):
                run_env()
        except BaseException as error:
            if from_keyboard(error):
                raise
            found = self.failed or self.refused or self.fault.raised(error, self.lender.dialect)
            if found is error:
                raise
            raise found from error
        if (silenced := self.failed or self.refused) is not None:
            raise silenced
        if not self.ran:
            raise self.fault.refusal("runs no migrations", "have it call context.run_migrations()", line=None)


# Alembic's module `context` stands for instances of the class that it knows; one of ours is as good.
OwnContext._setups[OwnContext] = OwnContext._setups[EnvironmentContext]  # noqa: SLF001


class OfflineConnection:
    """Stands where Alembic's offline mode takes the dialect from."""

    def __init__(self, dialect: sa.Dialect) -> None:
        """Keep the dialect."""
        self.dialect = dialect

    def in_transaction(self) -> bool:
        """Say no."""
        return False


def unchanged(options: Options) -> Options:
    """Give what an env.py has configured as it is."""
    return options


def run_own(
    environment: Environment,
    where: sa.Connection | sa.Dialect,
    options: Options,
    *,
    changed: Callable[[Options], Options] = unchanged,
) -> None:
    """Run a service's env.py on a connection, or for a dialect alone.

    Args:
        environment: the service's.
        where: the connection, or the dialect that SQL is written for.
        options: what Alembic's context is made with.
        changed: has the last word on what is configured.

    Raises:
        EnvFileError: the env.py fails, or does what dbkit cannot lend it anything for.
    """
    config = environment.config()
    # what env.py files ask of the command line
    config.cmd_opts.autogenerate = options.get(AUTOGENERATE, False)  # type: ignore[union-attr] # config() sets it
    context = OwnContext(
        environment, options, config=config, scripts=ScriptDirectory.from_config(config), changed=changed
    )
    with lent(context, where), context:
        try:
            context.carry_out(context.script.run_env)
        except (DbkitError, CommandError, sa.exc.DBAPIError):
            raise
        except BaseException as error:
            if from_keyboard(error):
                raise
            # a callback that it has given to context.configure
            raise context.fault.raised(error, context.lender.dialect) from error


@contextmanager
def lent(context: OwnContext, where: sa.Connection | sa.Dialect) -> Iterator[None]:
    """Lend a connection, or only a dialect, to what runs in a context."""
    host = where if isinstance(where, sa.Connection) else None
    dialect = where.dialect if isinstance(where, sa.Connection) else where
    context.lender = lender = Lender(dialect, host=host, refuse=context.refuse)
    # Our URL has no password; the one in the ini is of another database, or of none.
    context.config.set_main_option("sqlalchemy.url", lender.url.render_as_string().replace("%", "%%"))
    if host is not None:
        host.rollback()
        # the way of Alembic's cookbook to share a connection
        context.config.attributes["connection"] = lender.guest()
    with lending(lender):
        try:
            yield
        finally:
            lender.end()
