"""Endpoints that answer a conversation, whole and streamed, whatever format it comes in."""

from collections.abc import Callable
from typing import Protocol

from passerelle.adapters.gateway.answers import provenance_of
from passerelle.adapters.gateway.asgi import Headers
from passerelle.adapters.gateway.edge import EdgeLimits, Request
from passerelle.adapters.gateway.limit_headers import limit_headers, processing_header
from passerelle.core.values.chat import NOTHING, ChatRequest, Completion, JsonObject, Piece
from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import Refusal
from passerelle.domain.budgets.rates import RateStanding
from passerelle.stories.serve.exchange import LIVE, LOAD, Arrival, Checked, CheckedStream, Server
from passerelle.transport.wire.headings import Heading
from passerelle.transport.wire.provenance import Provenance

_PURPOSE = b"x-passerelle-purpose"
_JSON = (b"content-type", b"application/json")
_EVENTS: Headers = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"x-accel-buffering", b"no"),  # or a proxy in front holds the stream back
)


class Writer(Protocol):
    """Writes one streamed answer in its format."""

    def opening(self) -> bytes: ...

    def piece(self, piece: Piece) -> bytes:
        """b"" when the format has nothing to say of it."""
        ...

    def closing(self, completion: Completion, provenance: Provenance | None) -> bytes:
        """Finish reasons, usage and the end mark; all of the content has been sent before."""
        ...

    def failure(self, refusal: Refusal, request_id: str) -> bytes:
        """The end of a stream that cannot go on."""
        ...


class Dialogue(Protocol):
    """One request as its format reads it, and how it wants to be answered."""

    @property
    def chat(self) -> ChatRequest: ...

    @property
    def kept(self) -> JsonObject:
        """What the format wants kept with the exchange, to show it again later."""
        ...

    @property
    def recalled(self) -> range:
        """Places of messages that the client did not send: they stand in earlier exchanges."""
        ...

    @property
    def store(self) -> bool:
        """False where the client does not want its content kept."""
        ...

    def name(self, exchange_id: str) -> str:
        """The answer's id in this format."""
        ...

    def whole(
        self, heading: Heading, completion: Completion, provenance: Provenance | None
    ) -> bytes: ...

    def writer(self, heading: Heading) -> Writer: ...


Read = Callable[[bytes, Request], Dialogue]
"""Reads a body. The request tells who asks, for formats that look something up."""


class Conversations:
    """Hands requests to the serving story and writes what it lets through."""

    def __init__(self, read: Read, server: Server, *, limits: EdgeLimits, clock: Clock) -> None:
        self._read = read
        self._server = server
        self._limits = limits
        self._clock = clock

    async def __call__(self, request: Request) -> None:
        dialogue = self._read(await request.body(self._limits), request)
        arrival = Arrival(
            dialogue.chat,
            request.credential,
            request.request_id,
            request.received_ns,
            LOAD if request.headers.get(_PURPOSE) == LOAD.encode() else LIVE,
            store=dialogue.store,
            kept=dialogue.kept,
            recalled=dialogue.recalled,
        )
        request.stop_when_left()
        if dialogue.chat.stream:
            await self._relay(request, dialogue, await self._server.stream(arrival))
        else:
            await self._send(request, dialogue, await self._server.answer(arrival))

    async def _send(self, request: Request, dialogue: Dialogue, checked: Checked) -> None:
        request.exchange_id = checked.exchange_id
        heading = self._heading(request, dialogue)
        body = dialogue.whole(heading, checked.completion, provenance_of(checked))
        told = self._told(request, checked.rates, checked.upstream_ns)
        spent_ns = self._clock.monotonic_ns() - request.received_ns
        headers = (_JSON, *told, *processing_header(request.path, spent_ns))
        await request.reply(200, body, headers)

    async def _relay(self, request: Request, dialogue: Dialogue, stream: CheckedStream) -> None:
        """Nothing is sent before the first item, so that a refusal can still be a status."""
        request.exchange_id = stream.opening.exchange_id
        told = self._told(request, stream.opening.rates, upstream_ns=0)
        writer = dialogue.writer(self._heading(request, dialogue))
        request.failure = writer.failure
        try:
            async for item in stream:
                if not request.started:
                    await request.start(200, (*_EVENTS, *told))
                    await request.write(writer.opening())
                if isinstance(item, Checked):
                    last = writer.closing(item.completion, provenance_of(item))
                    await request.write(last, more=False)
                elif written := writer.piece(item.piece):
                    await request.write(written)
        finally:
            await stream.aclose()

    def _told(self, request: Request, rates: RateStanding, upstream_ns: int) -> Headers:
        spent_ns = self._clock.monotonic_ns() - request.received_ns - upstream_ns
        return (
            (b"x-passerelle-exchange", request.exchange_id.encode()),
            (b"x-passerelle-overhead-ms", b"%.3f" % (max(0, spent_ns) / 1_000_000)),
            *limit_headers(rates, request.path, self._clock),
        )

    def _heading(self, request: Request, dialogue: Dialogue) -> Heading:
        name = dialogue.name(request.exchange_id)
        return Heading(name, self._clock.now_ms() // 1_000, dialogue.chat.model)


class PlainDialogue:
    """What formats have in common that look nothing up and keep nothing of their own."""

    kept = NOTHING
    recalled = range(0)
    store = True

    def __init__(self, chat: ChatRequest) -> None:
        self.chat = chat

    def name(self, exchange_id: str) -> str:
        return exchange_id
