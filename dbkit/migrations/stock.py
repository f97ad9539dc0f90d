"""The stock tool's commands on a service: what is run where they would run the env.py of its folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from alembic import context as module
from alembic.script import ScriptDirectory

from dbkit.backends import get_backend
from dbkit.migrations.env import Environment, locked_connection, run
from dbkit.migrations.own.context import OwnContext, lent

if TYPE_CHECKING:
    from alembic.runtime.environment import EnvironmentContext

__all__ = ["in_place_of_env"]


@contextmanager
def in_place_of_env(environment: Environment) -> Iterator[None]:
    """Have Alembic's commands run dbkit's environment, or lend to the folder's own env.py, as the project's file says."""
    real = ScriptDirectory.run_env

    def run_env(scripts: ScriptDirectory) -> None:
        said = environment.layout.env
        if environment.registration.runs_env:
            _run_own(environment, partial(real, scripts))
        elif said is not None and said.ours:
            real(scripts)
        else:
            run(environment.registration.name)

    ScriptDirectory.run_env = run_env  # type: ignore[method-assign, assignment] # there is no other way in
    try:
        yield
    finally:
        ScriptDirectory.run_env = real  # type: ignore[method-assign]


def _run_own(environment: Environment, run_env: Callable[[], None]) -> None:
    """Run the folder's env.py in the context that a command has made."""
    stock: EnvironmentContext = module._proxy  # type: ignore[attr-defined] # noqa: SLF001 - what the module stands for
    make = partial(OwnContext, environment, stock.context_opts, config=stock.config, scripts=stock.script)
    try:
        if stock.is_offline_mode():
            config = environment.project.config(environment.registration.name)
            own = make(changed=dict)
            with lent(own, get_backend(config.backend).ddl.offline_dialect(None)), own, _no_way_out(own):
                own.carry_out(run_env)
            return
        with locked_connection(environment) as (connection, funnel):

            def applied(**_facts: Any) -> None:  # noqa: ANN401 - Alembic's
                funnel.start()  # what comes now is of the next revision

            def changed(options: dict[str, Any]) -> dict[str, Any]:
                funnel.start()
                said = options.get("on_version_apply") or ()
                return {**options, "on_version_apply": (*([said] if callable(said) else said), applied)}

            own = make(changed=changed)
            with lent(own, connection), own, _no_way_out(own):
                own.carry_out(run_env)
    finally:
        stock._install_proxy()  # noqa: SLF001 - the command goes on in its own context


@contextmanager
def _no_way_out(context: OwnContext) -> Iterator[None]:
    """Refuse `os._exit`: the process is the command's own, which would end without a word."""
    real, ours = os._exit, os.getpid()

    def refuse(status: int) -> NoReturn:
        if os.getpid() != ours:
            real(status)  # a process that it has forked
        context.refuse(f"ends the process: os._exit({status})", "have it raise an error, or return")

    os._exit = refuse
    try:
        yield
    finally:
        os._exit = real
