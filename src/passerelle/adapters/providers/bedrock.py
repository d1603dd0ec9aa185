"""AWS Bedrock: Converse for all models, and InvokeModel where a model has a format of its own."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import quote

from passerelle.adapters.providers.bedrock_faults import failure_of_aws
from passerelle.adapters.providers.pieces import pieces_of
from passerelle.adapters.providers.upstream_faults import (
    AnswerCutOff,
    Unreadable,
    failure_of_transport,
)
from passerelle.core.values.chat import Completion, Piece
from passerelle.core.values.clock import Clock
from passerelle.domain.routing.providers import (
    EmbeddingCall,
    Embeddings,
    ModelCall,
    ProviderFailed,
    ProviderMisconfigured,
)
from passerelle.transport.egress.connections import Connections, Response, ResponseStream
from passerelle.transport.egress.exchange import Deadlines
from passerelle.transport.egress.failures import EgressFailed
from passerelle.transport.egress.sigv4 import Credentials, Scope, Unsigned, signing_headers
from passerelle.transport.egress.targets import Target, target
from passerelle.transport.wire import bedrock_answers, bedrock_converse, bedrock_invoke
from passerelle.transport.wire.aws_errors import told_in_answer
from passerelle.transport.wire.aws_event_stream import CONTENT_TYPE, BrokenStream
from passerelle.transport.wire.bedrock_answers import NotAnAnswer
from passerelle.transport.wire.bedrock_embeddings import (
    Embedded,
    NotEmbeddings,
    decode_answer,
    encode_requests,
    together,
)
from passerelle.transport.wire.bedrock_models import family_of
from passerelle.transport.wire.bedrock_streams import ConverseReader, CutOff, ErrorTold

_OK: Final = 200
_SERVICE: Final = "bedrock"
_AT_ONCE: Final = 8
"""Requests under way for one call of embeddings."""
_HEADERS: Final = (("content-type", "application/json"), ("user-agent", "passerelle"))
_SIGNED: Final = _HEADERS[:1]


@dataclass(frozen=True, slots=True)
class BearerKey:
    """A Bedrock API key, as in `AWS_BEARER_TOKEN_BEDROCK`."""

    key: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where Bedrock is, and as whom to ask."""

    base_url: str
    region: str
    credentials: Credentials | BearerKey

    @property
    def secret(self) -> str:
        if isinstance(self.credentials, BearerKey):
            return self.credentials.key
        return self.credentials.secret_access_key


class _Reader(Protocol):
    @property
    def ended(self) -> bool: ...

    def push(self, chunk: bytes) -> list[Piece]: ...

    def finish(self) -> list[Piece]: ...


@dataclass(frozen=True, slots=True)
class _Operation:
    """One way to ask for an answer."""

    whole: str
    """Last segment of the path."""
    streamed: str
    encode: Callable[[ModelCall], bytes]
    decode: Callable[[bytes, ModelCall], Completion]
    reader: Callable[[ModelCall], _Reader]


_CONVERSE: Final = _Operation(
    "converse",
    "converse-stream",
    bedrock_converse.encode_request,
    bedrock_answers.decode_completion,
    ConverseReader,
)
_INVOKE: Final = _Operation(
    "invoke",
    "invoke-with-response-stream",
    bedrock_invoke.encode_request,
    bedrock_invoke.decode_completion,
    bedrock_invoke.InvokeReader,
)


