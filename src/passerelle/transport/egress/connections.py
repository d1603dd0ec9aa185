"""The only way out: a pool of kept-alive connections for each origin."""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from passerelle.transport.egress.exchange import Connection, Deadlines, Limits
from passerelle.transport.egress.failures import (
    CannotConnect,
    ConnectionLost,
    EgressFailed,
    NotAllowed,
    NotHttp,
    Redirected,
    TimedOut,
)
from passerelle.transport.egress.heads import Headers
from passerelle.transport.egress.targets import Origin, Target
from passerelle.transport.egress.tls import Tls

Dial = Callable[[Origin, Callable[[], Connection]], Awaitable[Connection]]
"""The transport seam: opens a connection and binds it to the protocol that the factory makes."""
_REDIRECTS: Final = range(300, 400)
_SETTLE_SECONDS: Final = 0.05


def allow_everything(origin: Origin) -> bool:  # noqa: ARG001 - the shape of an allow-list
    return True


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Headers
    body: bytes


@dataclass(slots=True)
class _Pool:
    """Connections to one origin. The newest idle one is taken first, so that old ones expire."""

    origin: Origin
    idle: list[Connection] = field(default_factory=list)
    open: int = 0
    """In use, idle, or being dialled."""
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class Connections:
    """Asks upstreams. Raises kin of `EgressFailed` only."""

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        allow: Callable[[Origin], bool] = allow_everything,
        dial: Dial | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._allow = allow
        self._dial = dial or TcpDial()
        self._pools: dict[Origin, _Pool] = {}
        self._closed = False

    async def request(
        self, target: Target, body: bytes, *, headers: bytes = b"", deadlines: Deadlines
    ) -> Response:
        """The whole answer. `headers` are whole lines for this request alone."""
        pool = self._pool(target.origin)
        head = target.head + headers
        connection = await self._asked(pool, head, body, deadlines=deadlines, streaming=False)
        try:
            _expect_plain(connection)
            return Response(connection.status, connection.headers, connection.taken())
        finally:
            self._give_back(pool, connection)

    async def stream(
        self, target: Target, body: bytes, *, headers: bytes = b"", deadlines: Deadlines
    ) -> "ResponseStream":
        """The answer once its headers are there. Whoever takes it closes it."""
        pool = self._pool(target.origin)
        head = target.head + headers
        connection = await self._asked(pool, head, body, deadlines=deadlines, streaming=True)
        try:
            _expect_plain(connection)
        except BaseException:
            self._give_back(pool, connection)
            raise
        return ResponseStream(connection, lambda: self._give_back(pool, connection))

    async def close(self) -> None:
        """Drops idle connections; those in use end with their answers."""
        self._closed = True
        for pool in self._pools.values():
            while pool.idle:
                pool.idle.pop().abort()
                pool.open -= 1
        await asyncio.sleep(0)  # lets the transports notice

    def _pool(self, origin: Origin) -> _Pool:
        if not self._allow(origin):
            raise NotAllowed(str(origin))
        pool = self._pools.get(origin)
        if pool is None:
            pool = self._pools[origin] = _Pool(origin)
        return pool

    async def _asked(
        self, pool: _Pool, head: bytes, body: bytes, *, deadlines: Deadlines, streaming: bool
    ) -> Connection:
        """A connection on which the answer has come; of a stream, its headers."""
        while True:
            connection = self._idle(pool) or await self._free(pool, deadlines)
            try:
                await connection.send(head, body, deadlines, streaming=streaming)
                connection.expect_sound()
            except ConnectionLost:
                self._give_back(pool, connection)
                # The server may have closed it while we wrote: it never saw the request.
                if connection.served and connection.untouched:
                    continue
                raise
            except BaseException:
                self._give_back(pool, connection)
                raise
            return connection

    def _idle(self, pool: _Pool) -> Connection | None:
        oldest = asyncio.get_running_loop().time() - self._limits.idle_seconds
        while pool.idle:
            connection = pool.idle.pop()
            if connection.usable and connection.released_at >= oldest:
                return connection
            connection.abort()
            pool.open -= 1
        return None

    async def _free(self, pool: _Pool, deadlines: Deadlines) -> Connection:
        """A new connection, or the next that comes back where there may be no more."""
        try:
            async with asyncio.timeout(deadlines.connect):
                while pool.open >= self._limits.connections:
                    await _turn(pool)
                    connection = self._idle(pool)
                    if connection is not None:
                        return connection
                return await self._opened(pool)
        except TimeoutError:
            raise TimedOut("connect") from None

    async def _opened(self, pool: _Pool) -> Connection:
        pool.open += 1
        try:
            return await self._dial(pool.origin, lambda: Connection(self._limits))
        except BaseException as fault:
            pool.open -= 1
            _next_turn(pool)
            if isinstance(fault, OSError) and not isinstance(fault, TimeoutError):
                raise CannotConnect(type(fault).__name__) from None
            raise

    def _give_back(self, pool: _Pool, connection: Connection) -> None:
        """Exactly once for every connection taken."""
        if connection.release() and not self._closed:
            pool.idle.append(connection)
        else:
            connection.abort()
            pool.open -= 1
        if pool.waiting:
            _next_turn(pool)


class ResponseStream:
    """An answer that is read while it comes. Closing it early cancels it at the upstream."""

    def __init__(self, connection: Connection, give_back: Callable[[], None]) -> None:
        self.status = connection.status
        self.headers = connection.headers
        self._connection = connection
        self._give_back: Callable[[], None] | None = give_back

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if data := await self._connection.chunk():
            return data
        raise StopAsyncIteration

    async def read(self) -> bytes:
        """All that is left."""
        return b"".join([data async for data in self])

    async def settle(self) -> None:
        """Waits a moment for the end of the body, without which the connection cannot be reused."""
        with suppress(TimeoutError, EgressFailed):
            async with asyncio.timeout(_SETTLE_SECONDS):
                await self.read()

    def close(self) -> None:
        if self._give_back is not None:
            give_back, self._give_back = self._give_back, None
            give_back()


class TcpDial:
    """Plain TCP and verified TLS."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context

    async def __call__(self, origin: Origin, protocol: Callable[[], Connection]) -> Connection:
        loop = asyncio.get_running_loop()
        connection = protocol()
        if not origin.over_tls:
            await loop.create_connection(lambda: connection, origin.host, origin.port)
            return connection
        tls = Tls(connection, self._tls(), server=origin.host)
        await loop.create_connection(lambda: tls, origin.host, origin.port)
        try:
            await tls.ready
        except BaseException:
            tls.abort()
            raise
        return connection

    def _tls(self) -> ssl.SSLContext:
        # Made at the first use: reading the machine's certificates takes tens of milliseconds.
        if self._context is None:
            self._context = ssl.create_default_context()
            self._context.set_alpn_protocols(["http/1.1"])
        return self._context


def _expect_plain(connection: Connection) -> None:
    if connection.status in _REDIRECTS:
        raise Redirected
    if connection.headers.coded:
        raise NotHttp("content-encoding")


async def _turn(pool: _Pool) -> None:
    """Waits until a connection comes back; first come, first served."""
    turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    pool.waiting.append(turn)
    try:
        await turn
    except asyncio.CancelledError:
        if turn.done() and not turn.cancelled():
            _next_turn(pool)  # our turn must not be lost
        raise


def _next_turn(pool: _Pool) -> None:
    while pool.waiting:
        turn = pool.waiting.popleft()
        if not turn.done():
            turn.set_result(None)
            return
