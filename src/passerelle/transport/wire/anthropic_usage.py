"""Usage and the end of an answer of Anthropic Messages, both directions.

Anthropic counts input apart from what it read from its cache or wrote into it; our totals
hold all three.
"""

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from passerelle.core.values.chat import Choice, Completion, FinishReason, JsonValue, Usage

_Json = dict[str, JsonValue]
_Count = Annotated[int, msgspec.Meta(ge=0)]
USAGE_DETAILS: Final = "usage_details"
"""In a completion's `extras`: what Anthropic tells of the usage beyond our classes."""
_FINISH: Final[Mapping[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_STOP: Final[Mapping[FinishReason, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
_ENDING: Final = ("stop_sequence", "stop_details", "container")


class _Thought(msgspec.Struct):
    thinking_tokens: _Count = 0


class _Usage(msgspec.Struct):
    input_tokens: _Count = 0
    output_tokens: _Count = 0
    cache_read_input_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None
    output_tokens_details: _Thought | None = None


_COUNTED: Final = frozenset(_Usage.__struct_fields__)


def usage_of(raw: JsonValue) -> Usage | None:
    """None when the upstream gave none, or nothing that can be believed."""
    if not isinstance(raw, dict) or not raw.keys() & {"input_tokens", "output_tokens"}:
        return None
    try:
        told = msgspec.convert(raw, _Usage)
    except msgspec.ValidationError:
        return None
    read, written = told.cache_read_input_tokens or 0, told.cache_creation_input_tokens or 0
    thought = told.output_tokens_details.thinking_tokens if told.output_tokens_details else 0
    return Usage(
        input_tokens=told.input_tokens + read + written,
        output_tokens=told.output_tokens,
        cached_input_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=min(thought, told.output_tokens),
    )


def details_of(raw: JsonValue) -> _Json:
    if not isinstance(raw, dict):
        return {}
    return {key: value for key, value in raw.items() if key not in _COUNTED and value is not None}


def usage_object(completion: Completion) -> _Json:
    usage = completion.usage
    given = completion.extras.get(USAGE_DETAILS)
    fields: _Json = dict(given) if isinstance(given, Mapping) else {}
    apart = usage.cached_input_tokens + usage.cache_write_tokens
    fields["input_tokens"] = max(0, usage.input_tokens - apart)
    fields["cache_creation_input_tokens"] = usage.cache_write_tokens
    fields["cache_read_input_tokens"] = usage.cached_input_tokens
    fields["output_tokens"] = usage.output_tokens
    if usage.reasoning_tokens:
        fields["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return fields


def finish_of(stop_reason: str | None) -> FinishReason:
    return _FINISH.get(stop_reason or "", "stop")


def extras_of(raw: Mapping[str, JsonValue], usage: JsonValue) -> _Json:
    """What the end of an answer says beyond our words, for the completion's `extras`."""
    reason = raw.get("stop_reason")
    extras = {key: raw[key] for key in _ENDING if raw.get(key) is not None}
    if isinstance(reason, str) and _STOP[finish_of(reason)] != reason:
        extras["stop_reason"] = reason
    if details := details_of(usage):
        extras[USAGE_DETAILS] = details
    return extras


def ending_of(completion: Completion) -> _Json:
    """The fields that `extras_of` reads."""
    choice, extras = completion.choices[0], completion.extras
    told = extras.get("stop_reason")
    fits = isinstance(told, str) and _FINISH.get(told) == choice.finish_reason
    ending: _Json = {"stop_reason": told if fits else _stop_reason(choice), "stop_sequence": None}
    return ending | {key: extras[key] for key in _ENDING if key in extras}


def _stop_reason(choice: Choice) -> str:
    return "refusal" if choice.refusal else _STOP[choice.finish_reason]
