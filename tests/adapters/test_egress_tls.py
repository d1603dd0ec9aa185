"""TLS on the way out is verified, always."""

from pathlib import Path

import pytest

from passerelle.transport.egress.connections import Connections, TcpDial
from passerelle.transport.egress.exchange import Deadlines
from passerelle.transport.egress.failures import CannotConnect, TimedOut
from passerelle.transport.egress.targets import target
from tests.adapters.certificates import self_signed
from tests.adapters.upstream import answer, upstream

SOON = Deadlines(connect=2, first_byte=2, total=2)


async def test_trusted_certificate_is_accepted_and_its_connection_reused(tmp_path: Path) -> None:
    pair = self_signed(tmp_path)
    async with upstream(lambda _: (answer(b"sealed"),), tls=pair.server()) as there:
        connections = Connections(dial=TcpDial(pair.client()))
        sealed = target("POST", f"https://127.0.0.1:{there.port}/")
        for _ in range(3):
            assert (await connections.request(sealed, b"", deadlines=SOON)).body == b"sealed"
        await connections.close()
    assert there.connections == 1


async def test_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    pair = self_signed(tmp_path)
    async with upstream(lambda _: (answer(b""),), tls=pair.server()) as there:
        connections = Connections()
        sealed = target("POST", f"https://127.0.0.1:{there.port}/")
        with pytest.raises(CannotConnect, match="SSLCertVerificationError"):
            await connections.request(sealed, b"", deadlines=SOON)
    assert there.seen == []


async def test_certificate_of_another_host_is_refused(tmp_path: Path) -> None:
    pair = self_signed(tmp_path, host="elsewhere.example")
    async with upstream(lambda _: (answer(b""),), tls=pair.server()) as there:
        connections = Connections(dial=TcpDial(pair.client()))
        sealed = target("POST", f"https://127.0.0.1:{there.port}/")
        with pytest.raises(CannotConnect):
            await connections.request(sealed, b"", deadlines=SOON)
    assert there.seen == []


async def test_plain_upstream_behind_an_https_address_is_refused(tmp_path: Path) -> None:
    async with upstream(lambda _: (answer(b""),)) as there:
        connections = Connections(dial=TcpDial(self_signed(tmp_path).client()))
        sealed = target("POST", f"https://127.0.0.1:{there.port}/")
        with pytest.raises(TimedOut):
            await connections.request(sealed, b"secret", deadlines=Deadlines(connect=0.2))
    assert there.seen == []
