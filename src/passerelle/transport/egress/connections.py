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
from passerelle.transport.egress.targets import Origin, Target

Dial = Callable[[Origin, Callable[[], Connection]], Awaitable[Connection]]
"""The transport seam: opens a connection and binds it to the protocol that the factory makes."""
_REDIRECTS: Final = range(300, 400)
_SETTLE_SECONDS: Final = 0.05


def allow_everything(origin: Origin) -> bool:  # noqa: ARG001 - the shape of an allow-list
    return True


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: dict[str, str]
    """Names in lower case; of a repeated header the last."""
    body: bytes


@dataclass(slots=True)
class _Pool:
    """Connections to one origin. The newest idle one is taken first, so that old ones expire."""

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
        connection = await self._sent(target, body, headers, deadlines, streaming=False)
        try:
            data = await connection.whole()
            return Response(connection.status, _checked(connection).headers, data)
        finally:
            self._give_back(target.origin, connection)

    async def stream(
        self, target: Target, body: bytes, *, headers: bytes = b"", deadlines: Deadlines
    ) -> "ResponseStream":
        """The answer once its headers are there. Whoever takes it closes it."""
        connection = await self._sent(target, body, headers, deadlines, streaming=True)
        try:
            _checked(connection)
        except BaseException:
            self._give_back(target.origin, connection)
            raise
        return ResponseStream(connection, lambda: self._give_back(target.origin, connection))

    async def close(self) -> None:
        """Drops idle connections; those in use end with their answers."""
        self._closed = True
        for pool in self._pools.values():
            while pool.idle:
                pool.idle.pop().abort()
                pool.open -= 1
        await asyncio.sleep(0)  # lets the transports notice

    async def _sent(
        self,
        target: Target,
        body: bytes,
        headers: bytes,
        deadlines: Deadlines,
        *,
        streaming: bool,
    ) -> Connection:
        """A connection on which the headers of the answer have come."""
        head = target.head + headers
        while True:
            connection = await self._take(target.origin, deadlines)
            reused = connection.served > 0
            try:
                await connection.send(head, body, deadlines, streaming=streaming)
                await connection.opened()
            except ConnectionLost:
                self._give_back(target.origin, connection)
                # The server may have closed it while we wrote: it never saw the request.
                if reused and connection.untouched:
                    continue
                raise
            except BaseException:
                self._give_back(target.origin, connection)
                raise
            return connection

    async def _take(self, origin: Origin, deadlines: Deadlines) -> Connection:
        if not self._allow(origin):
            raise NotAllowed(str(origin))
        pool = self._pools.setdefault(origin, _Pool())
        connection = self._idle(pool)
        if connection is not None:
            return connection
        try:
            async with asyncio.timeout(deadlines.connect):
                while pool.open >= self._limits.connections:
                    await _turn(pool)
                    connection = self._idle(pool)
                    if connection is not None:
                        return connection
                return await self._opened(origin, pool)
        except TimeoutError:
            raise TimedOut("connect") from None

    def _idle(self, pool: _Pool) -> Connection | None:
        oldest = asyncio.get_running_loop().time() - self._limits.idle_seconds
        while pool.idle:
            connection = pool.idle.pop()
            if connection.usable and connection.released_at >= oldest:
                return connection
            connection.abort()
            pool.open -= 1
        return None

    async def _opened(self, origin: Origin, pool: _Pool) -> Connection:
        pool.open += 1
        try:
            return await self._dial(origin, lambda: Connection(self._limits))
        except BaseException as fault:
            pool.open -= 1
            _next_turn(pool)
            if isinstance(fault, OSError) and not isinstance(fault, TimeoutError):
                raise CannotConnect(type(fault).__name__) from None
            raise

    def _give_back(self, origin: Origin, connection: Connection) -> None:
        """Exactly once for every connection taken."""
        pool = self._pools[origin]
        if connection.release() and not self._closed:
            pool.idle.append(connection)
        else:
            connection.abort()
            pool.open -= 1
        _next_turn(pool)


class ResponseStream:
    """An answer that is read while it comes. Closing it early cancels it at the upstream."""

    def __init__(self, connection: Connection, give_back: Callable[[], None]) -> None:
        self.status = connection.status
        self.headers = connection.headers
        self._connection = connection
        self._give_back: Callable[[], None] | None = give_back

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self._connection.chunk():
            yield data

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
        _, connection = await loop.create_connection(
            protocol,
            origin.host,
            origin.port,
            ssl=self._tls() if origin.over_tls else None,
            server_hostname=origin.host if origin.over_tls else None,
        )
        return connection

    def _tls(self) -> ssl.SSLContext:
        # Made at the first use: reading the machine's certificates takes tens of milliseconds.
        if self._context is None:
            self._context = ssl.create_default_context()
            self._context.set_alpn_protocols(["http/1.1"])
        return self._context


def _checked(connection: Connection) -> Connection:
    if connection.status in _REDIRECTS:
        raise Redirected
    if connection.headers.get("content-encoding", "identity") != "identity":
        raise NotHttp("content-encoding")
    return connection


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
