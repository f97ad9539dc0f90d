"""How full a pool is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["PoolUse", "pool_use"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolUse:
    """How full a pool was when somebody looked."""

    size: int
    """Connections that are kept."""
    in_use: int
    """Connections that somebody held."""
    idle: int
    """Connections that are open and wait for somebody."""
    overflow: int
    """Connections beyond `size`, which are closed when they are given back."""
    limit: int | None
    """The most that there can be: `size` and the overflow; None without a limit."""


def pool_use(engine: sa.Engine) -> PoolUse | None:
    """Look at an engine's pool."""
    from sqlalchemy.pool import QueuePool

    pool = engine.pool
    if not isinstance(pool, QueuePool):
        return None
    size, overflow = pool.size(), pool._max_overflow  # noqa: SLF001 - SQLAlchemy shows it nowhere else
    return PoolUse(
        size=size,
        in_use=pool.checkedout(),
        idle=pool.checkedin(),
        overflow=max(0, pool.overflow()),
        limit=None if overflow < 0 or size == 0 else size + overflow,
    )
