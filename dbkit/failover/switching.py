"""The event of a switch, and who wants to hear of it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dbkit.failover.plan import Route

__all__ = ["Hearing", "OnSwitch", "Switch", "announce", "listen"]

# One logger for whoever watches failing over, whichever module does it.
log = logging.getLogger("dbkit.failover")


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A service has gone to its fallback, or back."""

    service: str
    route: Route
    """Where it is now: `primary` or `fallback`."""
    reason: str
    """Why, in one line without secrets."""
    at: datetime
    """When, in UTC."""
    place: str
    """What it works on now: the server and its database, or the file."""


OnSwitch = Callable[[Switch], object]
"""Called once for each switch, on a thread of dbkit's; it may use the service's engine. What it raises is logged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """Switches that are told until `stop` is called; to call it again does nothing."""

    stop: Callable[[], None]


@dataclass(frozen=True, slots=True, eq=False)
class _Listener:
    key: tuple[str, str]
    callback: OnSwitch


_listeners: Final[list[_Listener]] = []
_lock = threading.Lock()


def listen(key: tuple[str, str], callback: OnSwitch) -> Hearing:
    """Have a callback called for each switch of a service from now on.

    Args:
        key: the project's root and the service's name.
        callback: takes the `Switch`.
    """
    listener = _Listener(key, callback)
    with _lock:
        _listeners.append(listener)

    def stop() -> None:
        with _lock:
            if listener in _listeners:
                _listeners.remove(listener)

    return Hearing(stop=stop)


def announce(key: tuple[str, str], switch: Switch) -> None:
    """Call each callback once; what one raises is logged and keeps none of the others from hearing."""
    with _lock:
        callbacks = [listener.callback for listener in _listeners if listener.key == key]
    for callback in callbacks:
        try:
            callback(switch)
        except Exception:
            log.exception("a callback failed that was told of a switch of %r", switch.service)


def _renew_lock() -> None:
    """Give a forked child a lock of its own: another thread of the parent may have held it."""
    global _lock  # noqa: PLW0603 - the only way to replace it
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)
