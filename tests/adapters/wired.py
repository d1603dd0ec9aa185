"""A small application behind the real listener, for tests of HTTP itself."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from passerelle.adapters.gateway.edge import ClientGone, EdgeLimits, Request
from passerelle.adapters.gateway.listeners import Listening, listen
from passerelle.core.values.clock import SystemClock
from passerelle.core.values.errors import Refusal

TEXT = ((b"content-type", b"text/plain"),)
LIMITS = EdgeLimits(body_bytes=1_000_000, body_seconds=2)
OCTETS = b"application/octet-stream"


@dataclass
class Wired:
    """Echoes; what it was asked, and what became of it, is noted."""

    handlers: dict[str, Callable[[Request], Awaitable[None]]] = field(default_factory=dict)
    limits: EdgeLimits = LIMITS
    seen: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    clock: SystemClock = field(default_factory=SystemClock)

    async def serve(self, request: Request) -> None:
        self.seen.append(f"{request.method} {request.path}")
        ended = "answered"
        try:
            await self.handlers.get(request.path, self._echo)(request)
        except Refusal as refusal:
            ended = refusal.code
            await request.refuse(refusal)
        except ClientGone:
            ended = "gone"
        except asyncio.CancelledError:
            ended = "gone" if request.gone else "cancelled"
        finally:
            self.ended.append(ended)

    async def _echo(self, request: Request) -> None:
        body = await request.body(self.limits, OCTETS)
        await request.reply(200, request.path.encode() + b" " + body, TEXT)


@asynccontextmanager
async def wired(
    application: Wired, *, listening: Listening | None = None
) -> AsyncGenerator[int, None]:
    """The port of a listener that serves it."""
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    settings = replace(listening or Listening(), port=0)
    task = asyncio.create_task(listen(application, settings, started=port.set_result, stop=stop))
    try:
        yield await port
    finally:
        stop.set()
        await task


def post(path: str, body: bytes, *headers: str) -> bytes:
    lines = "".join(f"{header}\r\n" for header in (*headers, f"content-length: {len(body)}"))
    return f"POST {path} HTTP/1.1\r\nhost: a\r\n{lines}\r\n".encode() + body


async def answers(port: int, request: bytes, *, seconds: float = 3.0) -> list[tuple[int, bytes]]:
    """Status and body of every answer until the server hangs up; each has a length."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    found = []
    try:
        async with asyncio.timeout(seconds):
            while head := await _head(reader):
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                found.append((int(head.split()[1]), await reader.readexactly(length)))
    finally:
        writer.close()
    return found


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
