"""The listener: uvicorn's HTTP/1.1 protocol with the deadlines and limits that it lacks."""

import asyncio
import logging
import math
import signal
import ssl
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Final, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from passerelle.adapters.gateway.asgi import ASGIApp
from passerelle.core.values.errors import InvalidRequest, Refusal, Unavailable
from passerelle.transport.wire.errors import encode_error

_log = logging.getLogger("passerelle.listener")
_SWEEP_SECONDS: Final = 0.5
_GRACE_SECONDS: Final = 5.0
"""What is cancelled at the end of a drain has so long to write its ledger entry."""
_FLUSH_SECONDS: Final = 1.0
"""Slow readers have so long to take the last bytes of their answers."""


class BadHttp(InvalidRequest):
    """This is not HTTP/1.1 as we read it."""

    code = "invalid_http"


class HeadersTooLarge(InvalidRequest):
    """The request headers are too large."""

    status = 431
    code = "headers_too_large"


class HeadersTimedOut(InvalidRequest):
    """The request headers did not arrive in time."""

    status = 408
    code = "request_timeout"


class TooManyConnections(Unavailable):
    """The server has as many connections as it takes; try again."""

    code = "too_many_connections"


class CannotListen(Unavailable):
    """The gateway cannot listen there."""

    code = "cannot_listen"


@dataclass(frozen=True, slots=True)
class Listening:
    """Where to listen and what a client may take of us."""

    host: str = "127.0.0.1"
    port: int = 8080
    """0 takes any free port."""
    certificate: Path | None = None
    """PEM chain; read again on SIGHUP."""
    key: Path | None = None
    header_seconds: float = 10.0
    """From the first byte of a request to the end of its headers; TLS handshakes likewise."""
    header_bytes: int = 32_768
    keep_alive_seconds: int = 75
    stalled_seconds: float = 60.0
    """How long a client may leave what we wrote unread."""
    linger_seconds: float = 10.0
    """How long we read and drop the rest of a body that was answered before its end."""
    connections: int = 10_000
    drain_seconds: float = 20.0
    backlog: int = 2_048


