"""The listener: a socket, those who connect to it, certificates, signals, and the drain."""

import asyncio
import logging
import resource
import signal
import socket
import ssl
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from pathlib import Path
from typing import Final

from passerelle.adapters.gateway.http1 import Application, Hall, HttpConnection, Patience
from passerelle.core.values.errors import Unavailable
from passerelle.transport.egress.tls import Tls

_log = logging.getLogger("passerelle.listener")
_BACKLOG: Final = 2_048
_OPEN_FILES: Final = 65_536
"""Sockets that we want to be able to hold; a client and its upstream take two."""
_SWEEP_SECONDS: Final = 0.5
_GRACE_SECONDS: Final = 5.0
"""What is cancelled at the end of a drain has so long to write its ledger entry."""
_FLUSH_SECONDS: Final = 1.0
"""Slow readers have so long to take the last bytes of their answers."""


class CannotListen(Unavailable):
    """The gateway cannot listen there."""

    code = "cannot_listen"


@dataclass(frozen=True, slots=True)
class Listening(Patience):
    """Where to listen and what a client may take of us."""

    host: str = "127.0.0.1"
    port: int = 8080
    """0 takes any free port."""
    certificate: Path | None = None
    """PEM chain; read again on SIGHUP."""
    key: Path | None = None
    drain_seconds: float = 20.0
    backlog: int = _BACKLOG
    sockets: tuple[socket.socket, ...] = ()
    """Bound by somebody else; then host and port say nothing."""


class Listener:
    """A bound socket and everything connected to it."""

    def __init__(self, application: Application, listening: Listening) -> None:
        self._listening = listening
        self._hall = Hall(application, listening)
        self._tls = _server_tls(listening)
        self._servers: list[asyncio.Server] = []
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Returns the port. Raises `CannotListen`."""
        self._hall.date = _date()
        try:
            await self._bind()
        except OSError as error:
            raise _cannot_listen(self._listening.host, self._listening.port, error) from error
        self._sweeper = asyncio.create_task(self._sweep())
        port: int = self._servers[0].sockets[0].getsockname()[1]
        return port

    async def _bind(self) -> None:
        start = partial(
            asyncio.get_running_loop().create_server,
            self._protocol,
            backlog=self._listening.backlog,
        )
        for bound in self._listening.sockets:
            self._servers.append(await start(sock=bound))
        if not self._servers:
            self._servers = [await start(self._listening.host, self._listening.port)]

    def _protocol(self) -> asyncio.BufferedProtocol:
        connection = HttpConnection(self._hall)
        if self._tls is None:
            return connection
        tls = Tls(connection, self._tls)
        tls.give_up_after(self._listening.header_seconds)
        return tls

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
        for server in self._servers:
            server.close()
        self._hall.draining = True
        for connection in tuple(self._hall.connections):
            connection.end_after_answers()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._listening.drain_seconds):
                while self._hall.tasks and not stop_waiting.is_set():  # noqa: ASYNC110 - a set has no event
                    await asyncio.sleep(0.02)
        tasks = tuple(self._hall.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_GRACE_SECONDS)
        await self._close()

    async def _close(self) -> None:
        for connection in tuple(self._hall.connections):
            connection.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_SECONDS):
                while self._hall.connections:  # noqa: ASYNC110 - a set has no event
                    await asyncio.sleep(0.005)

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._hall.date = _date()
            now = loop.time()
            for connection in tuple(self._hall.connections):
                connection.end_when_overdue(now)
            await asyncio.sleep(_SWEEP_SECONDS)


def _cannot_listen(host: str, port: int, error: OSError) -> CannotListen:
    reason = (error.strerror or "").rpartition(": ")[2].partition(" (while")[0]
    return CannotListen(f"{host}:{port}: {reason}. Choose another --port or --host.")


def _allow_open_files() -> None:
    """As many as the system lets us have: shells often grant 1,024 only."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _date() -> bytes:
    """HTTP's own date as a header line."""
    return b"date: %s\r\n" % formatdate(time.time(), usegmt=True).encode()  # noqa: TID251 - not a record


def bind_for_several(host: str, port: int, count: int) -> tuple[tuple[socket.socket, ...], ...]:
    """For each of several processes the sockets of one address: the kernel deals out connections.

    Raises `CannotListen`, also where another process listens that would share the address.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        places = list(dict.fromkeys((family, place) for family, *_, place in found))
        rows: list[tuple[socket.socket, ...]] = []
        for family, place in places:
            with socket.create_server(place[:2], family=family) as probe:
                port = port or probe.getsockname()[1]
            rows.append(tuple(_shared(family, (str(place[0]), port)) for _ in range(count)))
    except OSError as error:
        raise _cannot_listen(host, port, error) from error
    return tuple(zip(*rows, strict=True))


def _shared(family: socket.AddressFamily, place: tuple[str, int]) -> socket.socket:
    return socket.create_server(place, family=family, backlog=_BACKLOG, reuse_port=True)


async def listen(
    application: Application,
    listening: Listening,
    *,
    started: Callable[[int], None],
    draining: Callable[[], None] = lambda: None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serves until SIGTERM, SIGINT or `stop`, then drains; a second signal ends the wait.

    `started` gets the port. Signals are taken in the main thread only.
    """
    _allow_open_files()
    stop = stop or asyncio.Event()
    hurry = asyncio.Event()
    listener = Listener(application, listening)
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
