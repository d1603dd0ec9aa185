"""TLS on a connection, at either end of it.

The event loop's own keeps a quarter of a megabyte for each connection; a thousand streams
at a time are a quarter of a gigabyte. Here every connection reads into the same room.
"""

import asyncio
import ssl
from contextlib import suppress
from typing import Any, Final, cast

_ROOM: Final = memoryview(bytearray(262_144))
"""Where every connection reads into, still sealed."""


class CutOff(ConnectionResetError):
    """The connection ended, and the other end had not said that it was done."""


class Tls(asyncio.BufferedProtocol, asyncio.Transport):
    """Between a connection and the protocol that it carries: the protocol of the one and the
    transport of the other. The inner protocol hears of a connection once it is sealed.
    """

    def __init__(
        self, inner: asyncio.BufferedProtocol, context: ssl.SSLContext, *, server: str | None = None
    ) -> None:
        """`server` is the name that the other end must prove to have; None where we are it."""
        super().__init__()
        self._inner = inner
        self._loop = asyncio.get_running_loop()
        self._context = context
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._seal = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server is None, server_hostname=server
        )
        self._sealed = False
        self._paused = False
        self._closing = False
        self._done = False
        """The other end has said that nothing more comes."""
        self._timer: asyncio.TimerHandle | None = None
        self.ready: asyncio.Future[None] = self._loop.create_future()
        """Done once the connection is sealed; fails where it cannot be."""

    def give_up_after(self, seconds: float) -> None:
        """How long the other end has to seal the connection."""
        self._timer = self._loop.call_later(seconds, self.abort)

    # As a protocol.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._shake_hands()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        lost = exc or (None if self._closing or self._done else CutOff())
        self._closing = True
        if self._sealed:
            self._inner.connection_lost(lost)
        elif not self.ready.done():
            self.ready.set_exception(lost or CutOff())
            self.ready.exception()  # a server has nobody to tell

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the protocol's signature
        return _ROOM

    def buffer_updated(self, nbytes: int) -> None:
        self._incoming.write(_ROOM[:nbytes])
        if self._sealed:
            self._read()
        else:
            self._shake_hands()

    def pause_writing(self) -> None:
        if self._sealed:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._sealed:
            self._inner.resume_writing()

    def _shake_hands(self) -> None:
        try:
            self._seal.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError as fault:
            self._flush()  # tells the other end why
            if not self.ready.done():
                self.ready.set_exception(fault)
                self.ready.exception()
            self.abort()
        else:
            self._flush()
            self._begin()

    def _begin(self) -> None:
        self._stop_timer()
        self._sealed = True
        self._inner.connection_made(self)
        if not self.ready.done():
            self.ready.set_result(None)
        self._read()  # what came with the last words of the handshake

    def _read(self) -> None:
        while not (self._paused or self._closing):
            room = cast("memoryview", self._inner.get_buffer(-1))
            filled = self._unseal(room)
            if filled:
                self._inner.buffer_updated(filled)
            if self._done:
                self.close()
            elif filled < len(room):
                break
        if self._outgoing.pending:
            self._flush()

    def _unseal(self, room: memoryview) -> int:
        """How many bytes were read, up to the room that there is."""
        filled = 0
        try:
            while filled < len(room):
                count = cast("int", self._seal.read(len(room) - filled, room[filled:]))
                if not count:
                    self._done = True
                    break
                filled += count
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self.abort()
        return filled

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # As a transport.

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "sslcontext":
            return self._context
        return self._transport.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing or not data:
            return
        try:
            written = self._seal.write(data)
            while written < len(data):  # a record holds 16 KB
                written += self._seal.write(memoryview(data)[written:])
        except ssl.SSLError:  # the other end has broken the seal
            self.abort()
        else:
            self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._transport.write(self._outgoing.read())

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        with suppress(ssl.SSLError):  # their last words need not be waited for
            self._seal.unwrap()
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._closing = True
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._closing or self._transport.is_closing()

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return self._transport.get_write_buffer_size()

    def pause_reading(self) -> None:
        self._paused = True
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._paused = False
        # Not from here: the inner protocol may be reading just now.
        self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        if not (self._paused or self._closing):
            self._read()
        if not (self._paused or self._closing):
            self._transport.resume_reading()
