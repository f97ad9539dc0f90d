"""Run where the wheel is installed: connects with every driver of DATABASE_TYPE, and says how, as JSON."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from dbkit.backends import get_backend
from dbkit.config import DatabaseConfig

FAMILY = "SHOW STATUS LIKE 'Ssl_cipher'"
CIPHER = {
    "postgresql": "SELECT pid, cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    "mssql": "SELECT session_id, encrypt_option FROM sys.dm_exec_connections WHERE session_id = @@SPID",
}


async def ask_async(config: DatabaseConfig, query: str) -> Any:
    engine = config.create_async_engine()
    try:
        async with engine.connect() as connection:
            return (await connection.exec_driver_sql(query)).one()[1]
    finally:
        await engine.dispose()


def ask(config: DatabaseConfig, query: str) -> Any:
    engine = config.create_engine()
    try:
        with engine.connect() as connection:
            return connection.exec_driver_sql(query).one()[1]
    finally:
        engine.dispose()


def told(driver: str, kind: str) -> str:
    config = DatabaseConfig.from_env("shop", environ={**os.environ, "DATABASE_DRIVER": driver})
    query = CIPHER.get(config.backend, FAMILY)
    try:
        found = asyncio.run(ask_async(config, query)) if kind == "async" else ask(config, query)
    except Exception as error:  # noqa: BLE001 - whatever a driver raises is the answer
        return f"{type(error).__name__}: {error}"
    return f"encrypted by {found}" if found else "in clear"


drivers = get_backend(os.environ["DATABASE_TYPE"]).traits.drivers
json.dump({f"{each.name} {kind}": told(each.name, kind) for each in drivers for kind in each.kinds}, sys.stdout)
