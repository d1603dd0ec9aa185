"""Cohere's own interface, version 2: chat and embeddings."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Final

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
from passerelle.transport.egress.targets import target
from passerelle.transport.wire import cohere_embeddings
from passerelle.transport.wire.cohere_answers import NotAnAnswer, decode_completion
from passerelle.transport.wire.cohere_requests import encode_request
from passerelle.transport.wire.cohere_streams import CohereReader
from passerelle.transport.wire.errors import decode_error

_ANSWERS: Final = Answers(decode_completion, CohereReader, NotAnAnswer)
_STATUSES: Final = {498: 401, 499: 503}
"""Cohere's own: a token that is not valid, and a request that it has dropped."""


class Cohere:
    """One account. Keys and error bodies of the upstream never leave this class."""

    def __init__(
        self,
        name: str,
        base_url: str,
        api_key: str | None,
        connections: Connections,
        *,
        connect_seconds: float = 5.0,
    ) -> None:
        self._name = name
        self._identity = (name, api_key or "")
        self._calls = UpstreamCalls(
            self._identity, connections, self._failure, connect_seconds=connect_seconds
        )
        headers = (
            ("content-type", "application/json"),
            ("user-agent", "passerelle"),
            *((("authorization", f"Bearer {api_key}"),) if api_key else ()),
        )
        url = base_url.rstrip("/").removesuffix("/v2")
        self._chat = target("POST", f"{url}/v2/chat", headers)
        self._embeddings = target("POST", f"{url}/v2/embed", headers)

    @property
    def name(self) -> str:
        return self._name

    async def complete(self, call: ModelCall) -> Completion:
        body = encode_request(call, stream=False)
        return await self._calls.complete(self._question(body, call), _ANSWERS, call)

    async def stream(self, call: ModelCall) -> AsyncGenerator[Piece, None]:
        question = self._question(encode_request(call, stream=True), call)
        async with aclosing(self._calls.stream(question, _ANSWERS, call)) as pieces:
            async for piece in pieces:
                yield piece

    async def embed(self, call: EmbeddingCall) -> Embeddings:
        questions = [
            Question(self._embeddings, body, call.deadline_seconds)
            for body in cohere_embeddings.encode_requests(call)
        ]
        return await self._calls.embed(questions, cohere_embeddings.decode_answer, call)

    async def close(self) -> None:
        await self._calls.close()

    def _question(self, body: bytes, call: ModelCall) -> Question:
        return Question(self._chat, body, call.deadline_seconds)

    def _failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderFailed:
        means = _STATUSES.get(status, status)
        return failure_of_status(means, headers, decode_error(body), self._identity)
