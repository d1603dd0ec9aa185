"""Anthropic's own interface: Messages, whole and streamed, and the count of their tokens."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Final

from passerelle.adapters.providers.upstream_calls import Answers, Question, UpstreamCalls
from passerelle.adapters.providers.upstream_faults import Unreadable, failure_of_status
from passerelle.core.values.chat import Completion, Piece
from passerelle.domain.routing.providers import (
    EmbeddingCall,
    Embeddings,
    Inexpressible,
    ModelCall,
    ProviderFailed,
)
from passerelle.transport.egress.connections import Connections
from passerelle.transport.egress.targets import Target, target
from passerelle.transport.wire.anthropic_answers import (
    NotAMessage,
    decode_completion,
    decode_count,
)
from passerelle.transport.wire.anthropic_errors import decode_error
from passerelle.transport.wire.anthropic_requests import betas_of, encode_count, encode_request
from passerelle.transport.wire.anthropic_streams import ClaudeReader

VERSION: Final = "2023-06-01"
_PATH: Final = "/v1/messages"
_ANSWERS: Final = Answers(decode_completion, ClaudeReader, NotAMessage)


class Anthropic:
    """One account. Keys and error bodies of the upstream never leave this class."""

    def __init__(
        self,
        name: str,
        base_url: str,
        api_key: str | None,
        connections: Connections,
        *,
        version: str = VERSION,
        betas: Sequence[str] = (),
        connect_seconds: float = 5.0,
    ) -> None:
        self._name = name
        self._betas = tuple(betas)
        self._identity = (name, api_key or "")
        self._calls = UpstreamCalls(
            self._identity, connections, self._failure, connect_seconds=connect_seconds
        )
        headers = (
            ("content-type", "application/json"),
            ("user-agent", "passerelle"),
            ("anthropic-version", version),
            *((("x-api-key", api_key),) if api_key else ()),
        )
        url = base_url.rstrip("/").removesuffix("/v1") + _PATH
        self._messages = target("POST", url, headers)
        self._counts = target("POST", f"{url}/count_tokens", headers)

    @property
    def name(self) -> str:
        return self._name

    async def complete(self, call: ModelCall) -> Completion:
        question = self._question(self._messages, encode_request(call, stream=False), call)
        return await self._calls.complete(question, _ANSWERS, call)

    def stream(self, call: ModelCall) -> AsyncGenerator[Piece, None]:
        question = self._question(self._messages, encode_request(call, stream=True), call)
        return self._calls.stream(question, _ANSWERS, call)

    async def embed(self, call: EmbeddingCall) -> Embeddings:  # noqa: ARG002 - as the role's
        raise Inexpressible(f"Provider `{self._name}` embeds nothing.", param="model")

    async def count_tokens(self, call: ModelCall) -> int:
        """Tokens of the input, as the provider counts them; it costs nothing."""
        question = self._question(self._counts, encode_count(call), call)
        try:
            return await self._calls.read(question, decode_count)
        except NotAMessage:
            raise Unreadable(f"`{self._name}` sent something else than a count.") from None

    async def close(self) -> None:
        await self._calls.close()

    def _question(self, where: Target, body: bytes, call: ModelCall) -> Question:
        betas = betas_of(call, self._betas)
        opted = b"anthropic-beta: %s\r\n" % ",".join(betas).encode() if betas else b""
        return Question(where, body, call.deadline_seconds, opted)

    def _failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderFailed:
        return failure_of_status(status, headers, decode_error(body), self._identity)
