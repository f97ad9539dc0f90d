"""Runs the suite on SQLAlchemy's bridge to asynchronous drivers: a plugin of pytest that comes with the first test collected."""

from __future__ import annotations

import pytest

from dbkit.testing.driving import drive, end_driving, is_driving

__all__ = ["install"]

_NAME = "dbkit-conformance"


class _Bridge:
    """Runs tests of the suite, and their fixtures, where the inside of an asynchronous engine can be used like any other."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Lead a test of the suite onto the bridge."""
        from dbkit.testing.conformance.base import Conformance

        kind = getattr(item, "cls", None)
        if is_driving() or kind is None or not issubclass(kind, Conformance):
            return None
        drive(lambda: item.ihook.pytest_runtest_protocol(item=item, nextitem=nextitem))
        return True

    def pytest_unconfigure(self) -> None:
        """End the event loop."""
        end_driving()


def install(manager: pytest.PytestPluginManager) -> None:
    """Register the plugin, once."""
    if not manager.has_plugin(_NAME):
        manager.register(_Bridge(), _NAME)
