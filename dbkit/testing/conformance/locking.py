"""The migration lock: one run in a database, and free when its holder is gone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dbkit.config.connect import connect
from dbkit.errors import LockedError
from dbkit.testing.conformance.base import Conformance, Database

__all__ = ["Locking"]

HOLD = """
import time
from dbkit.backends import get_backend
from dbkit.config import DatabaseConfig
from dbkit.config.connect import connect

config = DatabaseConfig.from_env()
with connect(config, migrating=True) as connection:
    with get_backend(config.backend).locker.lock(connection, patience_s=10, on_wait=lambda: None):
        print("held", flush=True)
        time.sleep(60)
"""
PATIENCE_S = 30.0


class Interrupted(Exception):
    """Raised by whoever waits no longer."""


class Locking(Conformance):
    """Two connections, and one lock."""

    def test_a_lock_keeps_another_connection_out_until_it_is_let_go(self, database: Database) -> None:
        locker = self.profile.product.locker
        with connect(database.config, migrating=True) as one, connect(database.config, migrating=True) as two:
            with locker.lock(one, patience_s=0, on_wait=lambda: None) as held:
                assert not one.in_transaction()
                held.before_statement("SELECT 1")
                with pytest.raises(LockedError) as caught, locker.lock(two, patience_s=0, on_wait=lambda: None):
                    pass
                assert caught.value.hint
                assert not two.in_transaction()
            with locker.lock(two, patience_s=0, on_wait=lambda: None):
                pass

    def test_whoever_waits_is_asked_again_and_again_and_may_give_up(self, database: Database) -> None:
        locker, asked = self.profile.product.locker, []

        def on_wait() -> None:
            asked.append(True)
            if len(asked) > 1:
                raise Interrupted

        with connect(database.config, migrating=True) as one, connect(database.config, migrating=True) as two:
            with (
                locker.lock(one, patience_s=0, on_wait=lambda: None),
                pytest.raises(Interrupted),
                locker.lock(two, patience_s=PATIENCE_S, on_wait=on_wait),
            ):
                pass
            assert len(asked) == 2
            with locker.lock(two, patience_s=0, on_wait=lambda: None):
                pass

    def test_the_lock_of_a_process_that_dies_is_free(self, database: Database) -> None:
        environ = {**os.environ, **database.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        locker = self.profile.product.locker
        with subprocess.Popen([sys.executable, "-c", HOLD], env=environ, stdout=subprocess.PIPE, text=True) as holder:
            try:
                assert holder.stdout is not None
                assert holder.stdout.readline() == "held\n"
                with connect(database.config, migrating=True) as connection:
                    with pytest.raises(LockedError), locker.lock(connection, patience_s=0, on_wait=lambda: None):
                        pass
                    holder.kill()
                    with locker.lock(connection, patience_s=PATIENCE_S, on_wait=lambda: None):
                        pass
            finally:
                holder.kill()
