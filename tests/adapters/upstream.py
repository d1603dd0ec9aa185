"""An upstream that does what a script says, over real sockets."""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

Step = bytes | float | Literal["close", "reset"]
"""Bytes to write, seconds to wait, or a way to end the connection."""


@dataclass(frozen=True)
class Seen:
    """One request as the upstream got it."""

    head: str
    body: bytes
    connection: int

    @property
    def json(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


Script = Callable[[Seen], Sequence[Step]]


@dataclass
class Upstream:
    script: Script
    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    cut_short: int = 0
    """Connections that the other side ended while we were writing or waiting."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = int(head.lower().partition("content-length: ")[2].split("\r\n")[0])
                seen = Seen(head, await reader.readexactly(length), number)
                self.seen.append(seen)
                for step in self.script(seen):
                    if not await self._do(step, reader, writer):
                        return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _do(
        self, step: Step, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        elif isinstance(step, float):
            try:
                async with asyncio.timeout(step):
                    if not await reader.read(1):
                        self.cut_short += 1
                        return False
            except TimeoutError:
                return True
            except ConnectionError:
                self.cut_short += 1
                return False
        elif step == "reset":
            writer.transport.abort()
            return False
        else:
            return False
        return True


@asynccontextmanager
async def upstream(
    script: Script, *, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[Upstream, None]:
    served = Upstream(script)
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            running.add(task)
            task.add_done_callback(running.discard)
        with suppress(asyncio.CancelledError):  # the end of the test
            await served.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        for task in tuple(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def until(condition: Callable[[], object], *, seconds: float = 5.0) -> None:
    """Waits for something that another task brings about."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - any condition, so no event
            await asyncio.sleep(0.002)


def answer(
    body: bytes, *, status: str = "200 OK", headers: str = "content-type: application/json"
) -> bytes:
    head = f"HTTP/1.1 {status}\r\n{headers}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode("latin-1") + body


def chunked(*parts: bytes, headers: str = "content-type: text/event-stream") -> list[bytes]:
    """Head, then one HTTP chunk per part, then the end."""
    head = f"HTTP/1.1 200 OK\r\n{headers}\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    return [head, *(b"%x\r\n%s\r\n" % (len(part), part) for part in parts if part), b"0\r\n\r\n"]
