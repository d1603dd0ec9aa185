"""Answers of a provider that is itself asked by the Responses API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, TypeVar, cast

import msgspec

from passerelle.core.values.chat import (
    Choice,
    Completion,
    FinishReason,
    JsonValue,
    Thought,
    ToolCall,
    Usage,
)
from passerelle.transport.wire.errors import ErrorBody
from passerelle.transport.wire.openai_completions import UNTOLD, ErrorTold, NotACompletion
from passerelle.transport.wire.openai_responses_answers import ITEMS_FIELD
from passerelle.transport.wire.openai_responses_thoughts import thought_of

_Json = dict[str, JsonValue]
T = TypeVar("T")
_Count = Annotated[int, msgspec.Meta(ge=0)]
PARAGRAPH: Final = "\n\n"
"""Between texts that stood in items of their own."""
_WHY: Final[Mapping[str, FinishReason]] = {
    "max_output_tokens": "length",
    "content_filter": "content_filter",
}
_FAILED: Final = frozenset({"failed", "cancelled"})
_decode = msgspec.json.Decoder(dict[str, object]).decode


class _InputDetails(msgspec.Struct):
    cached_tokens: _Count | None = None
    cache_write_tokens: _Count | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: _Count | None = None


class _Usage(msgspec.Struct):
    input_tokens: _Count
    output_tokens: _Count = 0
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


class _Part(msgspec.Struct):
    type: str = ""
    text: str = ""
    refusal: str = ""
    annotations: list[object] | None = None
    logprobs: list[object] | None = None


class _Message(msgspec.Struct):
    content: list[_Part] = []


class _Call(msgspec.Struct):
    call_id: str
    name: str
    arguments: str


class _Reasoning(msgspec.Struct):
    id: str = ""
    summary: list[_Part] = []
    content: list[_Part] | None = None
    encrypted_content: str | None = None


class _Incomplete(msgspec.Struct):
    reason: str = ""


class _Error(msgspec.Struct):
    message: str | None = None
    code: str | int | None = None
    type: str | None = None
    param: str | None = None


class _Response(msgspec.Struct):
    output: list[dict[str, object]] = []
    model: str = ""
    status: str = "completed"
    incomplete_details: _Incomplete | None = None
    error: _Error | None = None
    usage: object = None


@dataclass(slots=True)
class _Answer:
    """What the items come to."""

    texts: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    thoughts: list[Thought] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    logprobs: list[JsonValue] = field(default_factory=list)
    extras: _Json = field(default_factory=dict)


def decode_response(body: bytes) -> Completion:
    """A whole answer; its usage is `UNTOLD` where the server did not tell it.

    Raises `NotACompletion` and `ErrorTold`.
    """
    raw = read_object(body)
    response = read_response(raw)
    answer = _Answer()
    for item in cast("list[_Json]", raw.get("output") or []):
        _add(answer, item)
    choice = Choice(
        text=PARAGRAPH.join(answer.texts),
        finish_reason=finish_of(response, calls=bool(answer.calls)),
        tool_calls=tuple(answer.calls),
        thoughts=tuple(answer.thoughts),
        refusal=PARAGRAPH.join(answer.refusals),
        logprobs={"content": answer.logprobs, "refusal": None} if answer.logprobs else None,
        extras=answer.extras,
    )
    usage = usage_of(response) or UNTOLD
    return Completion((choice,), usage, response.model, extras_of(raw))


def read_object(data: bytes) -> _Json:
    try:
        return cast("_Json", _decode(data))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as fault:
        raise NotACompletion from fault


def read_response(raw: JsonValue) -> _Response:
    """Raises `ErrorTold` where it says that it failed."""
    response = _read(raw, _Response)
    if response.status in _FAILED or (response.error is not None and not response.output):
        raise ErrorTold(told_of(response.error))
    return response


def read_error(raw: JsonValue) -> ErrorTold:
    """Of an `error` event: its fields stand beside its type, or below `error`."""
    nested = raw.get("error") if isinstance(raw, dict) else None
    return ErrorTold(told_of(_read(nested if isinstance(nested, dict) else raw, _Error)))


def told_of(error: _Error | None) -> ErrorBody:
    if error is None:
        return ErrorBody()
    return ErrorBody(error.message or "", error.type or "", error.param, error.code)


def finish_of(response: _Response, *, calls: bool) -> FinishReason:
    details = response.incomplete_details
    if details is not None and (why := _WHY.get(details.reason)) is not None:
        return why
    return "tool_calls" if calls else "stop"


def usage_of(response: _Response) -> Usage | None:
    """None when the upstream gave none, or nothing that can be believed."""
    try:
        usage = msgspec.convert(response.usage, _Usage)
    except msgspec.ValidationError:
        return None
    read, wrote = usage.input_tokens_details, usage.output_tokens_details
    cached = (read.cached_tokens if read is not None else None) or 0
    written = (read.cache_write_tokens if read is not None else None) or 0
    thought = (wrote.reasoning_tokens if wrote is not None else None) or 0
    return Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_input_tokens=min(cached, usage.input_tokens),
        cache_write_tokens=min(written, usage.input_tokens),
        reasoning_tokens=min(thought, usage.output_tokens),
    )


def extras_of(raw: _Json) -> _Json:
    """Of the response as a whole."""
    tier = raw.get("service_tier")
    return {"service_tier": tier} if tier is not None else {}


def _add(answer: _Answer, item: _Json) -> None:
    kind = item.get("type")
    if kind == "message":
        _add_message(answer, item)
    elif kind == "reasoning":
        answer.thoughts.append(thought_in(item))
    elif (call := call_in(item)) is not None:
        answer.calls.append(call)
    else:
        answer.extras |= carried(item, answer.extras)


def _add_message(answer: _Answer, item: _Json) -> None:
    message = _read(item, _Message)
    if text := "".join(part.text for part in message.content):
        answer.texts.append(text)
    if refusal := "".join(part.refusal for part in message.content):
        answer.refusals.append(refusal)
    for part in message.content:
        answer.logprobs += cast("list[JsonValue]", part.logprobs or [])
    for key, value in message_extras(item).items():
        before = answer.extras.get(key)
        if isinstance(before, list) and isinstance(value, list):
            answer.extras[key] = [*before, *value]
        else:
            answer.extras[key] = value


def message_extras(item: _Json) -> _Json:
    """What a message says beside its words, in the naming of Chat Completions where it has one."""
    parts = _read(item, _Message).content
    cited = [_nested(each) for part in parts for each in part.annotations or ()]
    extras: _Json = {"annotations": cited} if cited else {}
    return extras | {"phase": item["phase"]} if item.get("phase") else extras


def _nested(annotation: object) -> JsonValue:
    """There, what an annotation says stands below the name of its kind."""
    if not isinstance(annotation, dict) or "type" not in annotation:
        return cast("JsonValue", annotation)
    rest = {key: value for key, value in annotation.items() if key != "type"}
    return {"type": annotation["type"], str(annotation["type"]): rest}


def thought_in(item: _Json) -> Thought:
    told = _read(item, _Reasoning)
    texts = dict.fromkeys(part.text for part in (*told.summary, *(told.content or ())))
    return thought_of(PARAGRAPH.join(texts), told.id, told.encrypted_content or "")


_CALL: Final = frozenset({"type", "id", "status", "call_id", "name", "arguments"})


def call_in(item: _Json) -> ToolCall | None:
    """None for what is no call of a function, or says more than one can say here."""
    if item.get("type") != "function_call" or any(
        item[key] is not None for key in item.keys() - _CALL
    ):
        return None
    call = _read(item, _Call)
    return ToolCall(call.call_id, call.name, call.arguments)


def carried(item: _Json, extras: _Json) -> _Json:
    """An item that we do not interpret, such as a search by the provider, beside those before."""
    before = extras.get(ITEMS_FIELD)
    return {ITEMS_FIELD: [*(before if isinstance(before, list) else ()), item]}


def _read(raw: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as fault:
        raise NotACompletion from fault
