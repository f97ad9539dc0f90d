"""Impostors and their certificates: what they present, what they note, and that they end."""

from __future__ import annotations

import hashlib
import secrets
import socket
import ssl
import stat
import struct
import sys
from pathlib import Path

import pytest

from dbkit.backends import get_backend
from dbkit.backends.opening import start_tls
from dbkit.errors import MissingDriverError, TlsRefusedError, UsageError
from dbkit.testing.authorities import Authority
from dbkit.testing.impostors import Handed, Impostor, impostor_of

BOTH = pytest.mark.parametrize("backend", ["tidb", "postgresql"])
SSL_REQUEST = struct.pack("!II", 8, 80877103)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("ca"))


def dial(impostor: Impostor) -> socket.socket:
    return socket.create_connection((impostor.host, impostor.port), 5)


def shake_hands(impostor: Impostor, context: ssl.SSLContext, backend: str) -> ssl.SSLSocket:
    return start_tls(str(get_backend(backend).traits.wire), dial(impostor), context=context, host="localhost")


EITHER_FORM = pytest.mark.parametrize("first", [False, True], ids=["within the protocol", "around it"])


@EITHER_FORM
def test_a_handshake_with_sql_server_reads_its_certificate(ca: Authority, first: bool) -> None:
    with impostor_of("mssql")(certificate=ca.issue("localhost")) as impostor, dial(impostor) as sock:
        found = start_tls("tds", sock, context=strict(ca), host="localhost", strict=first)
        assert found.getpeercert()["subjectAltName"] == (("DNS", "localhost"),)  # type: ignore[index] # it is verified, so it is there
        if isinstance(found, ssl.SSLSocket):
            found.close()


@EITHER_FORM
def test_a_handshake_with_sql_server_refuses_another_host(ca: Authority, first: bool) -> None:
    with (
        impostor_of("mssql")(certificate=ca.issue("elsewhere.invalid")) as impostor,
        pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"),
    ):
        start_tls("tds", dial(impostor), context=strict(ca), host="localhost", strict=first)


def test_a_sql_server_without_tls_is_refused(ca: Authority) -> None:
    with impostor_of("mssql")(certificate=None) as impostor:
        with pytest.raises(TlsRefusedError, match="offers no TLS"):
            start_tls("tds", dial(impostor), context=strict(ca), host="localhost")
        assert impostor.finish().in_clear is Handed.NOTHING


def strict(ca: Authority) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca.ca_file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def test_a_key_is_readable_by_its_owner_alone(ca: Authority) -> None:
    assert stat.S_IMODE(Path(ca.issue("localhost").key_file).stat().st_mode) == 0o600


@BOTH
def test_the_right_certificate_passes_the_strictest_check(ca: Authority, backend: str) -> None:
    with impostor_of(backend)(certificate=ca.issue("localhost", "127.0.0.1")) as impostor:
        with shake_hands(impostor, strict(ca), backend) as client:
            names = (("DNS", "localhost"), ("IP Address", "127.0.0.1"), ("DNS", "127.0.0.1"))
            assert client.getpeercert()["subjectAltName"] == names  # type: ignore[index] # it is verified, so it is there
        seen = impostor.finish()
    assert (seen.connections, seen.in_clear, seen.over_tls, seen.tls_bytes) == (1, Handed.NOTHING, Handed.NOTHING, 0)


@BOTH
@pytest.mark.parametrize(
    ("names", "expired", "said"),
    [(("elsewhere.invalid",), False, "Hostname mismatch"), (("localhost",), True, "certificate has expired")],
    ids=["another host", "expired"],
)
def test_a_wrong_certificate_is_refused_for_what_is_wrong_with_it(
    ca: Authority, backend: str, names: tuple[str, ...], expired: bool, said: str
) -> None:
    with impostor_of(backend)(certificate=ca.issue(*names, expired=expired)) as impostor:
        with pytest.raises(ssl.SSLCertVerificationError, match=said):
            shake_hands(impostor, strict(ca), backend)
        assert "broke the handshake off" in impostor.finish().ends[0]


@BOTH
def test_an_untrusted_ca_is_refused(ca: Authority, backend: str, tmp_path: Path) -> None:
    stranger = Authority.make(tmp_path)
    with (
        impostor_of(backend)(certificate=stranger.issue("localhost")) as impostor,
        pytest.raises(ssl.SSLCertVerificationError, match="self-signed certificate in certificate chain"),
    ):
        shake_hands(impostor, strict(ca), backend)


@BOTH
def test_a_server_that_offers_no_tls_is_refused_before_anything_is_sent(ca: Authority, backend: str) -> None:
    with impostor_of(backend)(certificate=None) as impostor:
        with pytest.raises(TlsRefusedError, match="offers no TLS"):
            shake_hands(impostor, strict(ca), backend)
        assert impostor.finish().in_clear is Handed.NOTHING


def startup(user: str) -> bytes:
    body = struct.pack("!I", 3 << 16) + f"user\0{user}\0database\0d\0\0".encode()
    return struct.pack("!I", len(body) + 4) + body


def answer(client: socket.socket, password: bytes) -> None:
    client.sendall(b"p" + struct.pack("!I", len(password) + 5) + password + b"\0")
    assert client.recv(100)[:1] == b"E"


def test_a_start_up_in_clear_counts_as_a_log_in() -> None:
    with impostor_of("postgresql")(certificate=None) as impostor:
        with dial(impostor) as client:
            client.sendall(SSL_REQUEST)
            assert client.recv(1) == b"N"
            client.sendall(startup("u"))
            assert client.recv(100) == b"R" + struct.pack("!II", 12, 5) + b"salt"
        seen = impostor.finish()
    assert (seen.in_clear, seen.clear_bytes, seen.ends) == (Handed.LOG_IN, 8 + 27, ("the client hung up",))


