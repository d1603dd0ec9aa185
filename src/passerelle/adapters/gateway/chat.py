"""`POST /v1/chat/completions`, whole and streamed."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from passerelle.adapters.gateway.answers import completion_of, provenance_of
from passerelle.adapters.gateway.asgi import Headers
from passerelle.adapters.gateway.edge import ClientGone, EdgeLimits, Request
from passerelle.core.values.chat import ChatRequest
from passerelle.core.values.clock import Clock
from passerelle.stories.serve.exchange import LIVE, LOAD, Arrival, Checked, CheckedStream, Server
from passerelle.transport.wire.openai_answers import ChunkWriter, Heading, encode_completion
from passerelle.transport.wire.openai_chat import decode_request

_PURPOSE = b"x-passerelle-purpose"
_JSON = (b"content-type", b"application/json")
_EVENTS: Headers = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"x-accel-buffering", b"no"),  # or a proxy in front holds the stream back
)


class ChatCompletions:
    """Hands requests to the serving story and writes what it lets through."""

    def __init__(self, server: Server, *, limits: EdgeLimits, clock: Clock) -> None:
        self._server = server
        self._limits = limits
        self._clock = clock

    async def __call__(self, request: Request) -> None:
        chat = decode_request(await request.body(self._limits))
        arrival = Arrival(
            chat,
            request.credential,
            request.request_id,
            request.received_ns,
            LOAD if request.headers.get(_PURPOSE) == LOAD.encode() else LIVE,
        )
        if chat.stream:
            await self._relay(request, chat, await self._server.stream(arrival))
        else:
            await self._send(request, chat, await self._server.answer(arrival))

    async def _send(self, request: Request, chat: ChatRequest, checked: Checked) -> None:
        request.exchange_id = checked.exchange_id
        heading = self._heading(request, chat)
        body = encode_completion(heading, completion_of(checked), provenance_of(checked))
        await request.reply(200, body, (_JSON, *self._told(request, checked.upstream_ns)))

    async def _relay(self, request: Request, chat: ChatRequest, stream: CheckedStream) -> None:
        """Nothing is sent before the first item, so that a refusal can still be a status."""
        request.exchange_id = stream.opening.exchange_id
        told = self._told(request, upstream_ns=0)
        writer = ChunkWriter(self._heading(request, chat), include_usage=chat.include_usage)
        request.streams_events = True
        try:
            async with _until_client_leaves(request):
                async for item in stream:
                    if not request.started:
                        await request.start(200, (*_EVENTS, *told))
                        await request.write(writer.opening())
                    if isinstance(item, Checked):
                        last = writer.closing(completion_of(item), provenance_of(item))
                        await request.write(last, more=False)
                    else:
                        await request.write(writer.text(item.text))
        finally:
            await stream.aclose()

    def _told(self, request: Request, upstream_ns: int) -> Headers:
        spent_ns = self._clock.monotonic_ns() - request.received_ns - upstream_ns
        return (
            (b"x-passerelle-exchange", request.exchange_id.encode()),
            (b"x-passerelle-overhead-ms", b"%.3f" % (max(0, spent_ns) / 1_000_000)),
        )

    def _heading(self, request: Request, chat: ChatRequest) -> Heading:
        return Heading(request.exchange_id, self._clock.now_ms() // 1_000, chat.model)


@asynccontextmanager
async def _until_client_leaves(request: Request) -> AsyncGenerator[None, None]:
    """Stops the body of the `with`, even one that waits for a provider, when the client leaves."""
    here = asyncio.current_task()
    left = False

    async def watch() -> None:
        nonlocal left
        while (await request.receive())["type"] != "http.disconnect":
            pass
        # Servers also say so after the last byte of the answer.
        if here is not None and not request.finished:
            left = True
            here.cancel()

    watcher = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        # A cancellation of our own becomes an error of its own; one from above goes on.
        if left and here is not None and here.uncancel() == 0:
            raise ClientGone from None
        raise
    finally:
        watcher.cancel()
