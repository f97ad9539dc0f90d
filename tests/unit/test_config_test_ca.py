"""The script that makes throw-away CAs."""

from __future__ import annotations

import ssl
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "certs" / "make-test-ca"


def test_the_script_makes_a_server_certificate_that_its_ca_vouches_for(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path), "db.test", "127.0.0.1"], check=True, capture_output=True
    )
    client, server = ssl.create_default_context(cafile=tmp_path / "ca.crt"), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    server.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    ours, theirs = [(ssl.MemoryBIO(), ssl.MemoryBIO()) for _ in range(2)]
    one = client.wrap_bio(*ours, server_hostname="db.test")
    two = server.wrap_bio(*theirs, server_side=True)
    for side, out, into in (
        (one, ours[1], theirs[0]),
        (two, theirs[1], ours[0]),
        (one, ours[1], theirs[0]),
        (two, theirs[1], ours[0]),
    ):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
        into.write(out.read())
    assert one.cipher() is not None
    assert stat.S_IMODE((tmp_path / "server.key").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ca.crt", "server.crt", "server.key"]
