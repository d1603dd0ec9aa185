"""One connection to an upstream and the one answer that it carries at a time."""

import asyncio
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, cast

import httptools

from passerelle.transport.egress.failures import (
    ConnectionLost,
    EgressFailed,
    NotHttp,
    TimedOut,
    TooLarge,
)

_HIGH_WATER: Final = 262_144
"""Unread bytes of a stream at which we stop reading from the network."""


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
    connections: int = 512
    """Per origin, in use and idle together."""
    idle_seconds: float = 20.0
    """Below what servers usually grant, so that most connections are dropped by us, not by them."""


class _State(Enum):
    IDLE = auto()
    WAITING = auto()
    """Sent; not a byte has come back."""
    HEADERS = auto()
    BODY = auto()
    DONE = auto()
    CLOSED = auto()


class Connection(asyncio.Protocol):
    """Parses what comes and keeps the deadlines of the answer that is being waited for.

    A failure is kept until somebody asks for the next part, so that nothing is lost
    between two waits.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._state = _State.IDLE
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._failure: EgressFailed | None = None
        self._lost = False
        self._paused_reading = False
        self._writable = asyncio.Event()
        self._writable.set()
        self.released_at = 0.0
        self.served = 0
        """Answers that were read to their end."""
        self._forget()

    def _forget(self) -> None:
        """Ready for the next answer."""
        self._parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.headers: dict[str, str] = {}
        self._chunks: deque[bytes] = deque()
        self._unread = 0
        self._header_bytes = 0
        self._body_bytes = 0
        self._framed = False
        self._failure = None

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._state is _State.BODY and not self._framed and exc is None:
            self._state = _State.DONE  # a body without a length ends with its connection
        elif self._state not in (_State.IDLE, _State.DONE, _State.CLOSED):
            self._fail(ConnectionLost())
        if self._state is not _State.DONE:
            self._state = _State.CLOSED
        self._lost = True
        self._writable.set()
        self._wake()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        if self._state is _State.WAITING:
            self._state = _State.HEADERS
        elif self._state in (_State.IDLE, _State.DONE):
            self.abort()  # bytes that nobody asked for: what they answer cannot be known
            return
        if self._state is _State.HEADERS:
            self._header_bytes += len(data)
        self._heard_at = self._loop.time()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(self._failure or NotHttp())
            self.abort()
        else:
            over = self._header_bytes > self._limits.header_bytes
            if self._state is _State.HEADERS and over:
                self._fail(TooLarge("headers"))
                self.abort()
        self._wake()

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._state is _State.DONE:  # a second answer to one request
            raise NotHttp

    def on_header(self, name: bytes, value: bytes) -> None:
        lower = name.lower().decode("latin-1")
        self.headers[lower] = value.decode("latin-1")
        if lower in ("content-length", "transfer-encoding"):
            self._framed = True

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status >= 200:  # noqa: PLR2004 - interim answers come before the real one
            self._state = _State.BODY

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > self._limits.body_bytes:
            self._failure = TooLarge("body")
            raise self._failure
        self._chunks.append(body)
        self._unread += len(body)
        if self._unread > _HIGH_WATER and not self._paused_reading and self._streaming:
            self._paused_reading = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self._state is not _State.BODY:  # an interim answer
            self.headers = {}
            self._framed = False
            return
        self._state = _State.DONE
        self._kept_alive = self._parser.should_keep_alive()

    # What the pool calls.

    @property
    def usable(self) -> bool:
        return self._state is _State.IDLE and not self._transport.is_closing()

    @property
    def untouched(self) -> bool:
        """Not a byte of an answer has come."""
        return self._header_bytes == 0

    async def send(
        self, head: bytes, body: bytes, deadlines: Deadlines, *, streaming: bool
    ) -> None:
        """Writes the request and starts its clock."""
        self._forget()
        self._streaming = streaming
        self._kept_alive = False
        self._state = _State.WAITING
        now = self._heard_at = self._loop.time()
        self._deadlines = deadlines
        self._ends_at = now + deadlines.total
        self._timer = self._loop.call_at(self._next_deadline(), self._check_deadlines)
        self._transport.write(b"%scontent-length: %d\r\n\r\n%s" % (head, len(body), body))
        if not self._writable.is_set():
            await self._writable.wait()

    async def opened(self) -> None:
        """Waits for the end of the headers."""
        while self._state in (_State.WAITING, _State.HEADERS):
            await self._wait()
        self._raise_failure()

    async def whole(self) -> bytes:
        """Waits for the end of the body."""
        while self._state not in (_State.DONE, _State.CLOSED):
            await self._wait()
        self._raise_failure()
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)

    async def chunk(self) -> bytes:
        """The next part of the body; empty at its end."""
        while not self._chunks and self._state not in (_State.DONE, _State.CLOSED):
            await self._wait()
        if not self._chunks:
            self._raise_failure()
            return b""
        data = self._chunks.popleft() if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._unread = 0
        if self._paused_reading:
            self._paused_reading = False
            self._heard_at = self._loop.time()  # the pause was ours, not the upstream's
            self._check_deadlines()
            self._transport.resume_reading()
        return data

    def release(self) -> bool:
        """Ends the answer; True when the connection can carry another one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        idle = self._kept_alive and self._transport.get_write_buffer_size() == 0
        if self._state is _State.DONE and idle and not self._lost:
            self._state = _State.IDLE
            self.served += 1
            self.released_at = self._loop.time()
            return not self._transport.is_closing()
        self.abort()
        return False

    def abort(self) -> None:
        if self._state is not _State.DONE:
            self._state = _State.CLOSED
        self._transport.abort()

    # Waiting.

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, failure: EgressFailed) -> None:
        if self._failure is None:
            self._failure = failure
        self._state = _State.CLOSED

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._state is _State.CLOSED:
            raise ConnectionLost

    def _next_deadline(self) -> float:
        if self._paused_reading:
            return self._ends_at
        first = self._state is _State.WAITING
        patience = self._deadlines.first_byte if first else self._deadlines.between_bytes
        return min(self._ends_at, self._heard_at + patience)

    def _check_deadlines(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._state in (_State.DONE, _State.CLOSED):
            return
        due = self._next_deadline()
        if self._loop.time() < due:
            self._timer = self._loop.call_at(due, self._check_deadlines)
            return
        self._fail(TimedOut())
        self._transport.abort()
        self._wake()
