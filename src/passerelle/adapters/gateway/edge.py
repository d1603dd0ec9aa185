"""One request at the edge: what came with it, and sending its answer."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from passerelle.adapters.gateway.asgi import Headers
from passerelle.adapters.gateway.heads import CHUNKED, CLOSE, WITHOUT_BODY, lines, status_line
from passerelle.adapters.gateway.incoming import ClientGone, EdgeLimits, Incoming
from passerelle.adapters.gateway.limit_headers import refused_limits
from passerelle.adapters.gateway.problems import (
    EncodeError,
    Problem,
    openai_problem,
    problem_details,
    problem_in,
)
from passerelle.core.values.errors import Refusal

__all__ = ("CLIENT_GONE", "ClientGone", "EdgeLimits", "Request")

TellFailure = Callable[[Refusal, str], bytes]
"""From a refusal and the id of its request to the last bytes of a stream."""
CLIENT_GONE: Final = 499
"""Status for our own records; nobody is left to read it."""
SECURITY: Final[Headers] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
STRICT_TRANSPORT: Final = (b"strict-transport-security", b"max-age=31536000")
_OURS: Final = lines(
    (
        (b"cache-control", b"no-store"),
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
        *SECURITY,
    )
)
_OURS_OVER_TLS: Final = _OURS + lines((STRICT_TRANSPORT,))
_LAST: Final = CLOSE + b"\r\n"
_JOINED_BYTES: Final = 65_536
"""Up to here it is cheaper to copy a body behind its head than to write twice."""
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Request(Incoming):
    """One request and its answer, in one place so that whatever happens can be told."""

    endpoint = ""
    """The route's own path, never the client's: it becomes a metric label."""
    parameters = _NOTHING
    """What stood in the path where the route has `{name}`."""
    exchange_id = ""
    code = ""
    status = 0
    started = False
    fields: Sequence[tuple[bytes, bytes]] = ()
    """All headers, repeated ones too."""
    old = False
    """HTTP/1.0."""
    keep_alive = True
    task: asyncio.Task[None] | None = None
    """What serves the request."""
    failure: TellFailure | None = None
    """How a stream that has begun tells of a failure, in its own shape."""
    encode_error: EncodeError | None = None
    """How errors are written where it is neither OpenAI's shape nor RFC 9457."""
    _head = b""
    _chunked = False

    def stop_when_left(self) -> None:
        """From here on the client's leaving cancels what serves the request."""
        if self.task is not None:
            self.on_leave(self.task.cancel)

    # Answering.

    async def reply(self, status: int, body: bytes, headers: Headers) -> None:
        """A whole answer, in one write."""
        length = b"" if status in WITHOUT_BODY else b"content-length: %d\r\n" % len(body)
        head = self._opening(status, self._fields(headers), length)
        if self.method == "HEAD" or status in WITHOUT_BODY:
            self._wire.write(head)
        elif len(body) <= _JOINED_BYTES:
            self._wire.write(head + body)
        else:
            self._wire.write(head)
            self._wire.write(body)
        self._finish()

    async def start(self, status: int, headers: Headers) -> None:
        """Begins an answer whose length is not known; its head leaves with the first `write`."""
        self.begin(status, self._fields(headers), length_known=False)

    async def write(self, data: bytes, *, more: bool = True) -> None:
        """Waits while the client reads more slowly than we write."""
        if self.gone:
            raise ClientGone
        head, self._head = self._head, b""
        if self.method == "HEAD":
            data = b""
        elif self._chunked:
            end = b"" if more else b"0\r\n\r\n"
            data = b"%x\r\n%s\r\n%s" % (len(data), data, end) if data else end
        if head or data:
            self._wire.write(head + data)
        if not more:
            self._finish()
        elif self._wire.full:
            await self._wire.drained()

    async def refuse(self, refusal: Refusal) -> None:
        """Tells the client in the shape that still fits: a status, an event, or a cut."""
        self.code = refusal.code
        self.exchange_id = self.exchange_id or refusal.exchange_id
        if self.gone:
            return
        if not self.started:
            problem = self._problem(refusal)
            told = ((b"x-passerelle-exchange", self.exchange_id.encode()),)
            limits = refused_limits(refusal, self.path, self.clock)
            headers = (*problem.headers, *limits, *(told if self.exchange_id else ()))
            await self.reply(problem.status, problem.body, headers)
        elif self.failure is not None and not self.finished:
            await self.write(self.failure(refusal, self.request_id), more=False)
        # Else the answer stays incomplete, and the listener cuts the connection.

    def _problem(self, refusal: Refusal) -> Problem:
        if self.encode_error is not None:
            return problem_in(self.encode_error, refusal, self.request_id)
        data_plane = self.path.startswith("/v1")
        return (openai_problem if data_plane else problem_details)(refusal)

    def begin(self, status: int, fields: bytes, *, length_known: bool) -> None:
        """As `start`, for an application that says all of its headers itself."""
        self._chunked = not (length_known or self.old or status in WITHOUT_BODY)
        if self.old and not length_known:
            self.keep_alive = False  # only the end of the connection ends such an answer
        self._head = self._opening(status, fields, CHUNKED if self._chunked else b"")

    def _opening(self, status: int, fields: bytes, framing: bytes) -> bytes:
        if self.gone:
            raise ClientGone
        self.status = status
        self.started = True
        return b"".join(
            (
                status_line(status),
                fields,
                b"x-request-id: ",
                self.request_id.encode(),
                b"\r\n",
                self._wire.date,
                framing,
                b"\r\n" if self.keep_alive else _LAST,
            )
        )

    def _fields(self, headers: Headers) -> bytes:
        return lines(headers) + (_OURS_OVER_TLS if self._wire.over_tls else _OURS)

    def _finish(self) -> None:
        self.finished = True
        self._parts.clear()
        self._wire.finish()
