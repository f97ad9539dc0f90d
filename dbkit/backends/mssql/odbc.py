"""Which ODBC driver is loaded: Microsoft's from 18 on, installed in the system, else by its path in a wheel.

Version 17 encrypts nothing unless it is told to and knows no `Encrypt=strict`; FreeTDS reads neither `Encrypt` nor
`TrustServerCertificate`: https://learn.microsoft.com/sql/connect/odbc/connection-troubleshooting.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePath
from typing import Final

from dbkit.errors import ConfigurationError, MissingDriverError

OLDEST: Final = 18
# The name under which Microsoft's installers enter it: https://learn.microsoft.com/sql/connect/odbc/linux-mac/installing-the-microsoft-odbc-driver-for-sql-server
USUAL_NAME: Final = f"ODBC Driver {OLDEST} for SQL Server"
WHEEL: Final = "mssql-python-odbc"
_NAME: Final = re.compile(r"ODBC Driver (\d+) for SQL Server")
# libmsodbcsql-18.6.so.2.1 on Linux, libmsodbcsql.18.dylib on macOS
_FILE: Final = re.compile(r"libmsodbcsql[-.](\d+)(?:\.\d+)*\.(?:so(?:\.\d+)*|dylib)")
# The wheel's folders by what os-release says in ID and ID_LIKE. Its build for Debian runs wherever glibc is.
_FOLDERS: Final = (
    ("alpine", ("alpine",)),
    ("suse", ("suse", "sles", "opensuse")),
    ("rhel", ("rhel", "fedora", "centos")),
    ("debian_ubuntu", ()),
)
_MACHINES: Final = {"amd64": "x86_64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OdbcDriver:
    """A driver that can be named in a connection string."""

    name: str
    """What stands behind `DRIVER=`: the name that it is entered under, or the path of its library."""
    place: str
    """Where it was found, in words."""

    def __str__(self) -> str:
        """Word it for people."""
        return f"{self.name} ({self.place})"


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """What decides on the build that this machine needs."""

    kernel: str
    machine: str
    distributions: frozenset[str] = frozenset()
    """The distribution's own name and those that it is like; none outside Linux."""

    @classmethod
    def this(cls) -> System:
        """Look at this machine."""
        try:
            release = platform.freedesktop_os_release()
        except OSError:
            release = {}
        words = f"{release.get('ID', '')} {release.get('ID_LIKE', '')}".lower().split()
        return cls(kernel=platform.system(), machine=platform.machine().lower(), distributions=frozenset(words))

    def folder(self) -> str:
        """Name the wheel's folder for this machine, below `libs`."""
        machine = _MACHINES.get(self.machine, self.machine)
        if self.kernel == "Darwin":
            return f"macos/{machine}"
        found = (name for name, words in _FOLDERS if not words or self._is_like(words))
        return f"linux/{next(found)}/{machine}"

    def _is_like(self, words: Iterable[str]) -> bool:
        # openSUSE calls itself opensuse-leap and opensuse-tumbleweed
        return any(mine.split("-")[0] in words for mine in self.distributions)


def find_driver(
    *, names: Callable[[], Iterable[str]] | None = None, files: Callable[[], Iterable[Path]] | None = None
) -> OdbcDriver | None:
    """Find the driver: the newest that is installed in the system, else the wheel's; None where there is neither.

    Args:
        names: gives what the driver manager knows; asked of pyodbc where it is None.
        files: gives the libraries of the wheel that fit this machine; looked for where it is None.
    """
    known = {int(found[1]): name for name in (names or _registered)() if (found := _NAME.fullmatch(name))}
    if known and max(known) >= OLDEST:
        return OdbcDriver(name=known[max(known)], place="installed in the system")
    path = max((files or bundled)(), key=str, default=None)
    return None if path is None else OdbcDriver(name=str(path), place=f"from the wheel {WHEEL}")


def need_driver() -> OdbcDriver:
    """Find the driver.

    Raises:
        MissingDriverError: there is none.
    """
    found = find_driver()
    if found is not None:
        return found
    old = ", ".join(name for name in _registered() if _NAME.fullmatch(name))
    raise MissingDriverError(
        f"Microsoft's ODBC driver {OLDEST} for SQL Server is not there" + (f", only {old}" if old else ""),
        hint=f"pip install 'dbkit[mssql]' brings it on Linux; elsewhere install Microsoft's package msodbcsql{OLDEST}",
    )


def checked(name: str) -> str:
    """Take a driver that somebody named.

    Raises:
        ConfigurationError: it is not Microsoft's, or too old.
    """
    found = _NAME.fullmatch(name) or _FILE.fullmatch(PurePath(name).name)
    if found is None or int(found[1]) < OLDEST:
        raise ConfigurationError(
            f"the ODBC driver {name!r} is refused: only Microsoft's verifies TLS, from {OLDEST} on",
            hint=f"leave the option 'driver' out, or name {USUAL_NAME!r}",
        )
    return name


def bundled(system: System | None = None) -> Iterator[Path]:
    """Give the libraries of the wheel that this machine can load."""
    try:
        wheel = metadata.distribution(WHEEL)
    except metadata.PackageNotFoundError:
        return
    folder = (system or System.this()).folder()
    for file in wheel.files or ():
        if _FILE.fullmatch(file.name) and file.parent.match(f"libs/{folder}/lib"):
            path = Path(str(wheel.locate_file(file)))
            if path.is_file():
                yield path.absolute()


def _registered() -> list[str]:
    """Ask the driver manager; it knows none where pyodbc cannot be loaded, which an engine says itself."""
    try:
        import pyodbc
    except ImportError:
        return []
    return list(pyodbc.drivers())
