"""`python -m bench.egress`: what one request to an upstream over TLS costs, by client.

Each client runs in a process of its own on one core, the upstream on the other. Clients
that are not installed are left out: run it with the interpreter of a throw-away
environment that has aiohttp, httpx, pyreqwest, httptools and cryptography.
"""

import argparse
import asyncio
import datetime as dt
import ipaddress
import json
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bench import peers, processes, upstream
from passerelle.transport.egress.connections import Connections, TcpDial
from passerelle.transport.egress.exchange import Deadlines
from passerelle.transport.egress.targets import target

try:
    import aiohttp  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    aiohttp = cast("Any", None)
try:
    import httpx as _httpx

    httpx: Any = _httpx
except ImportError:
    httpx = None
try:
    from pyreqwest.client import ClientBuilder  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    ClientBuilder = cast("Any", None)

AT_ONCE = 16
BODY = peers.chat_body("replay-1", peers.FILLER)
STREAM_BODY = peers.chat_body("replay-1", peers.FILLER, stream=True)
JSON = {"content-type": "application/json", "authorization": "Bearer sk-measured"}
Ask = Callable[[bytes], Awaitable[int]]
"""One request with this body; returns the bytes of the answer's body."""


async def ours(stack: AsyncExitStack, url: str, trust: bytes) -> Ask:
    """Whole answers through `request`, streams through `stream`."""
    dial = TcpDial(ssl.create_default_context(cadata=trust.decode()))
    connections = Connections(dial=dial)
    stack.push_async_callback(connections.close)
    where, deadlines = target("POST", url, tuple(JSON.items())), Deadlines()

    async def ask(body: bytes) -> int:
        if body is BODY:
            return len((await connections.request(where, body, deadlines=deadlines)).body)
        stream = await connections.stream(where, body, deadlines=deadlines)
        try:
            return sum([len(part) async for part in stream])
        finally:
            stream.close()

    return ask


async def with_aiohttp(stack: AsyncExitStack, url: str, trust: bytes) -> Ask:
    context = ssl.create_default_context(cadata=trust.decode())
    connector = aiohttp.TCPConnector(ssl=context, limit=0)
    session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))

    async def ask(body: bytes) -> int:
        async with session.post(url, data=body, headers=JSON) as answer:
            if body is BODY:
                return len(await answer.read())
            return sum([len(part) async for part in answer.content.iter_any()])

    return ask


async def with_httpx(stack: AsyncExitStack, url: str, trust: bytes) -> Ask:
    context = ssl.create_default_context(cadata=trust.decode())
    client = await stack.enter_async_context(httpx.AsyncClient(verify=context))

    async def ask(body: bytes) -> int:
        if body is BODY:
            return len((await client.post(url, content=body, headers=JSON)).content)
        async with client.stream("POST", url, content=body, headers=JSON) as answer:
            return sum([len(part) async for part in answer.aiter_bytes()])

    return ask


async def with_pyreqwest(stack: AsyncExitStack, url: str, trust: bytes) -> Ask:
    builder = ClientBuilder().add_root_certificate_pem(trust).http1_only()
    client = await stack.enter_async_context(builder.build())

    async def ask(body: bytes) -> int:
        request = client.post(url).headers(JSON).body_bytes(body)
        if body is BODY:
            return len(await (await request.build().send()).bytes())
        size = 0
        async with request.build_streamed() as answer:
            while (part := await answer.body_reader.read_chunk()) is not None:
                size += len(part)
        return size

    return ask


CLIENTS: dict[str, Callable[[AsyncExitStack, str, bytes], Awaitable[Ask]]] = {
    "transport/egress": ours,
    **({"pyreqwest": with_pyreqwest} if ClientBuilder is not None else {}),
    **({"aiohttp": with_aiohttp} if aiohttp is not None else {}),
    **({"httpx": with_httpx} if httpx is not None else {}),
}


async def cost_us(client: str, url: str, trust: bytes, *, body: bytes, count: int) -> float:
    """CPU of this process per request, all threads together, after a warm-up."""
    async with AsyncExitStack() as stack:
        ask = await CLIENTS[client](stack, url, trust)

        async def work(requests: int) -> None:
            for _ in range(requests):
                if not await ask(body):
                    raise SystemExit(f"{client} got an empty answer")

        await asyncio.gather(*(work(10) for _ in range(AT_ONCE)))
        before = time.process_time()
        await asyncio.gather(*(work(count // AT_ONCE) for _ in range(AT_ONCE)))
        return (time.process_time() - before) / (count // AT_ONCE * AT_ONCE) * 1e6


class Sealed(asyncio.Protocol):
    """Answers every request with the same bytes; reads requests by their content-length."""

    def __init__(self) -> None:
        self._whole = upstream.whole(peers.ANSWER)
        self._pieces = upstream.streamed(peers.ANSWER)
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        if found and len(body) >= int(head.lower().split(b"content-length: ")[1].split(b"\r")[0]):
            self._read = b""
            # A record of TLS for each piece, as providers send them.
            for piece in self._pieces if b'"stream":true' in body else [self._whole]:
                self._transport.write(piece)


async def serve(port: int, folder: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sealed, "127.0.0.1", port, ssl=context)
    await server.serve_forever()


def write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    (folder / "server.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def measured(client: str, port: int, folder: Path, count: int) -> list[float]:
    """Of a whole answer and of a stream, from a process of its own."""
    asked = [sys.executable, "-m", "bench.egress", "--client", client, "--count", str(count)]
    asked += ["--port", str(port), "--folder", str(folder)]
    done = subprocess.run(processes.on_core(0, asked), check=True, capture_output=True)
    costs: list[float] = json.loads(done.stdout)
    return costs


def compared(rounds: int, count: int, folder: Path) -> str:
    """The table."""
    write_certificate(folder)
    port = processes.free_port()
    serving = [sys.executable, "-m", "bench.egress", "--serve", "--port", str(port)]
    command = processes.on_core(1, [*serving, "--folder", str(folder)])
    found: dict[str, list[list[float]]] = {client: [] for client in CLIENTS}
    with processes.running(command, port=port, log=folder / "upstream.log"):
        for _ in range(rounds):
            for client in CLIENTS:
                fewer = count // 5 if client == "httpx" else count
                found[client].append(measured(client, port, folder, fewer))
    lines = ["| client | whole answer, µs | ratio | stream, µs | ratio |", "|---|--:|--:|--:|--:|"]
    first = [statistics.median(column) for column in zip(*found["transport/egress"], strict=True)]
    for client, rows in found.items():
        costs = [statistics.median(column) for column in zip(*rows, strict=True)]
        cells = (
            f"{cost:,.0f} | {cost / base:.1f}" for cost, base in zip(costs, first, strict=True)
        )
        lines.append(f"| {client} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=3_000)
    parser.add_argument("--client", help="only: measure this one against a running upstream")
    parser.add_argument("--serve", action="store_true", help="only: be the upstream")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve(arguments.port, arguments.folder))
    elif arguments.client:
        url = f"https://127.0.0.1:{arguments.port}/v1/chat/completions"
        trust = (arguments.folder / "server.pem").read_bytes()
        costs = [
            asyncio.run(cost_us(arguments.client, url, trust, body=body, count=arguments.count))
            for body in (BODY, STREAM_BODY)
        ]
        print(json.dumps(costs))
    else:
        with tempfile.TemporaryDirectory() as name:
            print(compared(arguments.rounds, arguments.count, Path(name)))


if __name__ == "__main__":
    main()
