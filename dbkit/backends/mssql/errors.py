"""What pyodbc's errors mean.

Codes: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors. Not measured: no SQL
Server was at hand.
"""

from __future__ import annotations

import re
from typing import Final

from dbkit.backends.marks import driver_error, marked_fault, one_line
from dbkit.backends.protocol import Errors, Fault

_CODES: Final = {
    18456: Fault.LOGIN_REFUSED,
    18452: Fault.LOGIN_REFUSED,
    4060: Fault.NO_DATABASE,
    911: Fault.NO_DATABASE,
    3701: Fault.NO_DATABASE,
    1801: Fault.DATABASE_EXISTS,
    229: Fault.NOT_ALLOWED,
    262: Fault.NOT_ALLOWED,
    300: Fault.NOT_ALLOWED,
    916: Fault.NOT_ALLOWED,
    1222: Fault.LOCK_TIMEOUT,
    208: Fault.NO_TABLE,
}
_STATES: Final = {
    "28000": Fault.LOGIN_REFUSED,
    "HYT00": Fault.UNREACHABLE,
    "HYT01": Fault.UNREACHABLE,
    "08001": Fault.UNREACHABLE,
    "08S01": Fault.CONNECTION_LOST,
}
_TLS: Final = re.compile(r"SSL Provider|certificate|encryption not supported", re.IGNORECASE)


class MssqlErrors:
    """Reads the native code that the driver puts behind its text, else the SQLSTATE."""

    def fault(self, error: BaseException) -> Fault:
        """Classify an error."""
        noted = marked_fault(error)
        if noted is not None:
            return noted
        driver = driver_error(error)
        text = str(driver)
        for code in re.findall(r"\((\d+)\)", text):
            if int(code) in _CODES:
                return _CODES[int(code)]
        found = _STATES.get(str(driver.args[0]) if driver.args else "", Fault.OTHER)
        return Fault.TLS_REFUSED if found is Fault.UNREACHABLE and _TLS.search(text) else found

    def message(self, error: BaseException) -> str:
        """Word an error in one line, without the names of the layers in brackets."""
        driver = driver_error(error)
        text = str(driver.args[1]) if len(driver.args) > 1 else str(driver)
        return one_line(re.sub(r"^(?:\[[^\]]*\])+", "", text))


ERRORS: Errors = MssqlErrors()
