"""Run by an application's own Python: what its own upgrade does, with the stock tool and nothing of dbkit's.

It is given one JSON document: `action` (prepare or upgrade), `url`, `ini`, `options`, `way`, `autocommit`, `ready`, `prepare`, `target`.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import sys
from typing import Any

import sqlalchemy as sa
import sqlalchemy.orm
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory


def load(path: str) -> Any:
    """Load a file as a module."""
    spec = importlib.util.spec_from_file_location("loaded", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def configure(order: dict[str, Any]) -> Config:
    """Make the configuration as the application does: its ini, and what it sets in code."""
    config = Config(order["ini"])
    for name, value in {**order["options"], "sqlalchemy.url": order["url"]}.items():
        config.set_main_option(name, value.replace("%", "%%"))
    return config


def target(order: dict[str, Any], config: Config) -> str:
    """Give the revision to go to; `half` is the one in the middle of the history."""
    if order["target"] != "half":
        return order["target"]
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions("base", "heads")]
    return revisions[len(revisions) // 2]


def upgrade(order: dict[str, Any], config: Config) -> None:
    """Upgrade in the way in which the application does."""
    goal = target(order, config)
    if order["way"] == "anyio":
        import anyio

        async def in_a_thread() -> None:
            await anyio.to_thread.run_sync(functools.partial(command.upgrade, config, goal))

        anyio.run(in_a_thread)
    elif order["way"] == "connection":
        level = {"isolation_level": "AUTOCOMMIT"} if order["autocommit"] else {}
        with sa.create_engine(order["url"], **level).connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, goal)
            connection.commit()
    else:
        command.upgrade(config, goal)


def main() -> None:
    """Do what is asked."""
    order = json.loads(sys.argv[1])
    if order["ready"]:
        load(order["ready"])
    if order["action"] == "prepare":
        load(order["prepare"]).prepare(sa.create_engine(order["url"]))
        return
    config = configure(order)
    upgrade(order, config)
    scripts = ScriptDirectory.from_config(config)
    print(json.dumps({"heads": scripts.get_heads(), "revisions": len(list(scripts.walk_revisions()))}))


if __name__ == "__main__":
    main()
