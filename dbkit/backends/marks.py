"""What every backend's reading of errors needs: the driver's own error, and the fault that was noted on it.

An error of a connection attempt is raised afresh, without whatever could hold the password; what the original meant is noted
on the new one, because a driver may say it in an object that cannot be kept.
"""

from __future__ import annotations

import re
import ssl

from dbkit.backends.protocol import Fault

_MARK = "dbkit_fault"


def driver_error(error: BaseException) -> BaseException:
    """Take the driver's own error out of SQLAlchemy's wrapper."""
    return getattr(error, "orig", None) or error


def mark(error: BaseException, fault: Fault) -> None:
    """Note what an error means."""
    setattr(error, _MARK, fault)


def marked_fault(error: BaseException) -> Fault | None:
    """Give what was noted on an error, or None."""
    return getattr(driver_error(error), _MARK, None)


def network_fault(error: BaseException) -> Fault | None:
    """Classify what the system or the TLS library raised, as asynchronous drivers let it through; None for anything else."""
    if isinstance(error, ssl.SSLError):  # an OSError too
        return Fault.TLS_REFUSED
    return Fault.UNREACHABLE if isinstance(error, OSError | EOFError) else None


def network_message(error: BaseException) -> str:
    """Word what the system or the TLS library raised, without its numbers; a time that ran out comes without words."""
    text = re.sub(r"\[(?:Errno -?\d+|SSL: \w+)\] | \(_ssl\.c:\d+\)", "", str(error))
    return text or ("timeout expired" if isinstance(error, TimeoutError) else type(error).__name__)


def one_line(text: str) -> str:
    """Join the lines of a message."""
    return " ".join(text.split())