class GuardedProtocol(HttpToolsProtocol):
    """One connection. `due` is when it is closed if nothing changes: one number, so that a
    request costs an assignment rather than a timer; the sweep looks at all of them.
    """

    def __init__(self, config: uvicorn.Config, state: ServerState, listening: Listening) -> None:
        super().__init__(config, state, {})
        self.access_log = False
        self.logger = _log
        self.due = math.inf
        self._unread_until = math.inf
        self._listening = listening
        self._in_request = False
        self._in_headers = False
        self._header_bytes = 0
        self._raw_bytes = 0
        self._rejection: Refusal | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._listening.connections:
            self._reject(TooManyConnections(retry_after_seconds=1))
        self._expect_headers()

    def _expect_headers(self) -> None:
        self._in_headers = True
        self._header_bytes = self._raw_bytes = 0
        self.due = self.loop.time() + self._listening.header_seconds

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if not self._in_request and not self._in_headers and not self._answering():
            self._expect_headers()
        super().data_received(data)
        if self._in_headers:
            # One endless header never reaches `on_header`, so raw bytes are counted too.
            self._raw_bytes += len(data)
            if self._raw_bytes > 2 * self._listening.header_bytes:
                self._reject(HeadersTooLarge())

    def _answering(self) -> bool:
        return self._cycle() is not None and not self.cycle.response_complete

    def _cycle(self) -> object | None:
        """None before the first request, whatever uvicorn's annotation says."""
        return self.cycle

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_request = True
        self._expect_headers()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value) + 4)

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > self._listening.header_bytes:
            self._rejection = HeadersTooLarge()
            raise self._rejection

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self.due = math.inf
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_request = False
        if self.cycle.response_complete:
            self.due = self.loop.time() + self._listening.keep_alive_seconds

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_request and not self._in_headers:
            self.due = self.loop.time() + self._listening.linger_seconds

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread_until = self.loop.time() + self._listening.stalled_seconds

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unread_until = math.inf

    def send_400_response(self, msg: str) -> None:
        """The hook of uvicorn for everything its parser refuses."""
        self._reject(self._rejection or BadHttp(msg))

    def end_when_overdue(self, now: float) -> None:
        """Ends a connection whose time is over; `now` is the loop's."""
        if self._unread_until < now:
            self.transport.abort()
        elif self.due < now:
            if self._answering() and self._in_headers:
                self.due = math.inf  # half a pipelined request must not cut the answer before it
            elif self._in_headers and self._raw_bytes:
                self._reject(HeadersTimedOut())
            else:
                self.transport.abort()

    def _reject(self, refusal: Refusal) -> None:
        if self.transport.is_closing():
            return
        if self._answering() and self._in_request and not self._in_headers:
            self._give_up_body()
        if not self._answering():  # else the bytes would land inside the answer to another request
            body = encode_error(refusal)
            head = (
                b"HTTP/1.1 %d Refused\r\ncontent-type: application/json\r\n"
                b"content-length: %d\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head % (refusal.status, len(body)) + body)
        self.transport.close()

    def _give_up_body(self) -> None:
        """The body of the current request can never become whole: its reader hears that we left."""
        if not self.cycle.response_started:
            self.cycle.disconnected = True
            self.cycle.response_complete = True
            self.cycle.message_event.set()


class Listener:
    """A bound socket and everything connected to it."""

    def __init__(self, app: ASGIApp, listening: Listening) -> None:
        self._listening = listening
        self._state = ServerState()
        self._config = uvicorn.Config(
            app,
            http=GuardedProtocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=listening.keep_alive_seconds,
        )
        self._config.load()
        self._tls = _server_tls(listening)
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Returns the port. Raises `CannotListen`."""
        try:
            self._server = await self._bound()
        except OSError as error:
            place = f"{self._listening.host}:{self._listening.port}"
            reason = (error.strerror or "").rpartition(": ")[2]
            raise CannotListen(f"{place}: {reason}. Choose another --port or --host.") from error
        self._sweeper = asyncio.create_task(self._sweep())
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _bound(self) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(
            lambda: GuardedProtocol(self._config, self._state, self._listening),
            self._listening.host,
            self._listening.port,
            ssl=self._tls,
            ssl_handshake_timeout=self._listening.header_seconds if self._tls else None,
            backlog=self._listening.backlog,
        )

    def reload_certificate(self) -> None:
        """New connections get the new certificate; a pair that does not fit changes nothing."""
        if self._tls is None:
            return
        try:
            _server_tls(self._listening)  # a broken pair must not reach the live context
            _load(self._tls, self._listening)
        except (OSError, ssl.SSLError) as fault:
            _log.error("the certificate was not reloaded", extra={"reason": type(fault).__name__})
        else:
            _log.info("the certificate was reloaded")

    async def drain(self, stop_waiting: asyncio.Event) -> None:
        """Finishes what runs, up to the drain time or until told to stop waiting; then cancels."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._state.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._listening.drain_seconds):
                while self._state.tasks and not stop_waiting.is_set():  # noqa: ASYNC110 - a set has no event
                    await asyncio.sleep(0.02)
        tasks = tuple(self._state.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_GRACE_SECONDS)
        await self._close()

    async def _close(self) -> None:
        for connection in tuple(self._state.connections):
            connection.transport.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_SECONDS):
                while self._state.connections:  # noqa: ASYNC110 - a set has no event
                    await asyncio.sleep(0.005)

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            # ServerState repeats these headers on every response; the date is a second old at most.
            self._state.default_headers = [(b"date", formatdate(time.time(), usegmt=True).encode())]  # noqa: TID251 - HTTP's own date, not a record
            now = loop.time()
            for connection in tuple(self._state.connections):
                cast("GuardedProtocol", connection).end_when_overdue(now)
            await asyncio.sleep(_SWEEP_SECONDS)


async def listen(
    app: ASGIApp,
    listening: Listening,
    *,
    started: Callable[[int], None],
    draining: Callable[[], None] = lambda: None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serves until SIGTERM, SIGINT or `stop`, then drains; a second signal ends the wait.

    `started` gets the port. Signals are taken in the main thread only.
    """
    stop = stop or asyncio.Event()
    hurry = asyncio.Event()
    listener = Listener(app, listening)
    async with _signals(listener, stop, hurry):
        started(await listener.start())
        try:
            await stop.wait()
        finally:
            draining()
            await listener.drain(hurry)


@asynccontextmanager
async def _signals(
    listener: Listener, stop: asyncio.Event, hurry: asyncio.Event
) -> AsyncGenerator[None, None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end() -> None:
        (hurry if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, end)
    loop.add_signal_handler(signal.SIGINT, end)
    loop.add_signal_handler(signal.SIGHUP, listener.reload_certificate)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)


def _server_tls(listening: Listening) -> ssl.SSLContext | None:
    if listening.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    _load(context, listening)
    return context


def _load(context: ssl.SSLContext, listening: Listening) -> None:
    if listening.certificate is not None:
        context.load_cert_chain(listening.certificate, listening.key)
