"""Responses and stream chunks of Chat Completions, both directions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, cast

import msgspec

from passerelle.core.values.chat import Completion, FinishReason, JsonValue, Usage
from passerelle.transport.wire.provenance import Provenance
from passerelle.transport.wire.sse import DONE

_Json = dict[str, JsonValue]
_Count = Annotated[int, msgspec.Meta(ge=0)]


class NotACompletion(Exception):
    """An upstream's bytes are not what Chat Completions answers."""


class _InputDetails(msgspec.Struct):
    cached_tokens: _Count | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: _Count | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: _Count
    completion_tokens: _Count = 0
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


class _Part(msgspec.Struct):
    type: str = ""
    text: str = ""


class _Message(msgspec.Struct):
    content: str | list[_Part] | None = None


class _Choice(msgspec.Struct):
    message: _Message | None = None
    delta: _Message | None = None
    finish_reason: str | None = None
    index: int = 0


class _Answer(msgspec.Struct):
    choices: list[_Choice]
    model: str | None = None


_FINISH: Final[Mapping[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
_SPOKEN_FOR: Final = frozenset({"role", "content"})
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Delta:
    """What one chunk of an upstream adds. `extras` are fields of the delta we do not interpret."""

    text: str
    finish_reason: FinishReason | None
    usage: Usage | None
    model: str
    extras: _Json


def decode_completion(body: bytes) -> tuple[Completion, bool]:
    """A whole answer, and whether the upstream told its usage. Raises `NotACompletion`."""
    raw, answer = _read(body)
    choice = _first_choice(answer)
    if choice is None or choice.message is None:
        raise NotACompletion
    usage = _usage(raw.get("usage"))
    completion = Completion(
        text=_text(choice.message),
        finish_reason=_FINISH.get(choice.finish_reason or "", "stop"),
        usage=usage or Usage(),
        model=answer.model or "",
        extras=_uninterpreted(_raw_choice(raw, answer.choices.index(choice)), "message"),
    )
    return completion, usage is not None


def decode_delta(data: bytes) -> Delta:
    """One chunk of a stream. Raises `NotACompletion`."""
    raw, answer = _read(data)
    usage = _usage(raw.get("usage"))
    choice = _first_choice(answer)
    if choice is None:
        return Delta("", None, usage, answer.model or "", {})
    reason = None if choice.finish_reason is None else _FINISH.get(choice.finish_reason, "stop")
    return Delta(
        text="" if choice.delta is None else _text(choice.delta),
        finish_reason=reason,
        usage=usage,
        model=answer.model or "",
        extras=_uninterpreted(_raw_choice(raw, answer.choices.index(choice)), "delta"),
    )


def _read(data: bytes) -> tuple[_Json, _Answer]:
    try:
        raw = _decode(data)
        return cast("_Json", raw), msgspec.convert(raw, _Answer)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as fault:
        raise NotACompletion from fault


def _first_choice(answer: _Answer) -> _Choice | None:
    """The choice numbered 0; chunks that carry only usage have none."""
    return next((choice for choice in answer.choices if choice.index == 0), None)


def _raw_choice(raw: _Json, place: int) -> _Json:
    return cast("list[_Json]", raw["choices"])[place]


def _uninterpreted(choice: _Json, key: str) -> _Json:
    message = choice.get(key)
    extras: _Json = {}
    if isinstance(message, dict) and message.keys() - _SPOKEN_FOR:
        extras = {
            name: value
            for name, value in message.items()
            if name not in _SPOKEN_FOR and value is not None
        }
    if choice.get("logprobs") is not None:
        extras["logprobs"] = choice["logprobs"]
    return extras


def _text(message: _Message) -> str:
    if isinstance(message.content, str):
        return message.content
    return "".join(part.text for part in message.content or () if part.type == "text")


def _usage(raw: JsonValue) -> Usage | None:
    """None when the upstream gave none, or nothing that can be believed."""
    if raw is None:
        return None
    try:
        usage = msgspec.convert(raw, _Usage)
    except msgspec.ValidationError:
        return None
    cached = usage.prompt_tokens_details and usage.prompt_tokens_details.cached_tokens
    thought = usage.completion_tokens_details and usage.completion_tokens_details.reasoning_tokens
    return Usage(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        cached_input_tokens=min(cached or 0, usage.prompt_tokens),
        reasoning_tokens=min(thought or 0, usage.completion_tokens),
    )


class _UsageObject(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: dict[str, int]
    completion_tokens_details: dict[str, int]


class _ChoiceObject(msgspec.Struct):
    index: int
    message: _Json
    logprobs: JsonValue
    finish_reason: str


class _CompletionObject(msgspec.Struct, omit_defaults=True):
    id: str
    object: str
    created: int
    model: str
    choices: list[_ChoiceObject]
    usage: _UsageObject
    passerelle: Provenance | None = None


def _usage_object(usage: Usage) -> _UsageObject:
    return _UsageObject(
        usage.input_tokens,
        usage.output_tokens,
        usage.input_tokens + usage.output_tokens,
        {"cached_tokens": usage.cached_input_tokens},
        {"reasoning_tokens": usage.reasoning_tokens},
    )


@dataclass(frozen=True, slots=True)
class Heading:
    """What every object of one answer repeats."""

    id: str
    created: int
    """Unix seconds."""
    model: str
    """The name that the client asked for."""


def encode_completion(
    heading: Heading, completion: Completion, provenance: Provenance | None
) -> bytes:
    message: _Json = {"role": "assistant", "content": completion.text, "refusal": None}
    logprobs: JsonValue = None
    if completion.extras:
        message |= completion.extras
        logprobs = message.pop("logprobs", None)
        if not completion.text and "tool_calls" in message:
            message["content"] = None
    return _encode(
        _CompletionObject(
            heading.id,
            "chat.completion",
            heading.created,
            heading.model,
            [_ChoiceObject(0, message, logprobs, completion.finish_reason)],
            _usage_object(completion.usage),
            provenance,
        )
    )


class ChunkWriter:
    """Writes the chunks of one stream as server-sent events.

    The constant head and tail of a chunk are encoded once.
    """

    def __init__(self, heading: Heading, *, include_usage: bool) -> None:
        head = _encode(
            {
                "id": heading.id,
                "object": "chat.completion.chunk",
                "created": heading.created,
                "model": heading.model,
            }
        )
        self._head = b"data: " + head[:-1] + b',"choices":['
        # With usage asked for, every other chunk says that it has none.
        self._tail = b'],"usage":null' if include_usage else b"]"
        self._text_head = self._head + b'{"index":0,"delta":{"content":'
        self._text_tail = b'},"logprobs":null,"finish_reason":null}' + self._tail + b"}\n\n"
        self._include_usage = include_usage

    def opening(self) -> bytes:
        delta = b'{"role":"assistant","content":"","refusal":null'
        return self._head + b'{"index":0,"delta":' + delta + self._text_tail

    def text(self, text: str) -> bytes:
        return self._text_head + _encode(text) + self._text_tail

    def closing(self, completion: Completion, provenance: Provenance | None) -> bytes:
        """Finish reason and provenance, usage when asked for, and the end mark.

        The text has left before; of `completion` the rest is used.
        """
        delta: _Json = dict(completion.extras)
        logprobs = delta.pop("logprobs", None)
        calls = delta.get("tool_calls")
        if isinstance(calls, list):
            delta["tool_calls"] = [
                {"index": index, **call} if isinstance(call, dict) else call
                for index, call in enumerate(calls)
            ]
        choice = _encode(
            {
                "index": 0,
                "delta": delta,
                "logprobs": logprobs,
                "finish_reason": completion.finish_reason,
            }
        )
        parts = [self._head, choice, self._tail]
        if provenance is not None:
            parts += [b',"passerelle":', _encode(provenance)]
        parts.append(b"}\n\n")
        if self._include_usage:
            usage = _encode(_usage_object(completion.usage))
            parts += [self._head, b'],"usage":', usage, b"}\n\n"]
        parts.append(DONE)
        return b"".join(parts)
