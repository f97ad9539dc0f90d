"""Alembic within Alembic: what its modules `context` and `op` stand for is put back where somebody's code has run it in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import context, op

__all__ = ["kept_proxies"]


@contextmanager
def kept_proxies() -> Iterator[None]:
    """Put back what they stood for: Alembic itself takes it away at the end of an inner run, and fails at the end of the outer one."""
    before: list[Any] = [getattr(module, "_proxy", None) for module in (context, op)]
    try:
        yield
    finally:
        for proxy in before:
            if proxy is not None:
                proxy._install_proxy()  # noqa: SLF001 - there is no other way
