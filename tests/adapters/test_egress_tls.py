"""TLS on the way out is verified, always."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from passerelle.transport.egress.connections import Connections, TcpDial
from passerelle.transport.egress.exchange import Deadlines
from passerelle.transport.egress.failures import CannotConnect, ConnectionLost, TimedOut
from passerelle.transport.egress.targets import target
from tests.adapters.certificates import self_signed
from tests.adapters.upstream import Step, answer, chunked, upstream

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


async def test_large_bodies_pass_both_ways(tmp_path: Path) -> None:
    pair = self_signed(tmp_path)
    body = bytes(range(256)) * 12_000
    async with upstream(lambda seen: (answer(seen.body),), tls=pair.server()) as there:
        connections = Connections(dial=TcpDial(pair.client()))
        sealed = target("POST", f"https://127.0.0.1:{there.port}/")
        got = await connections.request(sealed, body, deadlines=SOON)
        await connections.close()
    assert got.body == body


async def test_reader_that_is_slow_holds_a_sealed_stream_back_and_loses_nothing(
    tmp_path: Path,
) -> None:
    pair = self_signed(tmp_path)
    parts = [bytes((number,)) * 20_000 for number in range(200)]
    async with upstream(lambda _: chunked(*parts), tls=pair.server()) as there:
        connections = Connections(dial=TcpDial(pair.client()))
        sealed = target("POST", f"https://127.0.0.1:{there.port}/")
        stream = await connections.stream(sealed, b"", deadlines=Deadlines())
        read = b""
        async for part in stream:
            read += part
            if len(read) < 1_000_000:
                await asyncio.sleep(0.01)
        stream.close()
        await connections.close()
    assert read == b"".join(parts)


async def test_body_without_a_length_counts_only_when_its_end_is_told(tmp_path: Path) -> None:
    """Whoever can cut a connection must not be able to shorten an answer."""
    pair = self_signed(tmp_path)
    steps: tuple[Step, ...] = (b"HTTP/1.1 200 OK\r\n\r\nto the end", "close")
    async with upstream(lambda _: steps, tls=pair.server()) as there:
        connections = Connections(dial=TcpDial(pair.client()))
        sealed = target("POST", f"https://127.0.0.1:{there.port}/")
        assert (await connections.request(sealed, b"", deadlines=SOON)).body == b"to the end"
    async with upstream(lambda _: (*steps[:1], "reset"), tls=pair.server()) as there:
        sealed = target("POST", f"https://127.0.0.1:{there.port}/")
        with pytest.raises(ConnectionLost):
            await connections.request(sealed, b"", deadlines=SOON)


@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_upstream_that_leaves_before_the_seal_cannot_be_connected(
    tmp_path: Path, ending: Step
) -> None:
    async def leave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if ending == "reset":
            writer.transport.abort()
        writer.close()

    async with await asyncio.start_server(leave, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        connections = Connections(dial=TcpDial(self_signed(tmp_path).client()))
        with pytest.raises(CannotConnect):
            await connections.request(
                target("POST", f"https://127.0.0.1:{port}/"), b"", deadlines=SOON
            )


async def test_cancelled_handshake_leaves_no_connection_behind(tmp_path: Path) -> None:
    left = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while await reader.read(65_536):
                asking.cancel()
        writer.close()
        left.set()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        connections = Connections(dial=TcpDial(self_signed(tmp_path).client()))
        sealed = target("POST", f"https://127.0.0.1:{port}/")
        asking = asyncio.create_task(connections.request(sealed, b"", deadlines=SOON))
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.wait_for(left.wait(), 1)