def test_a_hash_of_the_password_is_told_from_another() -> None:
    password = secrets.token_hex(8)
    inner = hashlib.md5(f"{password}u".encode()).hexdigest()
    known = hashlib.md5(f"{inner}salt".encode()).hexdigest()
    for given, found in ((known, Handed.HASH), ("0" * 32, Handed.LOG_IN)):
        with impostor_of("postgresql")(certificate=None, password=password) as impostor:
            with dial(impostor) as client:
                client.sendall(startup("u"))
                client.recv(100)
                answer(client, b"md5" + given.encode())
            assert impostor.finish().in_clear is found


def test_the_password_itself_is_found_as_it_is_and_in_base64() -> None:
    password = secrets.token_hex(8)
    for spelling in (password.encode(), password.encode("utf-16-le"), password.encode().hex().encode()):
        with impostor_of("postgresql")(certificate=None, asks_clear=True, password=password) as impostor:
            with dial(impostor) as client:
                client.sendall(startup("u"))
                assert client.recv(100) == b"R" + struct.pack("!II", 8, 3)
                answer(client, spelling)
            assert impostor.finish().in_clear is Handed.PASSWORD


def test_a_client_that_begins_with_tls_itself_is_served(ca: Authority) -> None:
    """As libpq 17 does with sslnegotiation=direct."""
    with impostor_of("postgresql")(certificate=ca.issue("localhost")) as impostor:
        with strict(ca).wrap_socket(dial(impostor), server_hostname="localhost") as client:
            client.sendall(startup("u"))
            assert client.recv(1) == b"R"
        assert impostor.finish().over_tls is Handed.LOG_IN


def packet(number: int, body: bytes) -> bytes:
    return struct.pack("<I", len(body))[:3] + bytes([number]) + body


def test_a_client_that_insists_on_tls_that_was_not_offered_has_handed_nothing_over() -> None:
    with impostor_of("mariadb")(certificate=None) as impostor:
        with dial(impostor) as client:
            client.recv(200)
            client.sendall(packet(1, b"\0" * 32))
            assert client.recv(1) == b""
        seen = impostor.finish()
    assert (seen.in_clear, seen.clear_bytes) == (Handed.NOTHING, 36)
    assert seen.ends == ("the client insists on TLS, which was not offered",)


def test_a_log_in_of_the_mysql_protocol_is_noted_and_the_password_asked_for() -> None:
    password = secrets.token_hex(8)
    with impostor_of("mysql")(certificate=None, asks_clear=True, password=password) as impostor:
        with dial(impostor) as client:
            client.recv(200)
            client.sendall(packet(1, b"\0" * 32 + b"user\0"))
            assert client.recv(200)[4:] == b"\xfemysql_clear_password\0"
            client.sendall(packet(3, password.encode() + b"\0"))
            assert b"Access denied" in client.recv(200)
        assert impostor.finish().in_clear is Handed.PASSWORD


def test_the_gravest_counts_whatever_else_a_client_hands_over_after_it(ca: Authority) -> None:
    password = secrets.token_hex(8)
    with impostor_of("mysql")(certificate=None, asks_clear=True, password=password) as impostor:
        for first, then in ((password.encode(), b"nothing"), (b"nobody", b"nothing")):
            with dial(impostor) as client:
                client.recv(200)
                client.sendall(packet(1, b"\0" * 32 + first + b"\0"))
                client.recv(200)
                client.sendall(packet(3, then))
                client.recv(200)
        assert impostor.finish().in_clear is Handed.PASSWORD
    with impostor_of("postgresql")(certificate=ca.issue("localhost"), asks_clear=True, password=password) as impostor:
        for word in (password.encode(), b"nothing"):
            with strict(ca).wrap_socket(dial(impostor), server_hostname="localhost") as client:
                client.sendall(startup("u"))
                client.recv(100)
                answer(client, word)
        assert impostor.finish().over_tls is Handed.PASSWORD


@BOTH
def test_connections_that_wait_are_heard_before_the_verdict(backend: str) -> None:
    with impostor_of(backend)(certificate=None, patience_s=0.2) as impostor:
        clients = [dial(impostor) for _ in range(3)]
        for client in clients:
            client.close()
        assert impostor.finish().connections == 3


@BOTH
def test_a_client_that_says_nothing_is_not_waited_for(backend: str) -> None:
    with impostor_of(backend)(certificate=None, patience_s=0.05) as impostor, dial(impostor):
        assert impostor.finish().ends == ("the client said nothing more",)


@BOTH
@pytest.mark.parametrize("garbage", [b"\xff" * 64, b"\0" * 64, b"GET / HTTP/1.1\r\n\r\n", b""], ids=repr)
def test_garbage_does_not_stop_an_impostor(backend: str, garbage: bytes) -> None:
    with impostor_of(backend)(certificate=None, patience_s=0.05) as impostor:
        for _ in range(2):
            with dial(impostor) as client:
                client.sendall(garbage)
        assert impostor.finish().connections == 2


def test_a_backend_without_a_protocol_has_no_impostor() -> None:
    with pytest.raises(UsageError, match="there is no impostor for SQLite"):
        impostor_of("sqlite")


def test_without_cryptography_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "cryptography"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(MissingDriverError) as caught:
        Authority.make(tmp_path)
    assert caught.value.hint == "pip install 'dbkit[testing]'"
