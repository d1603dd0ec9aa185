"""Load, closed loop (as fast as it goes) and open loop (at a fixed rate).

In the open loop latency counts from the moment at which a request was due, so
that a slow answer is not hidden by the requests that it delayed.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast


@dataclass(slots=True)
class Load:
    """What one run saw."""

    seconds: float
    latencies_ms: list[float] = field(default_factory=list)
    failures: int = 0

    @property
    def requests_per_second(self) -> float:
        return len(self.latencies_ms) / self.seconds

    def quantile_ms(self, share: float) -> float:
        """Latency below which that share lies; NaN when nothing was answered."""
        if not self.latencies_ms:
            return float("nan")
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def request_bytes(path: str, body: bytes, *, port: int, key: str = "") -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *([f"authorization: Bearer {key}"] if key else []),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Client(asyncio.Protocol):
    """One keep-alive connection with one request under way at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._waiter: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(0)

    def ask(self, request: bytes) -> "asyncio.Future[int]":
        """The status of the answer; 0 when the connection was lost."""
        self._waiter = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._waiter

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or self._waiter is None or not self._is_whole(end):
            return
        status = int(self._buffer[9:12])
        self._buffer = b""
        if not self._waiter.done():
            self._waiter.set_result(status)

    def _is_whole(self, end: int) -> bool:
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        if at < 0:
            return self._buffer.endswith(b"0\r\n\r\n")
        return len(self._buffer) >= end + 4 + int(head[at + 15 :].split(b"\r\n", 1)[0])


async def connect(port: int) -> Client:
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(Client, "127.0.0.1", port)
    return client


async def closed_loop(
    port: int,
    requests: Sequence[bytes],
    *,
    connections: int,
    seconds: float = 1e9,
    count: int = 1 << 62,
) -> Load:
    """Every connection sends its next request as soon as it has its answer.

    Ends after so many seconds or requests, whichever comes first.
    """
    started = time.perf_counter()
    load = Load(seconds)
    turn = iter(range(count))

    async def work() -> None:
        client = await connect(port)
        for number in turn:
            since = time.perf_counter()
            if since - started >= seconds:
                break
            status = await client.ask(requests[number % len(requests)])
            if status == 200:
                load.latencies_ms.append((time.perf_counter() - since) * 1_000)
            else:
                load.failures += 1
            if status == 0:
                client = await connect(port)
        client.transport.close()

    await asyncio.gather(*(work() for _ in range(connections)))
    load.seconds = time.perf_counter() - started
    return load


async def open_loop(port: int, requests: Sequence[bytes], *, rate: float, seconds: float) -> Load:
    """Requests leave when they are due, on a free connection or a new one."""
    load = Load(seconds)
    free: deque[Client] = deque([await connect(port) for _ in range(32)])
    started = time.perf_counter() + 0.05
    running: set[asyncio.Task[None]] = set()

    async def one(number: int, due: float) -> None:
        client = free.popleft() if free else await connect(port)
        if await client.ask(requests[number % len(requests)]) == 200:
            load.latencies_ms.append((time.perf_counter() - due) * 1_000)
            free.append(client)
        else:
            load.failures += 1

    for number in range(int(rate * seconds)):
        due = started + number / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(one(number, due))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    for client in free:
        client.transport.close()
    return load
