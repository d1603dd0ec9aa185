"""HTTP/1.1 on one connection: bytes to requests, in order, and the deadlines of both sides."""

import asyncio
import math
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast

import httptools

from passerelle.adapters.gateway.edge import Request
from passerelle.adapters.gateway.heads import CLOSE, lines, status_line
from passerelle.adapters.gateway.http1_rules import (
    BadHttp,
    Fields,
    HeadersTimedOut,
    HeadersTooLarge,
    expect_small,
    expect_sound,
    origin_form,
)
from passerelle.adapters.gateway.problems import openai_problem
from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import Refusal, Unavailable

_ROOM: Final = memoryview(bytearray(262_144))
"""Where every connection reads into: what comes is parsed before the next one reads."""
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class TooManyConnections(Unavailable):
    """The server has as many connections as it takes; try again."""

    code = "too_many_connections"


@dataclass(frozen=True, slots=True)
class Patience:
    """What a client may take of us."""

    header_seconds: float = 10.0
    """From the first byte of a request to the end of its headers."""
    header_bytes: int = 32_768
    keep_alive_seconds: float = 75.0
    stalled_seconds: float = 60.0
    """How long a client may leave what we wrote unread."""
    linger_seconds: float = 10.0
    """How long we read and drop what comes after the last thing that we had to say."""
    connections: int = 10_000


class Application(Protocol):
    """What is served."""

    @property
    def clock(self) -> Clock: ...

    def serve(self, request: Request) -> Coroutine[Any, Any, None]:
        """Answers the request, whatever happens; raises nothing."""
        ...


@dataclass(slots=True)
class Hall:
    """What the connections of one listener share."""

    application: Application
    patience: Patience
    connections: "set[HttpConnection]" = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    date: bytes = b""
    """The header line; a second old at most."""
    draining: bool = False


