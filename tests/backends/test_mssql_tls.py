"""TLS to SQL Server with Microsoft's driver: attacks, addresses in certificates, and a server without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import trustme

from dbkit.config.connect import connect
from dbkit.errors import TlsRefusedError, UnreachableError
from dbkit.testing.authorities import Issued
from dbkit.testing.proof import arena, candidates
from dbkit.testing.verdicts import Outcome, Proof, Store, Way
from tests.backends.accounts import Stripped
from tests.backends.mssql_stub import LoginStub
from tests.backends.mssql_there import Server, ca, certificate, config, loads, trusted

__all__ = ["ca", "certificate", "trusted"]


@loads
def test_every_attack_on_the_tls_of_engine_and_url_is_refused() -> None:
    with arena() as found:
        for encrypt in ("yes", "strict"):
            there = replace(config(1433), mssql_encrypt=encrypt)
            proof = Proof(service="user", trials=found.attack_all(candidates(there), [Store.SYSTEM]))
            assert list(proof.findings()) == []
            assert {trial.way for trial in proof.trials} == set(Way)
            assert {trial.outcome for trial in proof.trials} == {Outcome.ARRIVED, Outcome.REFUSED, Outcome.GIVEN}
            declined = found.attack_all(candidates(there), [Store.FILE])
            assert {trial.outcome for trial in declined} == {Outcome.DECLINED}
            assert {trial.seen.connections for trial in declined} == {0}


@loads
@pytest.mark.parametrize("encrypt", ["yes", "strict"])
def test_an_address_is_looked_for_among_the_names_of_a_certificate_and_not_among_its_addresses(
    certificate: Issued, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encrypt: Any
) -> None:
    with LoginStub(certificate=certificate) as stub:  # which has the address as a name too
        with pytest.raises(UnreachableError, match="refuses the log-in"):
            connect(replace(config(stub.port), host="127.0.0.1", mssql_encrypt=encrypt))
        stub.finish()
    assert len(stub.logins) == 1
    with LoginStub(certificate=with_the_address_alone(tmp_path, monkeypatch)) as stub:
        with pytest.raises(TlsRefusedError, match="subject name does not match host name") as caught:
            connect(replace(config(stub.port), host="127.0.0.1", mssql_encrypt=encrypt))
        stub.finish()
    assert stub.logins == []
    assert "SSL_CERT_FILE" in str(caught.value.hint)
    assert str(caught.value.hint).endswith("and name the host as the certificate does")


def with_the_address_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Issued:
    """Issue a certificate as public CAs do: an address stands in it as an address."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    leaf = authority.issue_cert("127.0.0.1")
    leaf.private_key_pem.write_to_path(str(folder / "leaf.key"))
    leaf.cert_chain_pems[0].write_to_path(str(folder / "leaf.pem"))
    return Issued(cert_file=str(folder / "leaf.pem"), key_file=str(folder / "leaf.key"))


@loads
@pytest.mark.parametrize(("encrypt", "arrives"), [("verify", False), ("insecure-loopback", True)])
def test_a_server_without_tls_gets_a_log_in_only_where_that_was_asked_for(encrypt: Any, arrives: bool) -> None:
    stripped = Stripped("mssql")
    with pytest.raises(UnreachableError) as caught:
        connect(config(stripped.port, tls=encrypt))
    assert isinstance(caught.value, TlsRefusedError) is not arrives
    assert stripped.done.wait(10)
    assert stripped.log_in is arrives


@loads
def test_a_server_that_says_that_it_does_not_encrypt_is_left(certificate: Issued) -> None:
    class Liar(Server):
        answers: ClassVar[Mapping[str, str]] = {**Server.answers, "encrypt_option": "FALSE"}

    with Liar(certificate=certificate) as server:
        with pytest.raises(TlsRefusedError, match="is not encrypted"):
            config(server.port).create_engine().connect()
        server.finish()


@loads
def test_an_account_that_may_not_ask_whether_it_is_encrypted_trusts_the_driver(certificate: Issued) -> None:
    class Closed(Server):
        refuses = ("encrypt_option",)

    with Closed(certificate=certificate) as server:
        engine = config(server.port).create_engine()
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar() == "1"
        engine.dispose()
        server.finish()
