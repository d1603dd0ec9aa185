"""One connection to an upstream and the one answer that it carries at a time."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final, cast

import httptools

from passerelle.transport.egress.failures import (
    ConnectionLost,
    EgressFailed,
    NotHttp,
    TimedOut,
    TooLarge,
)
from passerelle.transport.egress.heads import Headers

_HIGH_WATER: Final = 262_144
"""Unread bytes of a stream at which we stop reading from the network."""

_ROOM: Final = memoryview(bytearray(262_144))
"""Where every connection reads into: what comes is parsed before the next one reads."""

# How far an answer is, in this order.
_IDLE, _SENT, _HEADERS, _BODY, _DONE, _CLOSED = range(6)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds."""

    connect: float = 5.0
    first_byte: float = 60.0
    between_bytes: float = 60.0
    total: float = 120.0


@dataclass(frozen=True, slots=True)
class Limits:
    header_bytes: int = 65_536
    body_bytes: int = 33_554_432
    connections: int = 4_096
    """Per origin, in use and idle together."""
    idle_seconds: float = 20.0
    """Below what servers usually grant, so that most connections are dropped by us, not by them."""


class Connection(asyncio.BufferedProtocol):
    """Parses what comes and keeps the deadlines of the answer that is being waited for.

    A failure is kept until somebody asks for the next part, so that nothing is lost
    between two waits. Parser and timer live as long as the connection, not as a request.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._state = _IDLE
        self._goal = _CLOSED
        self._failure: EgressFailed | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._chunks: deque[bytes] = deque()
        self._paused_reading = False
        self._lost = False
        self.released_at = 0.0
        self.served = 0
        """Answers that were read to their end."""

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._state == _BODY and exc is None and not self.headers.framed:
            self._state = _DONE  # a body without a length ends with its connection
            self._kept_alive = False
        elif self._state not in (_IDLE, _DONE, _CLOSED):
            self._fail(ConnectionLost())
        if self._state != _DONE:
            self._state = _CLOSED
        self._lost = True
        self._disarm()
        self._wake()
        del self._parser  # it holds our methods, and we hold it

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the protocol's signature
        return _ROOM

    def buffer_updated(self, nbytes: int) -> None:
        data = _ROOM[:nbytes]
        state = self._state
        if state == _BODY:
            self._read(data)
        elif state in (_SENT, _HEADERS):
            self._state = _HEADERS
            self._head += data
            self._read(data)
            if self._state < _DONE:
                self._go_on(first=state == _SENT)
        elif state != _CLOSED:
            self.abort()  # bytes that nobody asked for: what they answer cannot be known
        self._wake()

    def _read(self, data: memoryview) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(self._failure or NotHttp())
            self.abort()
        else:
            self._heard_at = self._loop.time()

    def _go_on(self, *, first: bool) -> None:
        """The answer has begun and is not whole."""
        if self._state == _HEADERS and len(self._head) > self._limits.header_bytes:
            self._fail(TooLarge("headers"))
            self.abort()
        elif first:
            self._arm()

    # What the parser calls. It tells of no headers: they are read from `_head` when asked for.

    def on_message_begin(self) -> None:
        if self._state == _DONE:  # a second answer to one request
            raise NotHttp

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status >= 200:  # noqa: PLR2004 - interim answers come before the real one
            self.headers = Headers(self._head, self._interim)
            self._state = _BODY

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > self._limits.body_bytes:
            self._failure = TooLarge("body")
            raise self._failure
        self._chunks.append(body)
        if self._goal == _BODY:
            self._unread += len(body)
            if self._unread > _HIGH_WATER and not self._paused_reading:
                self._paused_reading = True
                self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self._state == _BODY:
            self._state = _DONE
            self._kept_alive = self._parser.should_keep_alive()
        else:
            self._interim += 1

    # What the pool calls.

    @property
    def usable(self) -> bool:
        return self._state == _IDLE and not self._transport.is_closing()

    @property
    def untouched(self) -> bool:
        """Not a byte of an answer has come."""
        return not self._head

    def send(
        self, head: bytes, body: bytes, deadlines: Deadlines, *, streaming: bool
    ) -> asyncio.Future[None]:
        """Writes the request and starts its clock.

        What is returned is done once the headers of a stream are there, and once any other
        answer is whole, or cannot be; `expect_sound` tells which.
        """
        self._begin(deadlines, goal=_BODY if streaming else _DONE)
        self._transport.write(b"%scontent-length: %d\r\n\r\n%s" % (head, len(body), body))
        waiter = self._waiter = self._loop.create_future()
        return waiter

    def _begin(self, deadlines: Deadlines, *, goal: int) -> None:
        """`goal` is how far the answer must be for its reader to be woken."""
        self.status = 0
        self._head = b""
        self._interim = 0
        self._body_bytes = self._unread = 0
        self._kept_alive = False
        self._failure = None
        self._goal = goal
        self._state = _SENT
        self._deadlines = deadlines
        self._heard_at = self._loop.time()
        self._ends_at = self._heard_at + deadlines.total
        self._arm()

    def expect_sound(self) -> None:
        """Raises what has kept the answer from going on."""
        if self._failure is not None:
            raise self._failure
        if self._state == _CLOSED:
            raise ConnectionLost

    def taken(self) -> bytes:
        """What has come of the body and was not taken before."""
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._unread = 0
        if self._paused_reading:
            self._paused_reading = False
            self._heard_at = self._loop.time()  # the pause was ours, not the upstream's
            self._arm()
            self._transport.resume_reading()
        return data

    async def chunk(self) -> bytes:
        """The next part of the body; empty at its end."""
        while not self._chunks and self._state < _DONE:
            self._waiter = self._loop.create_future()
            await self._waiter
        if self._chunks:
            return self.taken()
        self.expect_sound()
        return b""

    def release(self) -> bool:
        """Ends the answer; True when the connection can carry another one."""
        idle = self._kept_alive and self._transport.get_write_buffer_size() == 0
        if self._state == _DONE and idle and not self._lost:
            self._state = _IDLE
            self._chunks.clear()
            self.served += 1
            self.released_at = self._loop.time()
            return not self._transport.is_closing()
        self.abort()
        return False

    def abort(self) -> None:
        if self._state != _DONE:
            self._state = _CLOSED
        self._transport.abort()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and self._state >= self._goal:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def _fail(self, failure: EgressFailed) -> None:
        if self._failure is None:
            self._failure = failure
        self._state = _CLOSED

    # Deadlines. A timer that is too early finds that out by itself, so that answers which
    # come in time leave it alone.

    def _due(self) -> float:
        if self._paused_reading:
            return self._ends_at
        first = self._state == _SENT
        patience = self._deadlines.first_byte if first else self._deadlines.between_bytes
        return min(self._ends_at, self._heard_at + patience)

    def _arm(self) -> None:
        due = self._due()
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._check_deadlines)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check_deadlines(self) -> None:
        self._timer = None
        if self._state in (_IDLE, _DONE, _CLOSED):
            return
        if self._loop.time() < self._due():
            self._arm()
            return
        self._fail(TimedOut())
        self._transport.abort()
        self._wake()
