"""The states of one exchange: each step takes one and returns the next."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from passerelle.core.values.chat import (
    ChatRequest,
    Completion,
    FinishReason,
    JsonObject,
    Piece,
    Usage,
)
from passerelle.core.values.ids import Digest, ExchangeId
from passerelle.core.values.passages import Citation
from passerelle.core.values.scope import Stage
from passerelle.core.values.verdicts import Grounding, Verdict
from passerelle.domain.budgets.rates import NO_LIMITS, RateStanding

LIVE = "live"
"""Purpose of an exchange: somebody wants to know."""
REHEARSAL = "rehearsal"
"""Purpose of an exchange: a case is asked, to see how good the answer is."""
LOAD = "load"
"""Purpose of an exchange: many are asked, to see how much is borne. A caller says so, and
needs the permission to write evidence; it is free of the rate limit, never of a budget."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as the gateway hands it over: parsed, not yet believed."""

    request: ChatRequest
    credential: str
    """What stood in the authorization header, without its scheme; empty when there was none."""
    request_id: str
    received_ns: int
    """Monotonic."""
    purpose: str = LIVE
    store: bool = True
    """False where the client does not want its content kept."""
    kept: JsonObject = field(default_factory=dict)
    """What its wire format wants kept with the content."""
    on_behalf_of: str = ""
    """Id of a key that was proved when it left this to be done; then there is no credential."""
    recalled: range = range(0)
    """Places of messages that stand in earlier exchanges, and are not kept twice."""


class SurfaceVerdict(NamedTuple):
    """A guard's verdict and where the text was: `input`, `document` or `output`."""

    surface: str
    verdict: Verdict


class Served(NamedTuple):
    """What answered: use case, stage, release, provider and model."""

    usecase: str
    stage: Stage
    release: Digest
    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class Checked:
    """An answer that may leave. Made in `serve/steps.py` only; the gateway sends nothing else."""

    exchange_id: ExchangeId
    served: Served
    completion: Completion
    """Its choices hold only what the guards let through."""
    citations: tuple[Citation, ...]
    grounding: Grounding
    guards: tuple[SurfaceVerdict, ...]
    cost_nano_usd: int | None
    """None when the price of the model is not known; 0 for models of our own."""
    price_book: str
    """Date of the prices."""
    upstream_ns: int
    """Time spent waiting for the provider."""
    rates: RateStanding = NO_LIMITS
    """How the limits by the minute stand."""

    @property
    def text(self) -> str:
        """Of the first choice."""
        return self.completion.text

    @property
    def finish_reason(self) -> FinishReason:
        """Of the first choice."""
        return self.completion.finish_reason

    @property
    def usage(self) -> Usage:
        return self.completion.usage


@dataclass(frozen=True, slots=True)
class CheckedWindow:
    """A part of a streamed answer that has passed its guards; it never ends a choice."""

    piece: Piece


@dataclass(frozen=True, slots=True)
class Opening:
    """Known before the first window: what the response headers carry."""

    exchange_id: ExchangeId
    rates: RateStanding = NO_LIMITS


class CheckedStream(Protocol):
    """A streamed answer: windows, then exactly one `Checked` whose text is all that was released.

    A refusal may be raised before the first window or between two; the entry
    is written in every case. Leaving early (`aclose`) records a cut-off.
    """

    @property
    def opening(self) -> Opening: ...

    def __aiter__(self) -> AsyncIterator[CheckedWindow | Checked]: ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """What a client asks for who wants texts embedded."""

    model: str
    inputs: tuple[str | tuple[int, ...], ...]
    """Texts, or texts as tokens of the model."""
    dimensions: int | None = None
    end_user: str = ""
    extras: JsonObject = field(default_factory=dict)
    """Fields that we do not interpret: passed on or refused by policy, never dropped."""


@dataclass(frozen=True, slots=True)
class EmbeddingArrival:
    """As `Arrival`, of an embedding request."""

    request: EmbeddingRequest
    credential: str
    request_id: str
    received_ns: int
    on_behalf_of: str = ""


@dataclass(frozen=True, slots=True)
class CheckedEmbeddings:
    """Vectors of texts that have passed their guards. Made in `serve/embed.py` only."""

    exchange_id: ExchangeId
    served: Served
    vectors: tuple[bytes, ...]
    """Little-endian float32, one for each input, in order."""
    usage: Usage
    guards: tuple[SurfaceVerdict, ...]
    cost_nano_usd: int | None
    price_book: str
    upstream_ns: int
    rates: RateStanding = NO_LIMITS


@dataclass(frozen=True, slots=True)
class ModelOffer:
    """A model name that a caller may use."""

    id: str
    created: int
    """Unix seconds."""
    owned_by: str


class Server(Protocol):
    """The serve story, as the gateway calls it."""

    async def answer(self, arrival: Arrival) -> Checked:
        """One whole answer, durably recorded before it is returned."""
        ...

    async def stream(self, arrival: Arrival) -> CheckedStream:
        """A streamed answer; identification, budget and input guards have already run.

        Refusals of these steps are raised here, while a plain HTTP status can still be sent.
        """
        ...

    async def embed(self, arrival: EmbeddingArrival) -> CheckedEmbeddings:
        """Vectors, durably recorded before they are returned."""
        ...

    def models(self, credential: str) -> tuple[ModelOffer, ...]:
        """Models that the caller may ask for."""
        ...
