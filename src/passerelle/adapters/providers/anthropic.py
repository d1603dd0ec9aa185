"""Anthropic's own interface: Messages, whole and streamed, and the count of their tokens."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Final

from passerelle.adapters.providers.pieces import pieces_of
from passerelle.adapters.providers.upstream_faults import (
    AnswerCutOff,
    Unreadable,
    failure_of_status,
    failure_of_transport,
)
from passerelle.core.values.chat import Completion, Piece
from passerelle.domain.routing.providers import (
    EmbeddingCall,
    Embeddings,
    Inexpressible,
    ModelCall,
)
from passerelle.transport.egress.connections import Connections, ResponseStream
from passerelle.transport.egress.exchange import Deadlines
from passerelle.transport.egress.failures import EgressFailed
from passerelle.transport.egress.targets import Target, target
from passerelle.transport.wire.anthropic_answers import (
    NotAMessage,
    decode_completion,
    decode_count,
)
from passerelle.transport.wire.anthropic_errors import decode_error, status_told
from passerelle.transport.wire.anthropic_requests import betas_of, encode_count, encode_request
from passerelle.transport.wire.anthropic_stream_reader import (
    MessagesReader,
    StreamBrokeOff,
    StreamCutOff,
)
from passerelle.transport.wire.estimates import answered_bytes, estimated_usage

VERSION: Final = "2023-06-01"
_OK: Final = 200
_PATH: Final = "/v1/messages"


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
        self._connections = connections
        self._betas = tuple(betas)
        self._connect_seconds = connect_seconds
        self._identity = (name, api_key or "")
        headers = [
            ("content-type", "application/json"),
            ("user-agent", "passerelle"),
            ("anthropic-version", version),
            *((("x-api-key", api_key),) if api_key else ()),
        ]
        url = base_url.rstrip("/").removesuffix("/v1") + _PATH
        self._messages = target("POST", url, tuple(headers))
        self._counts = target("POST", f"{url}/count_tokens", tuple(headers))

    @property
    def name(self) -> str:
        return self._name

    async def complete(self, call: ModelCall) -> Completion:
        data = await self._asked(self._messages, encode_request(call, stream=False), call)
        return self._completion_in(data, call)

    async def stream(self, call: ModelCall) -> AsyncGenerator[Piece, None]:
        body, headers = encode_request(call, stream=True), self._opted(call)
        response: ResponseStream | None = None
        try:
            with self._faults():
                response = await self._connections.stream(
                    self._messages, body, headers=headers, deadlines=self._deadlines(call)
                )
                async with aclosing(self._pieces(response, call)) as pieces:
                    async for piece in pieces:
                        yield piece
        finally:
            if response is not None:
                response.close()

    async def embed(self, call: EmbeddingCall) -> Embeddings:  # noqa: ARG002 - as the role's
        raise Inexpressible(f"Provider `{self._name}` embeds nothing.", param="model")

    async def count_tokens(self, call: ModelCall) -> int:
        """Tokens of the input, as the provider counts them; it costs nothing."""
        data = await self._asked(self._counts, encode_count(call), call)
        with self._faults():
            return decode_count(data)

    async def close(self) -> None:
        await self._connections.close()

    async def _asked(self, endpoint: Target, body: bytes, call: ModelCall) -> bytes:
        with self._faults():
            response = await self._connections.request(
                endpoint, body, headers=self._opted(call), deadlines=self._deadlines(call)
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
        reader = MessagesReader()
        async for chunk in response:
            for piece in reader.push(chunk):
                yield piece
            if reader.ended:
                break
        *rest, last = reader.finish()
        for piece in rest:
            yield piece
        yield replace(last, usage=last.usage or estimated_usage(call, reader.written))
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
        except StreamBrokeOff as failure:
            told = failure.told
            raise failure_of_status(status_told(told), {}, told, self._identity) from None
        except StreamCutOff:
            raise AnswerCutOff from None
        except NotAMessage:
            raise Unreadable(f"`{self._name}` sent something else than a message.") from None

    def _opted(self, call: ModelCall) -> bytes:
        betas = betas_of(call, self._betas)
        return b"anthropic-beta: %s\r\n" % ",".join(betas).encode() if betas else b""

    def _deadlines(self, call: ModelCall) -> Deadlines:
        seconds = call.deadline_seconds
        return Deadlines(
            connect=min(self._connect_seconds, seconds),
            first_byte=seconds,
            between_bytes=seconds,
            total=seconds,
        )
