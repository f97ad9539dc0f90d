"""What every backend's reading of errors needs: the driver's own error, and the fault that was noted on it.

An error of a connection attempt is raised afresh, without whatever could hold the password; what the original meant is noted
on the new one, because a driver may say it in an object that cannot be kept.
"""

from __future__ import annotations

import re
import ssl

from dbkit.backends.protocol import Fault

_MARK = "dbkit_fault"
_ALERT = re.compile(r"\[SSL: \w*ALERT_\w*(?:CERTIFICATE|UNKNOWN_CA)")


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
    if isinstance(error, ssl.SSLError) or _ended_handshake(error):  # OSErrors too
        return Fault.TLS_REFUSED
    return Fault.UNREACHABLE if isinstance(error, OSError | EOFError) else None


def refuses_certificate(error: BaseException) -> bool:
    """Tell whether a connection was lost because the server refuses the client's certificate, or misses one.

    Under TLS 1.3 it says so when the client's handshake is over: the first answer is an alert instead. asyncmy keeps no
    more of that than the words.
    """
    cause: BaseException | None = error
    while cause is not None:
        if _ALERT.search(str(cause)):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def network_message(error: BaseException) -> str:
    """Word what the system or the TLS library raised, without its numbers; a time that ran out comes without words."""
    if _ended_handshake(error):
        return "the server closed the connection during the handshake"
    text = re.sub(r"\[(?:Errno -?\d+|SSL: \w+)\] | \(_ssl\.c:\d+\)", "", str(error))
    return text or ("timeout expired" if isinstance(error, TimeoutError) else type(error).__name__)


def one_line(text: str) -> str:
    """Join the lines of a message."""
    return " ".join(text.split())


def _ended_handshake(error: BaseException) -> bool:
    """Know asyncio's word for the end of a connection within the handshake of TLS; the system's own has a number."""
    return isinstance(error, ConnectionResetError) and not error.args