class HttpConnection(asyncio.BufferedProtocol):
    """One connection. `_due` is when it is closed if nothing changes: one number, so that a
    request costs an assignment rather than a timer; a sweep looks at all of them.
    """

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self.client = ""
        self.over_tls = False
        self.full = False
        self._due = math.inf
        self._unread_until = math.inf
        self._drained: asyncio.Future[None] | None = None
        self._target = b""
        self._fields: Fields = []
        self._in_head = False
        self._fresh = False
        """The head began in the bytes that are being read."""
        self._head_bytes = 0
        """Read since the head began, before the bytes that are being read."""
        self._others_bytes = 0
        """How many of these may be another message's."""
        self._read_bytes = 0
        self._junk_bytes = 0
        """Of a body that was framed but held nothing: extensions, trailers."""
        self._incoming: Request | None = None
        """Its body is not whole yet."""
        self._answering: Request | None = None
        self._queue: deque[Request] = deque()
        """Came before the answer to what came before them was complete."""
        self._busy = False
        """The bytes that are being read belong to a message that began before."""
        self._upgrade = self._muted = self._expects = self._held = False
        self._deaf = False
        """Nothing more is read."""
        self._last_word: Refusal | None = None
        """Said once all answers are complete."""

    @property
    def date(self) -> bytes:
        return self._hall.date

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.client = peer[0] if isinstance(peer, tuple) else ""
        self.over_tls = transport.get_extra_info("sslcontext") is not None
        hall = self._hall
        hall.connections.add(self)
        self._due = self._loop.time() + hall.patience.header_seconds
        if len(hall.connections) > hall.patience.connections:
            self._say(TooManyConnections(retry_after_seconds=1))
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        self._hall.connections.discard(self)
        self._due = math.inf
        self.resume_writing()
        for request in (self._answering, self._incoming, *self._queue):
            if request is not None:
                request.leave()
        self._queue.clear()
        del self._parser  # it holds our methods, and we hold it

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the protocol's signature
        return _ROOM

    def buffer_updated(self, nbytes: int) -> None:
        if not self._deaf and not self._transport.is_closing():
            self._read(_ROOM[:nbytes])

    def pause_writing(self) -> None:
        self.full = True
        self._unread_until = self._loop.time() + self._hall.patience.stalled_seconds

    def resume_writing(self) -> None:
        self.full = False
        self._unread_until = math.inf
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    # Reading.

    def _read(self, data: memoryview) -> None:
        self._read_bytes = len(data)
        incoming = self._incoming
        self._busy = self._in_head or incoming is not None
        had = incoming.size if incoming is not None else 0
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._stay(bytes(data[upgrade.args[0] :]))
        except httptools.HttpParserError as fault:
            self._break_off(fault)
        else:
            if self._in_head:
                self._await_head()
            elif self._incoming is not None and self._incoming.size == had:
                self._await_body()

    def _await_head(self) -> None:
        """A head is not whole yet: it has its time, and no more than its room."""
        patience = self._hall.patience
        if self._fresh:
            self._fresh = False
            self._due = self._loop.time() + patience.header_seconds
        self._head_bytes += self._read_bytes
        # One endless header never reaches `on_header`.
        if self._head_bytes - self._others_bytes > 2 * patience.header_bytes:
            self._reject(HeadersTooLarge())

    def _await_body(self) -> None:
        """Bytes came, yet nothing of the body."""
        self._junk_bytes += self._read_bytes
        if self._junk_bytes > self._hall.patience.header_bytes:
            self._break_off(HeadersTooLarge())

    def _break_off(self, fault: Exception) -> None:
        """What comes from now on cannot be read."""
        told = fault if isinstance(fault, Refusal) else fault.__context__
        refusal = told if isinstance(told, Refusal) else BadHttp(f"{fault}.")
        if self._incoming is None:
            self._reject(refusal)
        elif self._incoming.finished:
            self._hang_up()  # it has its answer, and a second would be taken for another's
        else:
            self._deaf = True
            self._incoming.keep_alive = False
            self._incoming.spoil(refusal)

    def _reject(self, refusal: Refusal) -> None:
        self._deaf = True
        if self._answering is not None:
            self._last_word = refusal  # now it would land inside the answer to another request
        else:
            self._say(refusal)
            self._hang_up()

    def _stay(self, rest: bytes) -> None:
        """We change to no other protocol: the request stands, and what follows is its body.

        The parser takes no body where an upgrade is asked for, so another reads on.
        """
        self._upgrade = False
        request = self._incoming
        self._parser = httptools.HttpRequestParser(self)
        if request is None:
            return
        length = request.headers.get(b"content-length", b"0")
        framing = (
            (b"transfer-encoding", b"chunked")
            if b"transfer-encoding" in request.headers
            else (b"content-length", length)
        )
        self._muted = True
        self._parser.feed_data(b"POST / HTTP/1.1\r\n" + lines((framing,)) + b"\r\n")
        self._muted = False
        if rest:
            self._read(memoryview(rest))

    # What the parser calls.

    def on_message_begin(self) -> None:
        if not self._muted:
            self._others_bytes = self._read_bytes if self._busy else 0
            self._busy = self._in_head = self._fresh = True
            self._head_bytes = 0
            self._target = b""
            self._fields = []

    def on_url(self, url: bytes) -> None:
        if not self._muted:
            self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # else it is a trailer
            self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._muted:
            return
        self._in_head = False
        hall, parser, fields = self._hall, self._parser, self._fields
        if self._head_bytes + self._read_bytes > hall.patience.header_bytes:
            expect_small(fields, self._target, hall.patience.header_bytes)
        headers = dict(fields)
        version = parser.get_http_version()
        expect_sound(fields, headers, version)
        request = Request(
            self,
            parser.get_method(),
            origin_form(self._target),
            headers,
            clock=hall.application.clock,
        )
        request.fields = fields
        request.old = version == "1.0"
        request.keep_alive = not request.old and parser.should_keep_alive()
        self._upgrade = parser.should_upgrade()
        self._take(request)

    def _take(self, request: Request) -> None:
        self._due = math.inf
        self._junk_bytes = 0
        self._incoming = request
        self._expects = (
            request.keep_alive and request.headers.get(b"expect", b"").lower() == b"100-continue"
        )
        if self._expects:
            request.keep_alive = False  # until we know whether the body comes
        if self._answering is None:
            self._begin(request)
        else:
            self._queue.append(request)
            self.hold()

    def on_body(self, body: bytes) -> None:
        if self._incoming is not None:
            self._incoming.take(body)

    def on_message_complete(self) -> None:
        request = self._incoming
        if request is None or self._upgrade:
            return
        self._incoming = None
        self._expect_no_more(request)
        self._deaf = not request.keep_alive
        request.end()
        if request.finished:
            self._rest()

    # Answering.

    def _begin(self, request: Request) -> None:
        hall = self._hall
        self._answering = request
        if hall.draining:
            request.keep_alive = False
        request.task = self._loop.create_task(self._answer(request))
        hall.tasks.add(request.task)

    async def _answer(self, request: Request) -> None:
        try:
            await self._hall.application.serve(request)
        finally:
            self._hall.tasks.discard(cast("asyncio.Task[None]", request.task))
            if not request.finished:
                self._transport.abort()  # half an answer must not look whole

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    async def drained(self) -> None:
        if self.full:
            self._drained = self._loop.create_future()
            await self._drained

    def hold(self) -> None:
        if not self._held:
            self._held = True
            self._transport.pause_reading()

    def go_on(self) -> None:
        request = self._incoming
        if self._expects and request is not None:
            self._transport.write(_CONTINUE)
            self._expect_no_more(request)
        self._unhold()

    def _unhold(self) -> None:
        if self._held:
            self._held = False
            self._transport.resume_reading()

    def _expect_no_more(self, request: Request) -> None:
        if self._expects:
            self._expects = False
            request.keep_alive = not self._hall.draining

    def finish(self) -> None:
        """The answer to the current request is complete."""
        request, self._answering = self._answering, None
        if request is None or self._transport.is_closing():
            return
        if not request.keep_alive:
            self._last_word = None
            if self._incoming is not None or self._queue:
                self._hang_up()
            else:
                self._transport.close()
        elif self._incoming is request:
            self._unhold()
            self._due = self._loop.time() + self._hall.patience.linger_seconds
        else:
            self._rest()

    def _rest(self) -> None:
        """The current request is over; the next one, or a pause."""
        patience = self._hall.patience
        if self._queue:
            self._begin(self._queue.popleft())
        elif self._last_word is not None:
            self._say(self._last_word)
            self._hang_up()
        elif self._in_head:
            self._due = self._loop.time() + patience.header_seconds
        else:
            self._due = self._loop.time() + patience.keep_alive_seconds
        if not self._queue and self._held:
            self._unhold()

    def _say(self, refusal: Refusal) -> None:
        problem = openai_problem(refusal)
        head = lines((*problem.headers, (b"content-length", b"%d" % len(problem.body))))
        start = status_line(problem.status) + self._hall.date
        self._transport.write(start + head + CLOSE + b"\r\n" + problem.body)

    def _hang_up(self) -> None:
        """Ends our side and drops what still comes; a close would take our last words back."""
        self._deaf = True
        self._unhold()
        self._due = self._loop.time() + self._hall.patience.linger_seconds
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()

    # What the listener calls.

    def end_when_overdue(self, now: float) -> None:
        """Ends a connection whose time is over; `now` is the loop's."""
        if self._unread_until < now:
            self._transport.abort()
        elif self._due < now:
            if self._answering is not None:
                self._due = math.inf  # half a pipelined request must not cut the answer before it
            elif self._in_head and not self._deaf:
                self._reject(HeadersTimedOut())
            else:
                self._transport.abort()

    def end_after_answers(self) -> None:
        """Nothing new is begun here."""
        if self._answering is None:
            self._transport.close()
        else:
            self._answering.keep_alive = False

    def close(self) -> None:
        self._transport.close()
