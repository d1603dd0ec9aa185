"""What servers of Chat Completions answer."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, cast

import msgspec

from passerelle.core.values.chat import (
    Choice,
    Completion,
    FinishReason,
    JsonObject,
    JsonValue,
    ToolCall,
    Usage,
)
from passerelle.transport.wire.errors import ErrorBody, decode_error
from passerelle.transport.wire.openai_thoughts import (
    DETAILS_FIELD,
    parted_details,
    thoughts_in,
)

_Json = dict[str, JsonValue]
_Count = Annotated[int, msgspec.Meta(ge=0)]
UNTOLD: Final = Usage(estimated=True)
"""The server did not say what was used."""


class NotACompletion(Exception):
    """An upstream's bytes are not what Chat Completions answers."""


class ErrorTold(Exception):
    """An upstream's answer is an error, though its status was good."""

    def __init__(self, told: ErrorBody) -> None:
        super().__init__()
        self.told = told


class _Part(msgspec.Struct):
    type: str = ""
    text: str = ""
    thinking: str | list["_Part"] = ""


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | dict[str, object] | None = None
    """Some servers write the object itself."""


class _Google(msgspec.Struct):
    thought_signature: str | None = None


class _CallExtras(msgspec.Struct):
    google: _Google | None = None


class RawCall(msgspec.Struct):
    function: _Function
    id: str | int | None = None
    index: int | None = None
    extra_content: _CallExtras | None = None

    @property
    def name(self) -> str:
        return self.function.name or ""

    @property
    def identity(self) -> str:
        return "" if self.id is None else str(self.id)

    @property
    def arguments(self) -> str:
        given = self.function.arguments
        return given if isinstance(given, str) else "" if given is None else _text_of(given)

    @property
    def signature(self) -> str:
        google = self.extra_content.google if self.extra_content is not None else None
        return (google.thought_signature if google is not None else None) or ""


class RawMessage(msgspec.Struct):
    content: str | list[_Part] | None = None
    tool_calls: list[RawCall] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content or () if part.type == "text")

    @property
    def thought(self) -> str:
        if self.reasoning_content or self.reasoning:
            return self.reasoning_content or self.reasoning or ""
        if isinstance(self.content, str):
            return ""
        return "".join(_thinking(part) for part in self.content or ())


class RawChoice(msgspec.Struct):
    message: RawMessage | None = None
    delta: RawMessage | None = None
    finish_reason: str | None = None
    index: _Count | None = None


class _Answer(msgspec.Struct):
    choices: list[RawChoice]
    model: str | None = None


