"""Any server that speaks Chat Completions: OpenAI, Azure, vLLM, Ollama and many more."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Literal

from passerelle.adapters.providers.upstream_faults import (
    AnswerCutOff,
    Unreadable,
    failure_of_status,
    failure_of_transport,
    failure_told,
)
from passerelle.core.values.chat import Completion, FinishReason, JsonValue, Piece, Usage
from passerelle.domain.routing.providers import ModelCall
from passerelle.transport.egress.connections import Connections, ResponseStream
from passerelle.transport.egress.exchange import Deadlines
from passerelle.transport.egress.failures import EgressFailed
from passerelle.transport.egress.targets import Target, target
from passerelle.transport.wire.errors import ErrorBody, decode_error
from passerelle.transport.wire.openai_answers import (
    Delta,
    NotACompletion,
    decode_completion,
    decode_delta,
)
from passerelle.transport.wire.openai_chat import encode_request
from passerelle.transport.wire.sse import Event, EventReader, EventTooLong

_BYTES_PER_TOKEN = 4
_MESSAGE_TOKENS = 4
"""What a chat template adds around one message."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What servers of this style disagree about."""

    path: str = "/chat/completions"
    """Appended to the base URL; may carry a query, such as Azure's api-version."""
    key_header: Literal["authorization", "api-key"] = "authorization"
    tokens_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    include_usage: bool = True
    """Asks for usage in streams; a few old servers refuse the question."""


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
        self._api_key = api_key or ""
        self._target = _endpoint(base_url, api_key, self._dialect)

    @property
    def name(self) -> str:
        return self._name

    async def complete(self, call: ModelCall) -> Completion:
        body = request_body(call, self._dialect, stream=False)
        try:
            response = await self._connections.request(
                self._target, body, deadlines=self._deadlines(call)
            )
        except EgressFailed as failure:
            raise failure_of_transport(failure, self._name) from None
        self._expect_success(response.status, response.headers, response.body)
        return completion_in(response.body, call, self._name)

    async def stream(self, call: ModelCall) -> AsyncGenerator[Piece, None]:
        body = request_body(call, self._dialect, stream=True)
        response: ResponseStream | None = None
        try:
            response = await self._connections.stream(
                self._target, body, deadlines=self._deadlines(call)
            )
            async with aclosing(self._pieces(response, call)) as pieces:
                async for piece in pieces:
                    yield piece
        except EgressFailed as failure:
            raise failure_of_transport(failure, self._name) from None
        finally:
            if response is not None:
                response.close()

    async def close(self) -> None:
        await self._connections.close()

    async def _pieces(
        self, response: ResponseStream, call: ModelCall
    ) -> AsyncGenerator[Piece, None]:
        whole = not response.headers.get("content-type", "").startswith("text/event-stream")
        if response.status != 200 or whole:  # noqa: PLR2004 - OK
            data = await response.read()
            self._expect_success(response.status, response.headers, data)
            completion = completion_in(data, call, self._name)
            yield Piece(completion.text)
            yield _last_piece(completion)
            return
        answer = StreamedAnswer(call, self._name, self._api_key)
        async for chunk in response:
            for piece in answer.push(chunk):
                yield piece
            if answer.ended:
                break
        yield answer.finish()
        await response.settle()

    def _expect_success(self, status: int, headers: dict[str, str], body: bytes) -> None:
        if status != 200:  # noqa: PLR2004 - OK
            raise failure_of_status(status, headers, decode_error(body), self._identity())

    def _identity(self) -> tuple[str, str]:
        return self._name, self._api_key

    def _deadlines(self, call: ModelCall) -> Deadlines:
        seconds = call.deadline_seconds
        return Deadlines(
            connect=min(self._connect_seconds, seconds),
            first_byte=seconds,
            between_bytes=seconds,
            total=seconds,
        )


def _endpoint(base_url: str, api_key: str | None, dialect: Dialect) -> Target:
    headers: list[tuple[str, str]] = [
        ("content-type", "application/json"),
        ("user-agent", "passerelle"),
    ]
    if api_key:
        scheme = "Bearer " if dialect.key_header == "authorization" else ""
        headers.append((dialect.key_header, scheme + api_key))
    return target("POST", base_url.rstrip("/") + dialect.path, tuple(headers))


