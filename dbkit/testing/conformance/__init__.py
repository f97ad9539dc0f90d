"""The proof that a backend keeps to the protocol. It takes three lines in the tests of a package.

```python
from dbkit.testing.conformance import BackendConformance, Profile


class TestAcme(BackendConformance):
    profile = Profile(backend="acme")
```
"""

import pytest

# so that a failing assert shows what it compared; before the modules are imported
pytest.register_assert_rewrite(
    *(
        f"{__name__}.{module}"
        for module in (
            *("base", "connecting", "faults", "locking", "migrating"),
            *("protocol", "queries", "spelling", "values"),
        )
    )
)

from dbkit.testing.conformance.base import Conformance  # noqa: E402 - see above
from dbkit.testing.conformance.connecting import Connecting, Databases, Servers  # noqa: E402 - see above
from dbkit.testing.conformance.faults import Faults  # noqa: E402 - see above
from dbkit.testing.conformance.locking import Locking  # noqa: E402 - see above
from dbkit.testing.conformance.migrating import Migrating  # noqa: E402 - see above
from dbkit.testing.conformance.profile import (  # noqa: E402 - see above
    Difference,
    Profile,
    never,
    notimpl,
    notyet,
)
from dbkit.testing.conformance.protocol import Protocols  # noqa: E402 - see above
from dbkit.testing.conformance.queries import Queries  # noqa: E402 - see above
from dbkit.testing.conformance.spelling import Spelling  # noqa: E402 - see above
from dbkit.testing.conformance.values import Values  # noqa: E402 - see above

__all__ = ["BackendConformance", "Conformance", "Difference", "Profile", "never", "notimpl", "notyet"]


class BackendConformance(
    Protocols, Connecting, Databases, Servers, Faults, Locking, Migrating, Values, Queries, Spelling
):
    """All that a backend has to do: a subclass gives its `profile`."""

    __test__ = False

    def __init_subclass__(cls, **kw: object) -> None:
        """Have a subclass be collected that has a profile."""
        cls.__test__ = hasattr(cls, "profile")
        super().__init_subclass__(**kw)