_MESSAGE: Final = frozenset({*RawMessage.__struct_fields__, "role", DETAILS_FIELD})
CHOICE: Final = frozenset({*RawChoice.__struct_fields__, "logprobs"})
ANSWER: Final = frozenset({"id", "object", "created", "model", "choices", "usage", "obfuscation"})
_FINISH: Final[Mapping[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
_FAILED: Final = "error"
_json = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def decode_completion(body: bytes) -> Completion:
    """A whole answer; its usage is `UNTOLD` where the server did not tell it.

    Raises `NotACompletion` and `ErrorTold`.
    """
    raw = read(body)
    answer = converted(raw)
    written = cast("list[_Json]", raw["choices"])
    numbered = sorted(
        enumerate(answer.choices),
        key=lambda each: each[0] if each[1].index is None else each[1].index,
    )
    if not numbered:
        raise NotACompletion
    return Completion(
        choices=tuple(_choice(choice, written[place]) for place, choice in numbered),
        usage=usage_in(raw) or UNTOLD,
        model=answer.model or "",
        extras=further_in(raw),
    )


def read(data: bytes) -> _Json:
    """Raises `NotACompletion`, and `ErrorTold` for an object that holds an error only."""
    try:
        raw = _decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as fault:
        raise NotACompletion from fault
    if not isinstance(raw, dict):
        raise NotACompletion
    if not isinstance(raw.get("choices"), list) or (raw.get("error") and not raw["choices"]):
        told = decode_error(data)
        raise ErrorTold(told) if told != ErrorBody() else NotACompletion
    return raw


def converted(raw: _Json) -> _Answer:
    """Raises `NotACompletion`, and `ErrorTold` where a choice has come to an error."""
    try:
        answer = msgspec.convert(raw, _Answer)
    except msgspec.ValidationError as fault:
        raise NotACompletion from fault
    for place, choice in enumerate(answer.choices):
        if choice.finish_reason == _FAILED:
            written = cast("list[_Json]", raw["choices"])[place]
            raise ErrorTold(decode_error(_json({"error": written.get("error")})))
    return answer


def finish_reason(told: str, *, calls: bool) -> FinishReason:
    """What servers say that know other reasons, or none, follows from the answer."""
    return _FINISH.get(told, "tool_calls" if calls else "stop")


def further_in(raw: _Json) -> _Json:
    """Fields of the answer that we do not interpret."""
    if raw.keys() <= ANSWER:
        return {}
    return {key: raw[key] for key in raw if key not in ANSWER and says_something(raw[key])}


def uninterpreted(choice: _Json) -> _Json:
    """Fields of a choice, and of its message, that we do not interpret."""
    message = choice.get("delta") or choice.get("message")
    within = message if isinstance(message, dict) else {}
    if choice.keys() <= CHOICE and within.keys() <= _MESSAGE and DETAILS_FIELD not in within:
        return {}
    others = {key: value for key, value in choice.items() if key not in CHOICE}
    others |= {key: value for key, value in within.items() if key not in _MESSAGE}
    others[DETAILS_FIELD] = parted_details(within.get(DETAILS_FIELD))[1]
    return {key: value for key, value in others.items() if says_something(value)}


def says_something(value: JsonValue) -> bool:
    """Some servers write every field they know, with nothing in it."""
    if isinstance(value, dict):
        return any(says_something(inner) and inner != 0 for inner in value.values())
    return value not in (None, "", [])


def logprobs_in(choice: _Json) -> JsonValue:
    told = choice.get("logprobs")
    return told if says_something(told) else None


def _choice(choice: RawChoice, raw: _Json) -> Choice:
    message = choice.message
    if message is None:
        raise NotACompletion
    calls = tool_calls_of(message.tool_calls or ())
    details = cast("_Json", raw["message"]).get(DETAILS_FIELD)
    return Choice(
        text=message.text,
        finish_reason=finish_reason(choice.finish_reason or "", calls=bool(calls)),
        tool_calls=calls,
        thoughts=thoughts_in(message.thought, details),
        refusal=message.refusal or "",
        logprobs=logprobs_in(raw),
        extras=uninterpreted(raw),
    )


def tool_calls_of(calls: Sequence[RawCall]) -> tuple[ToolCall, ...]:
    return tuple(
        ToolCall(
            call.identity or made_up_id(place), call.name, call.arguments or "{}", call.signature
        )
        for place, call in enumerate(calls)
    )


def made_up_id(place: int) -> str:
    """A server that gives its calls no ids asks for none with their results."""
    return f"call_{place}"


def _thinking(part: _Part) -> str:
    if isinstance(part.thinking, str):
        return part.thinking
    return "".join(inner.text for inner in part.thinking)


def _text_of(value: object) -> str:
    return _json(value).decode()


class _InputDetails(msgspec.Struct):
    cached_tokens: _Count | None = None
    cache_write_tokens: _Count | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: _Count | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: _Count
    completion_tokens: _Count | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None
    prompt_cache_hit_tokens: _Count | None = None
    """DeepSeek's name of the cached tokens."""
    cached_tokens: _Count | None = None
    """Moonshot's."""
    num_cached_tokens: _Count | None = None
    """Mistral's."""

    @property
    def cached(self) -> int:
        details = self.prompt_tokens_details or _InputDetails()
        told = (
            details.cached_tokens
            or self.prompt_cache_hit_tokens
            or self.cached_tokens
            or self.num_cached_tokens
        )
        return min(told or 0, self.prompt_tokens)


def usage_in(raw: JsonObject) -> Usage | None:
    """None when the server told none, or nothing that can be believed."""
    told = raw.get("usage")
    if told is None:
        groq = raw.get("x_groq")  # in its last chunk, even where nobody asked
        told = groq.get("usage") if isinstance(groq, Mapping) else None
        if told is None:
            return None
    try:
        usage = msgspec.convert(told, _Usage)
    except msgspec.ValidationError:
        return None
    given, made = usage.prompt_tokens, usage.completion_tokens or 0
    details = usage.prompt_tokens_details or _InputDetails()
    thought = usage.completion_tokens_details or _OutputDetails()
    return Usage(
        input_tokens=given,
        output_tokens=made,
        cached_input_tokens=usage.cached,
        cache_write_tokens=min(details.cache_write_tokens or 0, given),
        reasoning_tokens=min(thought.reasoning_tokens or 0, made),
    )