def request_body(call: ModelCall, dialect: Dialect, *, stream: bool) -> bytes:
    limit = None if call.max_tokens is None else (dialect.tokens_field, call.max_tokens)
    return encode_request(
        call.model,
        call.messages,
        stream=stream,
        include_usage=dialect.include_usage,
        limit=limit,
        temperature=call.temperature,
        extras=call.extras,
    )


def completion_in(body: bytes, call: ModelCall, name: str) -> Completion:
    """Raises `Unreadable` when it is not a completion."""
    try:
        completion, told = decode_completion(body)
    except NotACompletion:
        raise Unreadable(f"`{name}` sent something else than a completion.") from None
    if told:
        return completion
    return replace(completion, usage=estimated_usage(call, completion.text))


def estimated_usage(call: ModelCall, text: str) -> Usage:
    """About four bytes to a token, which holds for English within a third or so."""
    asked = sum(
        _MESSAGE_TOKENS + len(message.text.encode()) // _BYTES_PER_TOKEN
        for message in call.messages
    )
    return Usage(
        input_tokens=max(1, asked),
        output_tokens=-(-len(text.encode()) // _BYTES_PER_TOKEN),
        estimated=True,
    )


class StreamedAnswer:
    """From bytes of a stream to pieces; pure, whatever way the bytes are cut."""

    def __init__(self, call: ModelCall, name: str, api_key: str) -> None:
        self._call = call
        self._identity = (name, api_key)
        self._reader = EventReader()
        self._texts: list[str] = []
        self._finish: FinishReason | None = None
        self._usage: Usage | None = None
        self._model = ""
        self._extras: dict[str, JsonValue] = {}
        self.ended = False

    def push(self, chunk: bytes) -> list[Piece]:
        try:
            events = self._reader.push(chunk)
        except EventTooLong:
            raise Unreadable("One event of the stream is too long.") from None
        return self._take(events)

    def finish(self) -> Piece:
        """The last piece. A stream without its end mark counts when it had a finish reason."""
        rest = [] if self.ended else self._take(self._reader.finish())
        if self._finish is None:
            raise AnswerCutOff
        text = "".join(piece.text for piece in rest)
        usage = self._usage or estimated_usage(self._call, "".join(self._texts))
        return Piece(text, self._finish, usage, self._model, self._extras)

    def _take(self, events: list[Event]) -> list[Piece]:
        pieces: list[Piece] = []
        for event in events:
            if event.data == b"[DONE]":
                self.ended = True
                break
            delta = self._delta(event)
            if delta.text:
                self._texts.append(delta.text)
                pieces.append(Piece(delta.text))
        return pieces

    def _delta(self, event: Event) -> Delta:
        try:
            delta = decode_delta(event.data)
        except NotACompletion:
            told = decode_error(event.data)
            if told != ErrorBody():
                raise failure_told(told, self._identity) from None
            raise Unreadable("The stream holds something else than completion chunks.") from None
        self._finish = delta.finish_reason or self._finish
        self._usage = delta.usage or self._usage
        self._model = delta.model or self._model
        merge(self._extras, delta.extras)
        return delta


def merge(whole: dict[str, JsonValue], delta: dict[str, JsonValue]) -> None:
    """Adds a delta to what came before: texts grow, lists grow by `index`, the rest is replaced."""
    for key, value in delta.items():
        before = whole.get(key)
        if isinstance(value, str) and isinstance(before, str) and key not in _FIXED:
            whole[key] = before + value
        elif isinstance(value, dict) and isinstance(before, dict):
            merge(before, value)
        elif isinstance(value, list):
            items: list[JsonValue] = before if isinstance(before, list) else []
            for item in value:
                _merge_item(items, item)
            whole[key] = items
        elif value is not None:
            whole[key] = value


_FIXED = frozenset({"id", "type", "name"})
"""Texts that come once; some servers repeat them in every chunk."""


def _merge_item(items: list[JsonValue], item: JsonValue) -> None:
    if isinstance(item, dict) and "index" in item:
        for known in items:
            if isinstance(known, dict) and known.get("index") == item["index"]:
                merge(known, item)
                return
    items.append(item)


def _last_piece(completion: Completion) -> Piece:
    return Piece(
        "", completion.finish_reason, completion.usage, completion.model, completion.extras
    )
