"""What Bedrock's Converse answers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Final, cast

import msgspec

from passerelle.core.values.chat import (
    Choice,
    Completion,
    FinishReason,
    JsonObject,
    JsonValue,
    Thought,
    ToolCall,
    Usage,
)
from passerelle.domain.routing.providers import ModelCall
from passerelle.transport.wire.anthropic_layout import CALL, HIDDEN, TEXT, THINKING, Layout
from passerelle.transport.wire.estimates import answered_bytes, estimated_usage

_Json = dict[str, JsonValue]
_Count = Annotated[int, msgspec.Meta(ge=0)]
_UNTOLD: Final = Usage(estimated=True)
CITATIONS: Final = "citations"
OTHERS: Final = "bedrock_content"
"""In a choice's extras: blocks that no client's format has, such as what AWS's own tools did."""
SERVER_TOOL: Final = "server_tool_use"
"""Type of a call that AWS has carried out itself."""
_REASONS: Final[Mapping[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
_FURTHER: Final = ("additionalModelResponseFields", "performanceConfig", "trace")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class NotAnAnswer(Exception):
    """An upstream's bytes are not what Converse answers."""


class _ToolUse(msgspec.Struct):
    toolUseId: str  # noqa: N815 - as on the wire
    name: str
    input: object = None
    type: str | None = None


class _Reasoned(msgspec.Struct):
    text: str = ""
    signature: str | None = None


class _Reasoning(msgspec.Struct):
    reasoningText: _Reasoned | None = None  # noqa: N815 - as on the wire
    redactedContent: str | None = None  # noqa: N815 - as on the wire


class _Said(msgspec.Struct):
    text: str = ""


class _Cited(msgspec.Struct):
    content: list[_Said] = []
    citations: list[dict[str, object]] = []


class _Block(msgspec.Struct):
    """Exactly one of these, or something that we do not interpret."""

    text: str | None = None
    toolUse: _ToolUse | None = None  # noqa: N815 - as on the wire
    reasoningContent: _Reasoning | None = None  # noqa: N815 - as on the wire
    citationsContent: _Cited | None = None  # noqa: N815 - as on the wire


class _Message(msgspec.Struct):
    content: list[_Block]


class _Output(msgspec.Struct):
    message: _Message


class TokenUsage(msgspec.Struct):
    inputTokens: _Count  # noqa: N815 - as on the wire
    outputTokens: _Count  # noqa: N815 - as on the wire
    cacheReadInputTokens: _Count | None = None  # noqa: N815 - as on the wire
    cacheWriteInputTokens: _Count | None = None  # noqa: N815 - as on the wire


class _Answer(msgspec.Struct):
    output: _Output
    stopReason: str  # noqa: N815 - as on the wire
    usage: TokenUsage | None = None


def decode_completion(body: bytes, call: ModelCall) -> Completion:
    """A whole answer. Raises `NotAnAnswer`."""
    try:
        raw = _decode(body)
        answer = msgspec.convert(raw, _Answer)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as fault:
        raise NotAnAnswer from fault
    written = cast("list[_Json]", raw["output"]["message"]["content"])
    completion = Completion(
        choices=(_choice(answer, written),),
        usage=usage_of(answer.usage) if answer.usage is not None else _UNTOLD,
        model=chosen_model(raw) or call.model,
        extras=further_in(raw),
    )
    if not completion.usage.estimated:
        return completion
    return replace(completion, usage=estimated_usage(call, answered_bytes(completion)))


def usage_of(told: TokenUsage) -> Usage:
    """Bedrock counts what its cache gave or took beside the input, not within it.

    Source: "Prompt caching", Amazon Bedrock User Guide: with caching, `inputTokens` is only
    what was not cached. `totalTokens` adds up accordingly.
    """
    read, written = told.cacheReadInputTokens or 0, told.cacheWriteInputTokens or 0
    return Usage(
        input_tokens=told.inputTokens + read + written,
        output_tokens=told.outputTokens,
        cached_input_tokens=read,
        cache_write_tokens=written,
    )


def finish_of(told: str, *, calls: bool) -> tuple[FinishReason, _Json]:
    """Why the answer ended, and extras that say it where our words cannot.

    Some models end their turn with a call in it. A malformed answer has ended too.
    """
    reason = _REASONS.get(told)
    if reason is None:
        return "stop", {"stop_reason": told}
    return ("tool_calls" if reason == "stop" and calls else reason), {}


def further_in(raw: JsonObject) -> _Json:
    """Fields of the answer that we do not interpret, and the tier in OpenAI's naming."""
    further = {key: raw[key] for key in _FURTHER if raw.get(key)}
    tier = raw.get("serviceTier")
    if isinstance(tier, dict) and tier.get("type"):
        further["service_tier"] = tier["type"]
    return further


def chosen_model(raw: JsonObject) -> str:
    """By a prompt router; empty where none was asked."""
    trace = raw.get("trace")
    router = trace.get("promptRouter") if isinstance(trace, dict) else None
    model = router.get("invokedModelId") if isinstance(router, dict) else None
    return model if isinstance(model, str) else ""


def _choice(answer: _Answer, written: list[_Json]) -> Choice:
    texts: list[str] = []
    thoughts: list[Thought] = []
    calls: list[ToolCall] = []
    cited: list[JsonValue] = []
    others: list[JsonValue] = []
    layout = Layout()
    for block, raw in zip(answer.output.message.content, written, strict=True):
        use = block.toolUse
        if block.text is not None or block.citationsContent is not None:
            text = block.text or "".join(each.text for each in _said(block))
            texts.append(text)
            cited += cast("list[JsonValue]", _citations(block))
            if text:
                layout.add(TEXT, {}, characters=len(text))
        elif use is not None and use.type != SERVER_TOOL:
            calls.append(ToolCall(use.toolUseId, use.name, arguments_text(use.input)))
            layout.add(CALL, {})
        elif block.reasoningContent is not None:
            for thought in _thoughts(block.reasoningContent):
                thoughts.append(thought)
                layout.add(HIDDEN if thought.hidden else THINKING, {})
        else:
            others.append(raw)
    reason, extras = finish_of(answer.stopReason, calls=bool(calls))
    return Choice(
        text="".join(texts),
        finish_reason=reason,
        tool_calls=tuple(calls),
        thoughts=tuple(thoughts),
        extras=extras | layout.extras() | beside_text(cited, others),
    )


def beside_text(cited: list[JsonValue], others: list[JsonValue]) -> _Json:
    """Extras of a choice."""
    return {name: found for name, found in ((CITATIONS, cited), (OTHERS, others)) if found}


def arguments_text(given: object) -> str:
    return _encode(given or {}).decode()


def _said(block: _Block) -> list[_Said]:
    return block.citationsContent.content if block.citationsContent is not None else []


def _citations(block: _Block) -> list[dict[str, object]]:
    return block.citationsContent.citations if block.citationsContent is not None else []


def _thoughts(reasoning: _Reasoning) -> list[Thought]:
    told = reasoning.reasoningText
    thoughts = [Thought(told.text, told.signature or "")] if told is not None else []
    if reasoning.redactedContent:
        thoughts.append(Thought(hidden=reasoning.redactedContent))
    return thoughts
