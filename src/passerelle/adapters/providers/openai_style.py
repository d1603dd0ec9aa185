"""Any server that speaks Chat Completions: OpenAI, Azure, vLLM, Ollama and many more."""

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from passerelle.adapters.providers.pieces import pieces_of
from passerelle.adapters.providers.upstream_faults import (
    AnswerCutOff,
    Unreadable,
    failure_of_status,
    failure_of_transport,
    failure_told,
)
from passerelle.core.values.chat import Completion, Piece
from passerelle.domain.routing.providers import EmbeddingCall, Embeddings, ModelCall
from passerelle.transport.egress.connections import Connections, ResponseStream
from passerelle.transport.egress.exchange import Deadlines
from passerelle.transport.egress.failures import EgressFailed
from passerelle.transport.egress.targets import Target, target
from passerelle.transport.wire.errors import decode_error
from passerelle.transport.wire.estimates import answered_bytes, estimated_usage
from passerelle.transport.wire.openai_calls import Dialect, encode_request
from passerelle.transport.wire.openai_chunks import ChatReader, CutOff
from passerelle.transport.wire.openai_completions import (
    ErrorTold,
    NotACompletion,
    decode_completion,
)
from passerelle.transport.wire.openai_embeddings import (
    NotEmbeddings,
    decode_embeddings,
    encode_call,
)
from passerelle.transport.wire.sse import EventTooLong

_OK: Final = 200
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
        self._connections = connections
        self._dialect = dialect or Dialect()
        self._connect_seconds = connect_seconds
        self._identity = (name, api_key or "")
        self._completions = _endpoint(base_url, api_key, self._dialect, self._dialect.path)
        self._embeddings = _endpoint(
            base_url, api_key, self._dialect, self._dialect.embeddings_path
        )

    @property
    def name(self) -> str:
        return self._name

    async def complete(self, call: ModelCall) -> Completion:
        body = encode_request(call, self._dialect, stream=False)
        data = await self._asked(self._completions(call.model), body, call.deadline_seconds)
        return self._completion_in(data, call)

    async def stream(self, call: ModelCall) -> AsyncGenerator[Piece, None]:
        body = encode_request(call, self._dialect, stream=True)
        deadlines = self._deadlines(call.deadline_seconds)
        response: ResponseStream | None = None
        try:
            with self._faults():
                response = await self._connections.stream(
                    self._completions(call.model), body, deadlines=deadlines
                )
                async with aclosing(self._pieces(response, call)) as pieces:
                    async for piece in pieces:
                        yield piece
        finally:
            if response is not None:
                response.close()

    async def embed(self, call: EmbeddingCall) -> Embeddings:
        body = encode_call(call)
        data = await self._asked(self._embeddings(call.model), body, call.deadline_seconds)
        with self._faults():
            return decode_embeddings(data, call)

    async def close(self) -> None:
        await self._connections.close()

    async def _asked(self, endpoint: Target, body: bytes, seconds: float) -> bytes:
        with self._faults():
            response = await self._connections.request(
                endpoint, body, deadlines=self._deadlines(seconds)
            )
        self._expect_success(response.status, response.headers, response.body)
        return response.body

    async def _pieces(
        self, response: ResponseStream, call: ModelCall
    ) -> AsyncGenerator[Piece, None]:
        whole = not response.headers.get("content-type", "").startswith("text/event-stream")
        if response.status != _OK or whole:
            data = await response.read()
            self._expect_success(response.status, response.headers, data)
            for piece in pieces_of(self._completion_in(data, call)):
                yield piece
            return
        answer = ChatReader(call)
        async for chunk in response:
            for piece in answer.push(chunk):
                yield piece
            if answer.ended:
                break
        for piece in answer.finish():
            yield piece
        await response.settle()

    def _completion_in(self, body: bytes, call: ModelCall) -> Completion:
        with self._faults():
            completion = decode_completion(body)
        if not completion.usage.estimated:
            return completion
        return replace(completion, usage=estimated_usage(call, answered_bytes(completion)))

    def _expect_success(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        if status != _OK:
            raise failure_of_status(status, headers, decode_error(body), self._identity)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Everything that can go wrong at an upstream, in the words of the role."""
        try:
            yield
        except EgressFailed as failure:
            raise failure_of_transport(failure, self._name) from None
        except ErrorTold as failure:
            raise failure_told(failure.told, self._identity) from None
        except CutOff:
            raise AnswerCutOff from None
        except EventTooLong:
            raise Unreadable("One event of the stream is too long.") from None
        except (NotACompletion, NotEmbeddings) as failure:
            what = "a completion" if isinstance(failure, NotACompletion) else "embeddings"
            raise Unreadable(f"`{self._name}` sent something else than {what}.") from None

    def _deadlines(self, seconds: float) -> Deadlines:
        return Deadlines(
            connect=min(self._connect_seconds, seconds),
            first_byte=seconds,
            between_bytes=seconds,
            total=seconds,
        )


def _endpoint(
    base_url: str, api_key: str | None, dialect: Dialect, path: str
) -> Callable[[str], Target]:
    """The address to ask for a model. Raises `NotATarget`."""
    headers: list[tuple[str, str]] = [
        ("content-type", "application/json"),
        ("user-agent", "passerelle"),
    ]
    if api_key:
        scheme = "Bearer " if dialect.key_header == "authorization" else ""
        headers.append((dialect.key_header, scheme + api_key))
    url, known = base_url.rstrip("/") + path, tuple(headers)
    if MODEL not in path:
        fixed = target("POST", url, known)
        return lambda _: fixed
    target("POST", url.replace(MODEL, "model"), known)
    return lambda model: target("POST", url.replace(MODEL, quote(model, safe="")), known)
