"""The other side of the gateway's seam: a serving story with fixed answers, and its listener."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from struct import pack

from passerelle.adapters.gateway.app import Gateway, GatewayParts
from passerelle.adapters.gateway.listeners import Listening, listen
from passerelle.adapters.kms.signing import SigningKey
from passerelle.adapters.store.memory import memory_store
from passerelle.adapters.telemetry.metrics import Registry
from passerelle.adapters.telemetry.observers import TrafficMetrics
from passerelle.core.values.chat import Message, Piece, Usage, spoken
from passerelle.core.values.clock import SystemClock
from passerelle.core.values.errors import NotFound, Refusal
from passerelle.core.values.ids import Digest, ExchangeId, PassageId
from passerelle.core.values.passages import Citation
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope, Stage
from passerelle.core.values.verdicts import (
    ClaimVerdict,
    Finding,
    Grounding,
    Outcome,
    Support,
    Verdict,
)
from passerelle.domain.feedback.flags import Flag, FlagReason
from passerelle.domain.identity.grants import Granted, authorise
from passerelle.domain.identity.keys import Unauthenticated
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded
from passerelle.stories.serve.count import Counted
from passerelle.stories.serve.exchange import (
    Arrival,
    Checked,
    CheckedEmbeddings,
    CheckedWindow,
    EmbeddingArrival,
    ModelOffer,
    Opening,
    Served,
    SurfaceVerdict,
)
from passerelle.stories.serve.files import BatchParts
from passerelle.stories.serve.recall import NothingToContinue, NotRecalled, Recalled

KEY = "sk-dev-canned"
CALLER = Principal(
    "svc_1", "service", "caller", Scope("acme", "support"), frozenset({"administrator"}), "k1"
)
SERVED = Served("handbook", Stage.POC, Digest("ab" * 32), "replay", "replay-1")
CITATION = Citation(1, "docs/keys.md", "Keys", PassageId("keys-1"), 10, 34, "Keys start with sk-.")
TEXT = "Keys start with sk- and carry a checksum. [1] Zürich, 東京, 🙂."
CHECKED = Checked(
    exchange_id=ExchangeId("exc_canned"),
    served=SERVED,
    completion=spoken(TEXT, usage=Usage(12, 9, cached_input_tokens=4), model="replay-1"),
    citations=(CITATION,),
    grounding=Grounding(
        Support.SUPPORTED, 0.91, (ClaimVerdict(0, 41, Support.SUPPORTED, 0.91, CITATION),)
    ),
    guards=(
        SurfaceVerdict(
            "input", Verdict("personal_data", Outcome.REDACTED, (Finding("email", 3, 9),))
        ),
    ),
    cost_nano_usd=0,
    price_book="2026-01-31",
    upstream_ns=1_000,
)


def saying(text: str) -> Checked:
    """`CHECKED` in other words."""
    completion = CHECKED.completion
    return replace(CHECKED, completion=spoken(text, usage=completion.usage, model=completion.model))


@dataclass
class CannedStream:
    """Windows of a fixed size, then the whole; what became of it is in `ended`."""

    server: "CannedServer"
    opening: Opening = field(default_factory=lambda: Opening(CHECKED.exchange_id))
    _run: AsyncGenerator[CheckedWindow | Checked, None] | None = None

    def __aiter__(self) -> AsyncIterator[CheckedWindow | Checked]:
        self._run = self._windows()
        return self._run

    async def aclose(self) -> None:
        if self._run is not None:
            await self._run.aclose()

    async def _windows(self) -> AsyncGenerator[CheckedWindow | Checked, None]:
        server = self.server
        ended = "cut off"
        try:
            for number, start in enumerate(range(0, len(server.text), server.window)):
                if server.refuse_at == number and server.refusal is not None:
                    raise server.refusal  # noqa: TRY301 - as the story does
                await asyncio.sleep(server.pause)
                yield CheckedWindow(Piece(server.text[start : start + server.window]))
            ended = "whole"
            yield saying(server.text)
        except Exception as error:
            ended = error.code if isinstance(error, Refusal) else type(error).__name__
            raise
        finally:
            server.ended.append(ended)


@dataclass
class CannedServer:
    text: str = TEXT
    window: int = 7
    pause: float = 0.0
    refusal: Refusal | None = None
    """Raised by `answer`, and by a stream at window `refuse_at`; -1 refuses its opening."""
    refuse_at: int = -1
    error: Exception | None = None
    arrivals: list[Arrival] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def _check(self, credential: str) -> None:
        if credential != KEY:
            raise Unauthenticated("Send it as `authorization: Bearer`.")

    async def answer(self, arrival: Arrival) -> Checked:
        self._check(arrival.credential)
        self.arrivals.append(arrival)
        if self.error is not None:
            raise self.error
        if self.refusal is not None:
            raise self.refusal
        await asyncio.sleep(self.pause)
        self.ended.append("whole")
        return saying(self.text)

    async def stream(self, arrival: Arrival) -> CannedStream:
        self._check(arrival.credential)
        self.arrivals.append(arrival)
        if self.refusal is not None and self.refuse_at < 0:
            raise self.refusal
        return CannedStream(self)

    def models(self, credential: str) -> tuple[ModelOffer, ...]:
        self._check(credential)
        return tuple(
            ModelOffer(name, 1_700_000_000, "acme")
            for name in ("handbook", "handbook@pilot", "openai/gpt-4o")
        )

    async def embed(self, arrival: EmbeddingArrival) -> CheckedEmbeddings:
        self._check(arrival.credential)
        vectors = tuple(pack("<2f", 0.25, float(at)) for at in range(len(arrival.request.inputs)))
        return CheckedEmbeddings(
            CHECKED.exchange_id, SERVED, vectors, Usage(3), (), 0, "2026-01-31", 1_000
        )

    def authorise(self, credential: str, permission: Permission) -> Granted:
        self._check(credential)
        return authorise(CALLER, permission)

    async def feedback(
        self,
        credential: str,
        *,
        exchange_id: str,
        reason: FlagReason,  # noqa: ARG002 - as the story's
        comment: str,  # noqa: ARG002 - as the story's
        correction: str,  # noqa: ARG002 - as the story's
    ) -> Recorded[Flag]:
        self._check(credential)
        raise NotFound(f"No answer here was recorded, so none is {exchange_id}.")

    async def count(self, arrival: Arrival) -> Counted:
        self._check(arrival.credential)
        return Counted(CHECKED.exchange_id, SERVED, tokens=12, estimated=True, upstream_ns=0)

    def earlier(self, credential: str, exchange_id: str) -> tuple[Message, ...]:  # noqa: ARG002
        self._check(credential)
        raise NothingToContinue(param="previous_response_id")

    async def recall(self, credential: str, exchange_id: str) -> Recalled:  # noqa: ARG002
        self._check(credential)
        raise NotRecalled

    async def forget(self, credential: str, exchange_id: str) -> None:  # noqa: ARG002
        self._check(credential)
        raise NotRecalled


def gateway_parts(server: CannedServer, **changes: object) -> GatewayParts:
    registry = Registry()
    store = memory_store(signer=SigningKey("passerelle/test", b"s" * 32))
    parts = GatewayParts(
        server=server,
        clock=SystemClock(),
        observer=TrafficMetrics(registry),
        ready=tuple,
        authorise=server.authorise,
        feedback=server.feedback,
        recall=server,
        counter=server,
        batches=BatchParts(store.files, store.batches, store.ledger, SystemClock()),
        exposition=registry.exposition,
    )
    return replace(parts, **changes)  # type: ignore[arg-type]


@dataclass
class Running:
    port: int
    stop: asyncio.Event
    done: "asyncio.Task[None]"
    gateway: Gateway

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def running(
    server: CannedServer,
    *,
    listening: Listening | None = None,
    parts: Callable[[CannedServer], GatewayParts] = gateway_parts,
) -> AsyncGenerator[Running, None]:
    """The real listener on a free port, in this loop."""
    gateway = Gateway(parts(server))
    loop = asyncio.get_running_loop()
    port: asyncio.Future[int] = loop.create_future()
    stop = asyncio.Event()
    settings = replace(listening or Listening(), port=0)
    task = asyncio.create_task(
        listen(gateway, settings, started=port.set_result, draining=gateway.begin_drain, stop=stop)
    )
    try:
        yield Running(await port, stop, task, gateway)
    finally:
        stop.set()
        await task


async def until(condition: Callable[[], object], *, seconds: float = 5.0) -> None:
    """Waits for something that another task brings about."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - any condition, so no event
            await asyncio.sleep(0.002)


async def raw(port: int, request: bytes, *, seconds: float = 5.0) -> bytes:
    """Sends bytes, half-closes nothing, reads until the server closes or falls silent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        answer = b""
        try:
            async with asyncio.timeout(seconds):
                while data := await reader.read(65_536):
                    answer += data
        except (TimeoutError, ConnectionResetError):
            pass
        return answer
    finally:
        writer.close()


def chat_request(body: bytes, *, headers: bytes = b"", close: bool = True) -> bytes:
    ending = b"connection: close\r\n" if close else b""
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: here\r\nauthorization: Bearer "
        + KEY.encode()
        + b"\r\ncontent-type: application/json\r\n"
        + ending
        + headers
        + b"content-length: %d\r\n\r\n" % len(body)
        + body
    )
