"""Other applications beside the data plane, which speak ASGI."""

import asyncio
from collections.abc import Callable

from passerelle.adapters.gateway.asgi import ASGIApp, Headers, Message, Receive, Scope, Send
from passerelle.adapters.gateway.edge import SECURITY, STRICT_TRANSPORT, EdgeLimits, Request
from passerelle.adapters.gateway.heads import lines


class BadAnswer(Exception):
    """A mounted application sent something that is no answer."""


async def serve_mounted(app: ASGIApp, request: Request, limits: EdgeLimits) -> None:
    exchange = _Exchange(request, limits)
    await app(_scope(request), exchange.receive, exchange.send)


def _scope(request: Request) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.0" if request.old else "1.1",
        "method": request.method,
        "scheme": "https" if request.over_tls else "http",
        "path": request.path,
        "raw_path": request.target.partition(b"?")[0],
        "query_string": request.query,
        "root_path": "",
        "headers": request.fields,
        "client": (request.client, 0) if request.client else None,
        "server": None,
    }


class _Exchange:
    """`receive` and `send` of one request."""

    def __init__(self, request: Request, limits: EdgeLimits) -> None:
        self._request = request
        self._limits = limits
        self._body_told = False
        self._over = asyncio.Event()
        """The client has its answer, or has gone."""
        self._left_bytes: int | None = None
        """Of the body, where its length was told."""

    async def receive(self) -> Message:
        request = self._request
        if self._body_told or request.finished:
            request.on_leave(self._over.set)
            await self._over.wait()
            return {"type": "http.disconnect"}
        data = await request.piece(self._limits)
        self._body_told = request.ended
        return {"type": "http.request", "body": data, "more_body": not self._body_told}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begin(message["status"], tuple(message.get("headers", ())))
        elif message["type"] == "http.response.body":
            await self._write(message.get("body", b""), more=message.get("more_body", False))

    def _begin(self, status: int, headers: Headers) -> None:
        """Adds what is missing of our own headers."""
        request = self._request
        present = {name.lower(): value for name, value in headers}
        ours = (*SECURITY, STRICT_TRANSPORT) if request.over_tls else SECURITY
        headers = (*headers, *(header for header in ours if header[0] not in present))
        fields = lines(headers)
        if not fields.count(b"\r") == fields.count(b"\n") == len(headers):
            raise BadAnswer("a header holds a line break")
        length = present.get(b"content-length")
        self._left_bytes = None if length is None else int(length)
        request.begin(status, fields, length_known=length is not None)

    async def _write(self, data: bytes, *, more: bool) -> None:
        if self._left_bytes is not None and self._request.method != "HEAD":
            self._left_bytes -= len(data)
            if self._left_bytes < 0 or (self._left_bytes and not more):
                raise BadAnswer("the body is not as long as its header says")
        await self._request.write(data, more=more)
        if not more:
            self._over.set()


class Deferred:
    """An application that is made when it is first asked, beside the others.

    What takes long to load keeps neither the start nor anybody's answer waiting.
    """

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._making: asyncio.Task[ASGIApp] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (await self.ready())(scope, receive, send)

    async def ready(self) -> ASGIApp:
        """The application itself; made again at the next request where that failed."""
        if self._making is None or (self._making.done() and self._making.exception()):
            self._making = asyncio.create_task(asyncio.to_thread(self._make))
        return await asyncio.shield(self._making)
