"""One spelling for each column type and default on MariaDB."""

from __future__ import annotations

import re

from dbkit.backends.mysql import canonical as mysql

# JSON is a name for LONGTEXT with a CHECK: https://mariadb.com/kb/en/json-data-type/
JSON = re.compile(r"^JSON$")


def canonical_type(text: str) -> str:
    """Reduce a column type's wording to one spelling."""
    return JSON.sub("LONGTEXT", mysql.canonical_type(text))


def canonical_default(text: str | None) -> str | None:
    """Reduce a default's wording to one spelling. SHOW CREATE TABLE prints `?` for what is beyond U+FFFF (seen on 10.11)."""
    found = mysql.canonical_default(text)
    return None if found is None else re.sub("[\U00010000-\U0010ffff]", "?", found)
