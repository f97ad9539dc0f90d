"""TiDB Cloud's rules, which hang on the host's name.

Sources: https://docs.pingcap.com/tidbcloud/secure-connections-to-serverless-clusters and
https://docs.pingcap.com/tidbcloud/tidb-cloud-tls-connect-to-dedicated (read 2026).
"""

from __future__ import annotations

import re
from typing import Final

PORT: Final = 4000
_PREFIXED = re.compile(r"[A-Za-z0-9]{10,20}\..+", re.DOTALL)


def is_cloud(host: str | None) -> bool:
    """Tell whether a host is TiDB Cloud's, of any tier."""
    name = _plain(host)
    return name.endswith((".tidbcloud.com", ".tidb-cloud.com"))


def is_dedicated(host: str | None) -> bool:
    """Tell whether a host is of the Dedicated tier: users without prefix, an own CA that must be downloaded."""
    name = _plain(host)
    return is_cloud(host) and (name.endswith(".tidb-cloud.com") or ".clusters." in name)


def refuse_user(user: str | None) -> str | None:
    """Say why this cannot be a user of the Starter and Essential tiers, or None where it can."""
    if user and _PREFIXED.fullmatch(user):
        return None
    return "TiDB Cloud's users have the cluster's prefix: 'prefix.user'"


def _plain(host: str | None) -> str:
    return (host or "").lower().rstrip(".")
