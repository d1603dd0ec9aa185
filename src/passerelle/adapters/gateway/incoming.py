"""One request as it comes: its head, and its body piece by piece."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import unquote_to_bytes

from passerelle.adapters.gateway.problems import (
    RequestTimedOut,
    RequestTooLarge,
    UnsupportedMediaType,
)
from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import Refusal
from passerelle.core.values.ids import new_id

_SANE_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,80}")
_HELD_BYTES: Final = 65_536
"""What we read of a body that nobody has asked for yet."""
JSON: Final = b"application/json"


class ClientGone(Exception):
    """The client left before its request was whole or its answer sent."""


@dataclass(frozen=True, slots=True)
class EdgeLimits:
    body_bytes: int = 2_000_000
    body_seconds: float = 30.0
    """From the first look at the body to its last byte."""


class Wire(Protocol):
    """The connection that a request came on."""

    client: str
    """Address of the other end; empty when it is not known."""
    over_tls: bool
    full: bool
    """The client reads more slowly than we write."""

    @property
    def date(self) -> bytes:
        """The header line."""
        ...

    def write(self, data: bytes) -> None: ...

    async def drained(self) -> None: ...

    def hold(self) -> None:
        """No more of the body for now."""
        ...

    def go_on(self) -> None:
        """The body is wanted."""
        ...

    def finish(self) -> None:
        """The answer is complete."""
        ...


class Incoming:
    """What a client sends. The connection fills it, the endpoint reads it."""

    # What most requests leave as it is stands here, so that none of them sets it.
    gone = False
    """The client closed its connection before the answer was complete."""
    finished = False
    """The answer is complete."""
    size = 0
    """Bytes of the body that have come."""
    _whole = False
    _limit = _HELD_BYTES
    _body_due = 0.0
    _credential: str | None = None
    _spoilt: Refusal | None = None
    _waiter: asyncio.Future[None] | None = None
    _leaver: Callable[[], object] | None = None

    def __init__(
        self, wire: Wire, method: bytes, target: bytes, headers: dict[bytes, bytes], *, clock: Clock
    ) -> None:
        self.received_ns = clock.monotonic_ns()
        self.clock = clock
        self.method = method.decode("ascii")
        self.target = target
        self.headers = headers
        """Names in lower case; of a repeated header the last."""
        path, _, self.query = target.partition(b"?")
        self.path = (unquote_to_bytes(path) if b"%" in path else path).decode("utf-8", "replace")
        given = headers.get(b"x-request-id")
        if given is not None and _SANE_ID.fullmatch(given):
            self.request_id = given.decode("ascii")
        else:
            self.request_id = new_id("req", clock)
        self._wire = wire
        self._parts: list[bytes] = []

    @property
    def credential(self) -> str:
        """The bearer token; SDKs of other makers send it in a header of their own."""
        if self._credential is None:
            scheme, _, token = self.headers.get(b"authorization", b"").partition(b" ")
            if scheme.lower() != b"bearer":
                token = self.headers.get(b"api-key") or self.headers.get(b"x-api-key") or b""
            self._credential = token.strip().decode("latin-1")
        return self._credential

    @property
    def client(self) -> str:
        """Address of the other end of the connection; empty when it is not known."""
        return self._wire.client

    @property
    def over_tls(self) -> bool:
        return self._wire.over_tls

    # The endpoint reads.

    async def body(self, limits: EdgeLimits, media_type: bytes = JSON) -> bytes:
        """The whole body. Stops reading at the limit, whatever the length header says."""
        self._expect(media_type, limits)
        self._limit = limits.body_bytes
        while self.size <= self._limit and not self._whole:
            await self._more(limits)
        self._expect_fit(limits)
        return self._taken()

    async def piece(self, limits: EdgeLimits) -> bytes:
        """What has come since the last piece; empty at the end of the body.

        A client that sends faster than pieces are taken is held back.
        """
        while not self._parts and not self._whole:
            await self._more(limits)
        self._expect_fit(limits)
        self._limit = self.size + _HELD_BYTES
        return self._taken()

    @property
    def ended(self) -> bool:
        """The whole body has come and been taken."""
        return self._whole and not self._parts

    async def _more(self, limits: EdgeLimits) -> None:
        """Waits until something has changed."""
        loop = asyncio.get_running_loop()
        if not self._body_due:
            self._body_due = loop.time() + limits.body_seconds
        self._expect_sound()
        self._wire.go_on()
        self._waiter = loop.create_future()
        try:
            async with asyncio.timeout_at(self._body_due):
                await self._waiter
        except TimeoutError:
            raise RequestTimedOut(f"It has {limits.body_seconds:g} seconds.") from None
        finally:
            self._waiter = None
        self._expect_sound()

    def _taken(self) -> bytes:
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        return data

    def _expect_fit(self, limits: EdgeLimits) -> None:
        if self.size > limits.body_bytes:
            self._parts.clear()
            raise _too_large(limits)

    def _expect_sound(self) -> None:
        if self._spoilt is not None:
            raise self._spoilt
        if self.gone:
            raise ClientGone

    def _expect(self, media_type: bytes, limits: EdgeLimits) -> None:
        headers = self.headers
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise UnsupportedMediaType("Send it without `content-encoding`.")
        told = headers.get(b"content-type", media_type)
        if told != media_type:
            _expect_kind(told, media_type)
        declared = headers.get(b"content-length")
        if declared is not None and int(declared) > limits.body_bytes:
            raise _too_large(limits)

    # The connection tells.

    def take(self, part: bytes) -> None:
        self.size += len(part)
        if self.finished:
            return  # answered already: the rest is read and dropped
        self._parts.append(part)
        if self.size > self._limit:
            self._wire.hold()
        self._wake()

    def end(self) -> None:
        self._whole = True
        self._wake()

    def spoil(self, refusal: Refusal) -> None:
        """The body can never become whole."""
        self._spoilt = refusal
        self._wake()

    def leave(self) -> None:
        """The client has gone."""
        if self.finished or self.gone:
            return
        self.gone = True
        self._wake()
        if self._leaver is not None:
            self._leaver()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # The endpoint asks to be told.

    def on_leave(self, callback: Callable[[], object]) -> None:
        """Called once if the client closes its connection before the answer is complete."""
        self._leaver = callback
        if self.gone:
            callback()


def _expect_kind(told: bytes, media_type: bytes) -> None:
    kind, _, parameters = told.lower().partition(b";")
    charset = parameters.strip().partition(b"charset=")[2].strip(b"\"' ")
    if kind.strip() != media_type or charset not in (b"", b"utf-8", b"utf8"):
        raise UnsupportedMediaType(f"Send `content-type: {media_type.decode()}`.")


def _too_large(limits: EdgeLimits) -> RequestTooLarge:
    return RequestTooLarge(f"The limit is {limits.body_bytes} bytes.")