class Bedrock:
    """One region of one account. Keys and AWS's words about them never leave this class."""

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        connections: Connections,
        clock: Clock,
        *,
        connect_seconds: float = 5.0,
    ) -> None:
        self._name = name
        self._endpoint = endpoint
        self._connections = connections
        self._clock = clock
        self._connect_seconds = connect_seconds
        self._identity = (name, endpoint.secret)
        self._scope = Scope(endpoint.region, _SERVICE)
        _expect_sendable(endpoint)

    @property
    def name(self) -> str:
        return self._name

    async def complete(self, call: ModelCall) -> Completion:
        operation = _operation(call)
        body = operation.encode(call)
        url = self._url(call.model, operation.whole)
        response = await self._asked(url, body, call.deadline_seconds)
        with self._faults():
            return operation.decode(response.body, call)

    async def stream(self, call: ModelCall) -> AsyncGenerator[Piece, None]:
        operation = _operation(call)
        body = operation.encode(call)
        url = self._url(call.model, operation.streamed)
        response: ResponseStream | None = None
        try:
            with self._faults():
                response = await self._connections.stream(
                    _target(url),
                    body,
                    headers=self._authentication(url, body),
                    deadlines=self._deadlines(call.deadline_seconds),
                )
                async with aclosing(self._pieces(response, call)) as pieces:
                    async for piece in pieces:
                        yield piece
        finally:
            if response is not None:
                response.close()

    async def embed(self, call: EmbeddingCall) -> Embeddings:
        """Most models take one text at a time: a call may be many requests."""
        bodies = iter(enumerate(encode_requests(call)))
        url = self._url(call.model, "invoke")
        answers: dict[int, Embedded] = {}
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + call.deadline_seconds

        async def work() -> None:
            for place, body in bodies:
                seconds = max(0.001, ends_at - loop.time())
                response = await self._asked(url, body, seconds)
                with self._faults():
                    answers[place] = decode_answer(response.body, response.headers)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(_AT_ONCE, len(call.inputs))):
                    group.create_task(work())
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        with self._faults():
            return together([answers[place] for place in sorted(answers)], call)

    async def close(self) -> None:
        await self._connections.close()

    async def _asked(self, url: str, body: bytes, seconds: float) -> Response:
        with self._faults():
            response = await self._connections.request(
                _target(url),
                body,
                headers=self._authentication(url, body),
                deadlines=self._deadlines(seconds),
            )
        if response.status != _OK:
            raise self._failure(response.status, response.headers, response.body)
        return response

    async def _pieces(
        self, response: ResponseStream, call: ModelCall
    ) -> AsyncGenerator[Piece, None]:
        operation = _operation(call)
        if response.status != _OK:
            raise self._failure(response.status, response.headers, await response.read())
        if not response.headers.get("content-type", "").startswith(CONTENT_TYPE):
            for piece in pieces_of(operation.decode(await response.read(), call)):
                yield piece
            return
        answer = operation.reader(call)
        async for chunk in response:
            for piece in answer.push(chunk):
                yield piece
            if answer.ended:
                break
        for piece in answer.finish():
            yield piece
        await response.settle()

    def _url(self, model: str, operation: str) -> str:
        # Resolved as a segment of a path, it would lead elsewhere.
        if not model.strip("."):
            raise ProviderMisconfigured(f"Provider `{self._name}` does not know the model.")
        return f"{self._endpoint.base_url}/model/{quote(model, safe='')}/{operation}"

    def _authentication(self, url: str, body: bytes) -> bytes:
        """Lines for this request alone: a signature holds for a few minutes."""
        credentials = self._endpoint.credentials
        if isinstance(credentials, BearerKey):
            return f"authorization: Bearer {credentials.key}\r\n".encode("latin-1")
        signed = signing_headers(
            Unsigned("POST", url, _SIGNED, body), credentials, self._scope, self._clock.now_ms()
        )
        return "".join(f"{name}: {value}\r\n" for name, value in signed).encode("latin-1")

    def _failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderFailed:
        told = told_in_answer(headers, body)
        return failure_of_aws(told, status, headers, self._identity)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Everything that can go wrong at Bedrock, in the words of the role."""
        try:
            yield
        except EgressFailed as failure:
            raise failure_of_transport(failure, self._name) from None
        except ErrorTold as failure:
            raise failure_of_aws(failure.told, _UNTOLD, {}, self._identity) from None
        except CutOff:
            raise AnswerCutOff from None
        except BrokenStream as fault:
            raise Unreadable(f"`{self._name}`: {fault}") from None
        except NotAnAnswer:
            raise Unreadable(f"`{self._name}` sent something else than an answer.") from None
        except NotEmbeddings:
            raise Unreadable(f"`{self._name}` sent something else than embeddings.") from None

    def _deadlines(self, seconds: float) -> Deadlines:
        return Deadlines(
            connect=min(self._connect_seconds, seconds),
            first_byte=seconds,
            between_bytes=seconds,
            total=seconds,
        )


_UNTOLD: Final = 500
"""Status of an error within a stream whose name says nothing."""


def _operation(call: ModelCall) -> _Operation:
    """A client of Anthropic's format asks Claude in it: nothing is lost on the way."""
    claude = family_of(call.model) == "anthropic"
    return _INVOKE if claude and call.options.dialect == "messages" else _CONVERSE


def _expect_sendable(endpoint: Endpoint) -> None:
    """Raises `NotATarget` where the address or a key would break a request."""
    credentials = endpoint.credentials
    keys: tuple[str, ...]
    if isinstance(credentials, BearerKey):
        keys = (credentials.key,)
    else:
        keys = (credentials.access_key_id, credentials.session_token)
    target("POST", endpoint.base_url, tuple(("authorization", key) for key in keys))


def _target(url: str) -> Target:
    return target("POST", url, _HEADERS)
