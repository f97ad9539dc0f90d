"""What the doctor says of what guards a log-in: the certificate and its CA, accounts that need no TLS, and files that everybody may read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dbkit.backends.protocol import Verdict
from dbkit.errors import ExitCode
from dbkit.testing.authorities import Authority
from tests.backends.accounts import Account
from tests.backends.doctor.examined import ADVICE, FAMILY, OK, OTHER_PASSWORD, PROBLEM, Look, login, of, only
from tests.servers import Server


@only("postgresql", *FAMILY)
def test_tls_is_told_with_version_and_days(look: Look) -> None:
    said = of(look(), "tls.certificate").message
    assert said.startswith("TLSv1.")
    assert "the certificate of CN=localhost expires in " in said


@only(*FAMILY)
def test_an_account_that_may_log_in_without_tls_is_advised_the_statement_that_ends_it(
    server: Server, name: str, account: Account, look: Look
) -> None:
    account.grant(name)
    seen = of(look(**login(account)), "tls.account")
    assert seen.verdict is ADVICE
    assert f"{account.user}@% may log in without it" in seen.message
    statement = f"ALTER USER `{account.user}`@`%` REQUIRE SSL;"
    assert str(seen.hint).startswith(statement)
    account.run({"other": statement})
    assert of(look(**login(account)), "tls.account").verdict is OK
    account.set_password(OTHER_PASSWORD)
    again = of(look(**login(account, OTHER_PASSWORD)), "tls.account")
    assert again.verdict is (ADVICE if server.backend == "tidb" else OK)
    assert ("every ALTER USER" in str(seen.hint)) is (server.backend == "tidb")


@only("postgresql", *FAMILY)
def test_a_ca_that_has_expired_is_told_beside_what_comes_of_it(tmp_path: Path, look: Look) -> None:
    expired = Authority.make(tmp_path, now=datetime.now(UTC) - timedelta(days=200))
    found = look(DATABASE_SSL_CA=expired.ca_file)
    assert found.exit_code is ExitCode.UNREACHABLE
    assert of(found, "tls.ca").verdict is PROBLEM
    assert of(found, "tls.certificate").verdict is PROBLEM


@only("postgresql", *FAMILY)
@pytest.mark.parametrize(("environment", "verdict"), [("development", ADVICE), ("production", PROBLEM)])
def test_a_password_that_everybody_may_read_is_told(
    tmp_path: Path, server: Server, look: Look, monkeypatch: pytest.MonkeyPatch, *, environment: str, verdict: Verdict
) -> None:
    file = tmp_path / "secret"
    file.write_text(str(server.url.password))
    file.chmod(0o644)
    monkeypatch.setenv("DBKIT_ENV", environment)
    told = {"DATABASE_PASSWORD": "", "DATABASE_PASSWORD_FILE": str(file)}
    found = of(look(**told), "settings.password")
    assert (found.verdict, found.file) == (verdict, str(file))
    file.chmod(0o600)
    assert of(look(**told), "settings.password").verdict is OK


@only("postgresql", *FAMILY)
def test_a_key_that_everybody_may_read_is_told(tmp_path: Path, look: Look) -> None:
    issued = Authority.make(tmp_path).issue("client")
    Path(issued.key_file).chmod(0o644)
    found = look(DATABASE_SSL_CERT=issued.cert_file, DATABASE_SSL_KEY=issued.key_file)
    assert of(found, "tls.key").verdict is ADVICE
