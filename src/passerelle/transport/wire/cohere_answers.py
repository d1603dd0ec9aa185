"""What Cohere's chat answers, version 2 of its interface."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, cast

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
from passerelle.transport.wire.errors import ErrorBody, decode_error
from passerelle.transport.wire.openai_completions import UNTOLD, ErrorTold

_Json = dict[str, JsonValue]
_Count = Annotated[float, msgspec.Meta(ge=0)]
"""Whole numbers, which Cohere may write as `4.0`."""


class NotAnAnswer(Exception):
    """An upstream's bytes are not what Cohere's chat answers."""


class Part(msgspec.Struct):
    text: str = ""
    thinking: str = ""


class _Function(msgspec.Struct):
    name: str = ""
    arguments: str = ""


class RawCall(msgspec.Struct):
    id: str = ""
    function: _Function = msgspec.field(default_factory=_Function)


class _Message(msgspec.Struct):
    content: list[Part] | None = None
    tool_calls: list[RawCall] | None = None
    tool_plan: str | None = None
    citations: list[dict[str, object]] | None = None


class _Tokens(msgspec.Struct):
    input_tokens: _Count | None = None
    output_tokens: _Count | None = None


class RawUsage(msgspec.Struct):
    billed_units: _Tokens | None = None
    tokens: _Tokens | None = None
    cached_tokens: _Count | None = None


class RawLogprobs(msgspec.Struct):
    """Of one stretch of text; Cohere does not say where one of its tokens ends."""

    text: str | None = None
    logprobs: list[float] | None = None


class _Answer(msgspec.Struct):
    message: _Message
    finish_reason: str
    usage: RawUsage | None = None
    logprobs: list[RawLogprobs] | None = None


_FINISH: Final[Mapping[str, FinishReason]] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_LIMIT": "length",
    "ERROR_TOXIC": "content_filter",
}
_FAILED: Final = {"ERROR": 500, "TIMEOUT": 504}
"""Ends that are none, and the status that fits."""
_decode = msgspec.json.Decoder(_Answer).decode


def decode_completion(body: bytes) -> Completion:
    """A whole answer; its usage is `UNTOLD` where the server did not tell it.

    Cohere does not repeat the model. Raises `NotAnAnswer` and `ErrorTold`.
    """
    try:
        answer = _decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as fault:
        told = decode_error(body)
        raise ErrorTold(told) if told != ErrorBody() else NotAnAnswer from fault
    message = answer.message
    parts = message.content or ()
    thought = (message.tool_plan or "") + "".join(part.thinking for part in parts)
    choice = Choice(
        "".join(part.text for part in parts),
        finish_of(answer.finish_reason),
        tuple(map(_call, message.tool_calls or ())),
        (Thought(thought),) if thought else (),
        logprobs=logprobs_of(answer.logprobs or ()),
        extras=citations_of(message.citations or ()),
    )
    return Completion((choice,), usage_of(answer.usage) or UNTOLD, "")


def finish_of(reason: str, message: str = "") -> FinishReason:
    """Raises `ErrorTold` where the answer has come to an error."""
    if reason in _FAILED:
        raise ErrorTold(ErrorBody(message, code=_FAILED[reason]))
    return _FINISH.get(reason, "stop")


def usage_of(told: RawUsage | None) -> Usage | None:
    """What is billed, which leaves out what Cohere adds to a prompt; None where it is not told."""
    if told is None:
        return None
    billed, counted = told.billed_units or _Tokens(), told.tokens or _Tokens()
    units = counted if billed == _Tokens() else billed
    if units == _Tokens():
        return None
    given, cached = round(units.input_tokens or 0), round(told.cached_tokens or 0)
    return Usage(given, round(units.output_tokens or 0), min(cached, given))


def citations_of(told: Sequence[dict[str, object]]) -> _Json:
    return {"citations": cast("list[JsonValue]", [*told])} if told else {}


def logprobs_of(told: Sequence[RawLogprobs]) -> JsonValue:
    """As Chat Completions writes them; of several tokens in one stretch the sum."""
    if not told:
        return None
    return {"content": [_stretch(each) for each in told], "refusal": None}


def _stretch(told: RawLogprobs) -> _Json:
    spelt: list[JsonValue] = [*(told.text or "").encode()]
    return {
        "token": told.text or "",
        "logprob": sum(told.logprobs or ()),
        "bytes": spelt,
        "top_logprobs": [],
    }


def _call(call: RawCall) -> ToolCall:
    return ToolCall(call.id, call.function.name, call.function.arguments or "{}")
