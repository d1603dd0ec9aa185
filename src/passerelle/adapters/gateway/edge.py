"""One request at the edge: what came with it, reading its body, sending its answer."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from passerelle.adapters.gateway.asgi import Headers, Message, Receive, Scope, Send
from passerelle.adapters.gateway.problems import (
    RequestTimedOut,
    RequestTooLarge,
    UnsupportedMediaType,
    openai_problem,
    problem_details,
)
from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import Refusal
from passerelle.core.values.ids import new_id

TellFailure = Callable[[Refusal, str], bytes]
"""From a refusal and the id of its request to the last bytes of a stream."""
_SANE_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,80}")
CLIENT_GONE: Final = 499
"""Status for our own records; nobody is left to read it."""
SECURITY: Final[Headers] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
STRICT_TRANSPORT: Final = (b"strict-transport-security", b"max-age=31536000")
_OURS: Final[Headers] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    *SECURITY,
)


class ClientGone(Exception):
    """The client left before its request was whole."""


@dataclass(frozen=True, slots=True)
class EdgeLimits:
    body_bytes: int = 2_000_000
    body_seconds: float = 30.0
    """From the end of the headers to the last byte of the body."""


class Request:
    """One request and its answer, in one place so that whatever happens can be told."""

    __slots__ = (
        "clock",
        "code",
        "endpoint",
        "exchange_id",
        "failure",
        "finished",
        "headers",
        "method",
        "path",
        "receive",
        "received_ns",
        "request_id",
        "scope",
        "send",
        "started",
        "status",
        "transport",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, clock: Clock) -> None:
        self.received_ns = clock.monotonic_ns()
        self.scope = scope
        self.receive = receive
        self.send = send
        self.clock = clock
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.transport = OVER_TLS if scope.get("scheme") == "https" else PLAIN
        given = self.headers.get(b"x-request-id")
        if given is not None and _SANE_ID.fullmatch(given):
            self.request_id = given.decode("ascii")
        else:
            self.request_id = new_id("req", clock)
        self.endpoint = ""
        """The route's own path, never the client's: it becomes a metric label."""
        self.exchange_id = ""
        self.code = ""
        self.status = 0
        self.started = False
        self.finished = False
        self.failure: TellFailure | None = None
        """How a stream that has begun tells of a failure, in its own shape."""

    @property
    def credential(self) -> str:
        """The bearer token; SDKs of other makers send it in a header of their own."""
        scheme, _, token = self.headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer":
            token = self.headers.get(b"api-key") or self.headers.get(b"x-api-key") or b""
        return token.strip().decode("latin-1")

    async def body(self, limits: EdgeLimits) -> bytes:
        """The whole JSON body. Stops reading at the limit, whatever the length header says."""
        self._expect_json()
        declared = self.headers.get(b"content-length")
        if declared is not None and int(declared) > limits.body_bytes:
            raise _too_large(limits)
        try:
            async with asyncio.timeout(limits.body_seconds):
                return await self._read(limits)
        except TimeoutError:
            raise RequestTimedOut(f"It has {limits.body_seconds:g} seconds.") from None

    async def _read(self, limits: EdgeLimits) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > limits.body_bytes:
                raise _too_large(limits)
            parts.append(part)
            if not message.get("more_body", False):
                return parts[0] if len(parts) == 1 else b"".join(parts)

    def _expect_json(self) -> None:
        if self.headers.get(b"content-encoding", b"identity") != b"identity":
            raise UnsupportedMediaType("Send it without `content-encoding`.")
        media_type = self.headers.get(b"content-type", b"application/json")
        if media_type == b"application/json":
            return
        kind, _, parameters = media_type.lower().partition(b";")
        charset = parameters.strip().partition(b"charset=")[2].strip(b"\"' ")
        if kind.strip() != b"application/json" or charset not in (b"", b"utf-8", b"utf8"):
            raise UnsupportedMediaType("Send `content-type: application/json`.")

    async def start(self, status: int, headers: Headers) -> None:
        self.status = status
        self.started = True
        await self.send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    *headers,
                    (b"x-request-id", self.request_id.encode()),
                    *self.transport,
                ],
            }
        )

    async def write(self, data: bytes, *, more: bool = True) -> None:
        """Waits while the client reads more slowly than we write."""
        self.finished = not more
        await self.send({"type": "http.response.body", "body": data, "more_body": more})

    async def reply(self, status: int, body: bytes, headers: Headers) -> None:
        length = (b"content-length", b"%d" % len(body))
        await self.start(status, (*headers, length))
        await self.write(b"" if self.method == "HEAD" else body, more=False)

    async def refuse(self, refusal: Refusal) -> None:
        """Tells the client in the shape that still fits: a status, an event, or a cut."""
        self.code = refusal.code
        if not self.started:
            data_plane = self.path.startswith("/v1")
            problem = (openai_problem if data_plane else problem_details)(refusal)
            await self.reply(problem.status, problem.body, problem.headers)
        elif self.failure is not None:
            await self.write(self.failure(refusal, self.request_id), more=False)
        # Else the answer stays incomplete, and the listener cuts the connection.


PLAIN: Final[Headers] = _OURS
OVER_TLS: Final[Headers] = (*_OURS, STRICT_TRANSPORT)


def _too_large(limits: EdgeLimits) -> RequestTooLarge:
    return RequestTooLarge(f"The limit is {limits.body_bytes} bytes.")


def guarded_receive(request: Request, limits: EdgeLimits) -> Receive:
    """`receive` for a mounted app, with the same limit on the body."""
    size = 0

    async def receive() -> Message:
        nonlocal size
        message = await request.receive()
        size += len(message.get("body", b""))
        if size > limits.body_bytes:
            raise _too_large(limits)
        return message

    return receive


def observed_send(request: Request) -> Send:
    """`send` for a mounted app: notes the status, adds the headers that are missing."""
    added = (*SECURITY, *((STRICT_TRANSPORT,) if request.transport is OVER_TLS else ()))

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            present = {name.lower() for name, _ in headers}
            headers += [header for header in added if header[0] not in present]
            headers.append((b"x-request-id", request.request_id.encode()))
            request.started, request.status = True, message["status"]
            message = {**message, "headers": headers}
        await request.send(message)

    return send
