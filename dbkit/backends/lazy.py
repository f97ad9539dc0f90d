"""A backend whose parts are imported when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import cast

from dbkit.backends.protocol import API_VERSION, Codecs, Connector, Ddl, Errors, Examiner, Grants, Locker, Traits
from dbkit.errors import UnusableBackendError


@dataclass(frozen=True, kw_only=True)
class LazyBackend:
    """A backend made of the modules `codecs`, `errors`, `ddl`, `locks`, `grants` and `examine` of one package, and of one per driver, such as `connect`.

    Each module ends with its part under a fixed name (`CONNECTOR: Connector = …`), where mypy proves that it conforms.
    """

    name: str
    traits: Traits
    package: str
    api_version: int = API_VERSION

    def connector(self, driver: str = "") -> Connector:
        """How it is reached with a driver."""
        named = driver or self.traits.driver
        module = next((item.module for item in self.traits.drivers if item.name == named), "connect")
        return cast("Connector", self._part(module, "CONNECTOR"))

    @property
    def codecs(self) -> Codecs:
        """How it keeps values."""
        return cast("Codecs", self._part("codecs", "CODECS"))

    @property
    def errors(self) -> Errors:
        """What its driver's errors mean."""
        return cast("Errors", self._part("errors", "ERRORS"))

    @property
    def ddl(self) -> Ddl:
        """Its databases and wording."""
        return cast("Ddl", self._part("ddl", "DDL"))

    @property
    def locker(self) -> Locker:
        """Its migration lock."""
        return cast("Locker", self._part("locks", "LOCKER"))

    @property
    def grants(self) -> Grants:
        """What its accounts need."""
        return cast("Grants", self._part("grants", "GRANTS"))

    @property
    def examiner(self) -> Examiner:
        """What is to be seen on a server."""
        return cast("Examiner", self._part("examine", "EXAMINER"))

    def _part(self, module: str, name: str) -> object:
        place = f"{self.package}.{module}"
        try:
            return getattr(import_module(place), name)
        except ModuleNotFoundError as error:
            if error.name != place:
                raise
        except AttributeError as error:
            if error.name != name:
                raise
        raise UnusableBackendError(
            f"backend {self.name!r} has no {place}:{name}", hint="install a release of its package that is whole"
        )
