"""What the errors of PyMySQL and asyncmy mean, for the whole family.

Codes: https://dev.mysql.com/doc/mysql-errors/8.0/en/ and https://docs.pingcap.com/tidb/stable/error-codes.
"""

from __future__ import annotations

from typing import Final

from dbkit.backends.marks import driver_error, marked_fault, network_fault, one_line, refuses_certificate
from dbkit.backends.protocol import Errors, Fault

_CODES: Final = {
    # 2059: the log-in needs a plugin that the driver does not have; 3955: account locked
    Fault.LOGIN_REFUSED: (1045, 1698, 1862, 2059, 3118, 3955, 4151),
    Fault.NO_DATABASE: (1049, 1008),
    Fault.DATABASE_EXISTS: (1007,),
    # 8121: TiDB's privilege check
    Fault.NOT_ALLOWED: (1044, 1095, 1142, 1143, 1227, 1370, 1410, 8121),
    # 2026: TLS failed; 3159: the server takes no clear connection
    Fault.TLS_REFUSED: (2026, 3159),
    # 9001, 9002, 9005: TiDB does not reach its storage
    Fault.UNREACHABLE: (2001, 2002, 2003, 2005, 9001, 9002, 9005),
    # too many connections, of all and of this account; too many failed ones from here, or none allowed
    Fault.TURNED_AWAY: (1040, 1129, 1130, 1203, 1226),
    # 1927: MariaDB's "connection was killed"; 0: PyMySQL's word for a closed connection
    Fault.CONNECTION_LOST: (0, 1053, 1077, 1079, 1152, 1927, 2006, 2013, 2055, 4031),
    # 3572: NOWAIT
    Fault.LOCK_TIMEOUT: (1205, 3572),
    Fault.NO_TABLE: (1146,),
    # 8002, 8022, 8028, 9007: TiDB's, of which 8028 is a change of the schema meanwhile
    Fault.CONFLICT: (1213, 1020, 8002, 8022, 8028, 9007),
    # 8141, 8147: TiDB's, at the commit
    Fault.DUPLICATE: (1062, 1586, 8141, 8147),
    Fault.REFERENCE: (1216, 1217, 1451, 1452),
    Fault.READ_ONLY: (1290, 1792, 1836),
    Fault.STORAGE_FULL: (1021, 1114),
}
_FAULTS: Final = {code: fault for fault, codes in _CODES.items() for code in codes}


class MysqlErrors:
    """Reads the server's or the client library's number."""

    def fault(self, error: BaseException) -> Fault:
        """Classify an error by its code; a refused certificate comes as 2003, like a closed port."""
        noted = marked_fault(error)
        if noted is not None:
            return noted
        driver = driver_error(error)
        found = _FAULTS.get(code_of(driver), Fault.OTHER)
        # a connection that is killed in the middle gives 2013 with an ssl.SSLError in it, and is no fault of TLS
        if found is Fault.UNREACHABLE and network_fault(_cause(driver) or driver) is Fault.TLS_REFUSED:
            return Fault.TLS_REFUSED
        return Fault.TLS_REFUSED if found is Fault.CONNECTION_LOST and refuses_certificate(driver) else found

    def message(self, error: BaseException) -> str:
        """Word an error in one line: the server's text, and its number behind it."""
        driver = driver_error(error)
        code = code_of(driver)
        text = str(driver.args[1]) if len(driver.args) > 1 else str(driver)
        return one_line(f"{text} ({code})" if code > 0 else text)


def code_of(error: BaseException) -> int:
    """Read the number of a driver's error; -1 where it has none."""
    code = error.args[0] if error.args else None
    return code if isinstance(code, int) else -1


def _cause(error: BaseException) -> BaseException | None:
    """Find what a connection failed of: PyMySQL keeps it beside the error, asyncmy raises from it."""
    return getattr(error, "original_exception", None) or error.__cause__


ERRORS: Errors = MysqlErrors()
