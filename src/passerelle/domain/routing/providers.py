"""The role of a provider: one call of one model, with what it may use to answer."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Protocol

from passerelle.core.values.chat import (
    NO_OPTIONS,
    Completion,
    JsonObject,
    Message,
    Options,
    Piece,
    Usage,
)
from passerelle.core.values.errors import Refusal
from passerelle.core.values.passages import Hit


class ProviderFailed(Refusal):
    """The model provider failed."""

    status = 502
    code = "provider_failed"


class ProviderTimedOut(ProviderFailed):
    """The model provider did not answer in time."""

    status = 504
    code = "provider_timed_out"


class ProviderOverloaded(ProviderFailed):
    """The model provider is overloaded or limits its rate; try again later."""

    status = 503
    code = "provider_overloaded"


class ProviderMisconfigured(ProviderFailed):
    """The model provider does not serve us."""

    # Bad credentials, an unknown model, an account without quota: asking again cannot help,
    # another provider may.
    code = "provider_misconfigured"


class ProviderRefused(ProviderFailed):
    """The model provider refused the request."""

    # The caller's own fault at the provider (a 400 or 422), unlike bad credentials of ours.
    status = 400
    code = "provider_refused"
    kind = "invalid_request_error"


class Inexpressible(ProviderRefused):
    """The model provider has no counterpart of a field of this request."""

    # Always raised with `param`: a field may be refused, never dropped.
    code = "unsupported_value"


@dataclass(frozen=True, slots=True)
class ModelCall:
    """What a provider needs for one answer."""

    model: str
    messages: tuple[Message, ...]
    """Rendered: system prompt with the passages, then the conversation."""
    question: str
    """The user's last words, for providers that do not read prompts."""
    hits: tuple[Hit, ...]
    """Passages shown to the model; hit k is cited as `[k+1]`."""
    sentences: int
    """At most so many sentences, for providers that quote."""
    refuse_below: float
    """Support (0 to 1) under which a quoting provider says that it does not know."""
    refusal: str
    """The words in which it says so."""
    deadline_seconds: float
    options: Options = NO_OPTIONS


@dataclass(frozen=True, slots=True)
class EmbeddingCall:
    """What a provider needs to embed texts."""

    model: str
    inputs: tuple[str | tuple[int, ...], ...]
    """Texts, or texts as tokens of the model."""
    deadline_seconds: float
    dimensions: int | None = None
    extras: JsonObject = field(default_factory=dict)
    """In OpenAI's naming: passed on or refused, never dropped."""


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One vector for each input, in order."""

    vectors: tuple[bytes, ...]
    """Little-endian float32."""
    usage: Usage
    model: str


class Provider(Protocol):
    """Where completions and embeddings come from. Raises only `ProviderFailed` and its kin."""

    @property
    def name(self) -> str:
        """The name that routes use."""
        ...

    async def complete(self, call: ModelCall) -> Completion:
        """The whole answer."""
        ...

    def stream(self, call: ModelCall) -> AsyncGenerator[Piece, None]:
        """The answer in pieces; exactly the last piece carries usage, and none comes after it.

        Closing the iterator (`aclose`) cancels the call at the provider.
        """
        ...

    async def embed(self, call: EmbeddingCall) -> Embeddings:
        """Raises `Inexpressible` where the provider has no embeddings."""
        ...

    async def close(self) -> None:
        """Gives back connections."""
        ...
