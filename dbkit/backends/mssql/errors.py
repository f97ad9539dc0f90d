"""What pyodbc's errors mean.

Numbers: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors, and for Azure
https://learn.microsoft.com/azure/azure-sql/database/troubleshoot-common-errors-issues. The texts and states of connecting are
measured with driver 18.6 against a stub of the protocol; no SQL Server was at hand.
"""

from __future__ import annotations

import re
from typing import Final

from dbkit.backends.marks import driver_error, marked_fault, one_line
from dbkit.backends.protocol import Errors, Fault

_CODES: Final = {
    # before the log-in's: a server says both of a database that it has not, or does not open to this account
    Fault.NO_DATABASE: (4060, 4063, 4064, 911, 3701),
    # untrusted, refused, disabled, locked out, expired, to be changed, and Azure's word for a wrong server in the user's name
    Fault.LOGIN_REFUSED: (18456, 18452, 18450, 18470, 18486, 18487, 18488, 40532),
    Fault.DATABASE_EXISTS: (1801,),
    Fault.NOT_ALLOWED: (229, 230, 262, 297, 300, 916, 15247),
    # too many connections, one user only; in Azure a firewall, a limit
    Fault.TURNED_AWAY: (17809, 18461, 40501, 40615, 10928, 10929, 49918, 49919, 49920),
    # starting or updating itself; in Azure a move
    Fault.UNREACHABLE: (17830, 18401, 40613, 40197),
    # killed; 4014: the server read nonsense, and closes
    Fault.CONNECTION_LOST: (596, 4014),
    Fault.LOCK_TIMEOUT: (1222,),
    Fault.NO_TABLE: (208,),
    # a deadlock's victim; a snapshot that another transaction has changed
    Fault.CONFLICT: (1205, 3960),
    Fault.DUPLICATE: (2601, 2627),
    Fault.REFERENCE: (547,),
    Fault.READ_ONLY: (3906,),
    Fault.STORAGE_FULL: (1105, 9002),
}
_FAULTS: Final = {code: fault for fault, codes in _CODES.items() for code in codes}
_STATES: Final = {
    "28000": Fault.LOGIN_REFUSED,
    "HYT01": Fault.UNREACHABLE,
    "08001": Fault.UNREACHABLE,
    "08004": Fault.UNREACHABLE,
    "08S01": Fault.CONNECTION_LOST,
    "08003": Fault.CONNECTION_LOST,
}
# The number stands behind each text, the ODBC function behind the first: `… failed. (4060) (SQLDriverConnect); [42000] … (18456)`.
_NUMBER: Final = re.compile(r"\((\d+)\)(?= \(SQL\w+\)|; \[|$)")
_LAYERS: Final = re.compile(r"(?:^|(?<=; ))(?:\[[^\]]*\] ?)+")
_FUNCTION: Final = re.compile(r" \(SQL\w+\)(?=;|$)")
_NO_NUMBER: Final = re.compile(r" \((?:0|-1)\)(?=;|$)")
_TLS: Final = re.compile(r"SSL Provider|certificate|encryption not supported", re.IGNORECASE)


class MssqlErrors:
    """Reads the server's number that the driver puts behind its text, else the SQLSTATE."""

    def fault(self, error: BaseException) -> Fault:
        """Classify an error."""
        noted = marked_fault(error)
        if noted is not None:
            return noted
        driver = driver_error(error)
        state, text = _state(driver), str(driver.args[-1]) if driver.args else ""
        numbers = {int(number) for number in _NUMBER.findall(text)}
        known = next((fault for code, fault in _FAULTS.items() if code in numbers), None)
        # the server's own texts; those of the driver manager and the driver have numbers of their own
        if known is not None and "[SQL Server]" in text:
            return known
        if state == "HYT00":
            # the same state says that a statement took too long
            return Fault.UNREACHABLE if "login timeout" in text.lower() else Fault.OTHER
        found = _STATES.get(state, Fault.OTHER)
        return Fault.TLS_REFUSED if found is Fault.UNREACHABLE and _TLS.search(text) else found

    def message(self, error: BaseException) -> str:
        """Word an error in one line, without the names of the layers in brackets and of the function behind."""
        driver = driver_error(error)
        text = str(driver.args[-1]) if driver.args else str(driver)
        text = _FUNCTION.sub("", _LAYERS.sub("", one_line(text)))
        return _NO_NUMBER.sub("", text)


def _state(error: BaseException) -> str:
    return str(error.args[0]) if error.args else ""


ERRORS: Errors = MssqlErrors()
