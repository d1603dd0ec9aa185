"""Any server that speaks Chat Completions: OpenAI, Azure, vLLM, Ollama and many more."""

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Final
from urllib.parse import quote

from passerelle.adapters.providers.upstream_calls import Answers, Question, UpstreamCalls
from passerelle.adapters.providers.upstream_faults import failure_of_status
from passerelle.core.values.chat import Completion, Piece
from passerelle.domain.routing.providers import (
    EmbeddingCall,
    Embeddings,
    ModelCall,
    ProviderFailed,
)
from passerelle.transport.egress.connections import Connections
from passerelle.transport.egress.targets import Target, target
from passerelle.transport.wire.errors import decode_error
from passerelle.transport.wire.openai_calls import Dialect, encode_request
from passerelle.transport.wire.openai_chunks import ChatReader
from passerelle.transport.wire.openai_completions import NotACompletion, decode_completion
from passerelle.transport.wire.openai_embeddings import decode_embeddings, encode_call

_ANSWERS: Final = Answers(decode_completion, ChatReader, NotACompletion)
MODEL: Final = "{model}"
"""Stands for the model in a path, where a server wants it there."""


class OpenAIStyle:
    """One server. Keys and error bodies of the upstream never leave this class."""

    def __init__(
        self,
        name: str,
        base_url: str,
        api_key: str | None,
        connections: Connections,
        *,
        dialect: Dialect | None = None,
        connect_seconds: float = 5.0,
    ) -> None:
        self._name = name
        self._dialect = dialect or Dialect()
        self._identity = (name, api_key or "")
        self._calls = UpstreamCalls(
            self._identity, connections, self._failure, connect_seconds=connect_seconds
        )
        at = base_url.rstrip("/")
        headers = _headers(api_key, self._dialect)
        self._completions = _endpoint(at + self._dialect.path, headers)
        self._embeddings = _endpoint(at + self._dialect.embeddings_path, headers)

    @property
    def name(self) -> str:
        return self._name

    async def complete(self, call: ModelCall) -> Completion:
        return await self._calls.complete(self._question(call, stream=False), _ANSWERS, call)

    def stream(self, call: ModelCall) -> AsyncGenerator[Piece, None]:
        return self._calls.stream(self._question(call, stream=True), _ANSWERS, call)

    async def embed(self, call: EmbeddingCall) -> Embeddings:
        asked = Question(self._embeddings(call.model), encode_call(call), call.deadline_seconds)
        return await self._calls.read(asked, lambda body: decode_embeddings(body, call))

    async def close(self) -> None:
        await self._calls.close()

    def _question(self, call: ModelCall, *, stream: bool) -> Question:
        body = encode_request(call, self._dialect, stream=stream)
        return Question(self._completions(call.model), body, call.deadline_seconds)

    def _failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderFailed:
        return failure_of_status(status, headers, decode_error(body), self._identity)


def _headers(api_key: str | None, dialect: Dialect) -> tuple[tuple[str, str], ...]:
    known = (("content-type", "application/json"), ("user-agent", "passerelle"))
    if not api_key:
        return known
    scheme = "Bearer " if dialect.key_header == "authorization" else ""
    return (*known, (dialect.key_header, scheme + api_key))


def _endpoint(url: str, headers: tuple[tuple[str, str], ...]) -> Callable[[str], Target]:
    """The address to ask for a model. Raises `NotATarget`."""
    if MODEL not in url:
        fixed = target("POST", url, headers)
        return lambda _: fixed
    target("POST", url.replace(MODEL, "model"), headers)
    return lambda model: target("POST", url.replace(MODEL, quote(model, safe="")), headers)
