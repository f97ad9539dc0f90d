"""Keep of the addresses that people signed in from no more than the network.

Of an IPv4 address the first 24 bits stay, of an IPv6 address the first 48, which many people share; what is no address goes.
This cannot be undone, and is not meant to be.

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-25 09:00:00
"""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

import sqlalchemy as sa
from alembic import context, op

import dbkit.types as dbt
from dbkit.errors import IrreversibleError

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BATCH = 500
SESSIONS = sa.table("sessions", sa.column("id", dbt.v1.Uuid()), sa.column("client", dbt.v1.Json()))


def upgrade() -> None:
    """Take the addresses out, batch by batch in the order of the key; one that is out is left as it is."""
    if context.is_offline_mode():
        op.get_context().impl.static_output("-- addresses are forgotten where there are any: by dbkit migrate")
        return
    bind, table = op.get_bind(), SESSIONS.c
    query = sa.select(table.id, table.client).order_by(table.id).limit(BATCH)
    changed = sa.update(SESSIONS).where(table.id == sa.bindparam("key")).values(client=sa.bindparam("kept"))
    rows = bind.execute(query).all()
    while rows:
        values = [{"key": row.id, "kept": without_address(row.client)} for row in rows if may_tell(row.client)]
        if values:
            bind.execute(changed, values)
        rows = bind.execute(query.where(table.id > rows[-1].id)).all()


def downgrade() -> None:
    """Refuse."""
    raise IrreversibleError("the addresses that people signed in from are no longer known")


def may_tell(client: object) -> bool:
    """Say whether there may be an address in it: there may in what is no object."""
    return not isinstance(client, dict) or "address" in client


def without_address(client: object) -> dict[str, Any]:
    """Put the network in the place of the address; what is no object goes."""
    if not isinstance(client, dict):
        return {}
    kept = {key: value for key, value in client.items() if key != "address"}
    try:
        address = ip_address(str(client["address"]).partition("%")[0])
    except ValueError:
        return kept
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    bits = 48 if isinstance(address, IPv6Address) else 24
    return {**kept, "network": str(ip_network((address, bits), strict=False))}
