"""What generateContent answers, as Gemini and Vertex AI give it."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
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
from passerelle.transport.wire.errors import ErrorBody
from passerelle.transport.wire.gemini_errors import error_in
from passerelle.transport.wire.gemini_extras import extras_of
from passerelle.transport.wire.openai_completions import UNTOLD, ErrorTold

_Json = dict[str, JsonValue]
_Count = Annotated[int, msgspec.Meta(ge=0)]


class NotAnAnswer(Exception):
    """An upstream's bytes are not what generateContent answers."""


class _Call(msgspec.Struct):
    name: str
    id: str = ""
    args: dict[str, object] = msgspec.field(default_factory=dict)


class _Part(msgspec.Struct, rename="camel"):
    text: str | None = None
    thought: bool = False
    thought_signature: str = ""
    function_call: _Call | None = None


class _Content(msgspec.Struct):
    parts: list[_Part] = msgspec.field(default_factory=list)


class _Token(msgspec.Struct, rename="camel"):
    token: str = ""
    log_probability: float = 0.0


class _Tokens(msgspec.Struct):
    candidates: list[_Token] = msgspec.field(default_factory=list)


class _Logprobs(msgspec.Struct, rename="camel"):
    chosen_candidates: list[_Token] = msgspec.field(default_factory=list)
    top_candidates: list[_Tokens] = msgspec.field(default_factory=list)


class RawCandidate(msgspec.Struct, rename="camel"):
    content: _Content = msgspec.field(default_factory=_Content)
    finish_reason: str = ""
    index: _Count = 0
    logprobs_result: _Logprobs | None = None


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str = ""
    block_reason_message: str = ""


class RawUsage(msgspec.Struct, rename="camel"):
    """Thoughts are not among the candidates' tokens, nor tools' results in the prompt's."""

    prompt_token_count: _Count = 0
    cached_content_token_count: _Count = 0
    candidates_token_count: _Count = 0
    thoughts_token_count: _Count = 0
    tool_use_prompt_token_count: _Count = 0
    service_tier: str = ""
    traffic_type: str = ""


class RawAnswer(msgspec.Struct, rename="camel"):
    candidates: list[RawCandidate] = msgspec.field(default_factory=list)
    prompt_feedback: _Feedback = msgspec.field(default_factory=_Feedback)
    usage_metadata: RawUsage | None = None
    model_version: str = ""
    response_id: str = ""


_INTERPRETED: Final = frozenset({"content", "finishReason", "index", "logprobsResult"})
_PART: Final = frozenset({"text", "thought", "thoughtSignature", "functionCall"})
_USUAL: Final[Mapping[str, FinishReason]] = {
    "": "stop",
    "FINISH_REASON_UNSPECIFIED": "stop",
    "STOP": "stop",
    "MAX_TOKENS": "length",
}
_FILTERED: Final = frozenset(
    {
        "BLOCKLIST",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "IMAGE_SAFETY",
        "LANGUAGE",
        "MODEL_ARMOR",
        "PROHIBITED_CONTENT",
        "RECITATION",
        "SAFETY",
        "SPII",
    }
)
"""All other reasons, such as a malformed call, are told beside our `stop`."""
_NATIVE: Final = "native_finish_reason"
_TIERS: Final = {
    "standard": "default",
    "flex": "flex",
    "priority": "priority",
    "ON_DEMAND": "default",
    "ON_DEMAND_FLEX": "flex",
    "ON_DEMAND_PRIORITY": "priority",
}
_ID_LENGTH: Final = 24
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


@dataclass(slots=True)
class Told:
    """What a candidate, or a piece of one, holds."""

    text: str = ""
    thoughts: list[Thought] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    own: list[_Json] = field(default_factory=list)
    """Parts that we do not interpret."""

    def think(self, text: str, signature: str) -> None:
        """A signature ends the thought."""
        if not text and not signature:
            return
        if self.thoughts and not self.thoughts[-1].signature:
            text = self.thoughts.pop().text + text
        self.thoughts.append(Thought(text, signature))


def decode_completion(body: bytes) -> Completion:
    """A whole answer; its usage is `UNTOLD` where the server did not tell it.

    Raises `NotAnAnswer` and `ErrorTold`.
    """
    raw, answer = read(body)
    written = candidates_in(raw)
    numbered = sorted(enumerate(answer.candidates), key=lambda each: each[1].index)
    choices = tuple(
        _choice(candidate, written[place], answer.response_id) for place, candidate in numbered
    )
    if not choices:
        choices = (blocked(answer),)
    usage = answer.usage_metadata
    return Completion(
        choices,
        UNTOLD if usage is None else usage_of(usage),
        answer.model_version,
        {} if usage is None else tier_of(usage),
    )


def read(data: bytes) -> tuple[_Json, RawAnswer]:
    """Raises `NotAnAnswer` and `ErrorTold`."""
    try:
        raw = _decode(data)
        if (told := error_in(raw)) != ErrorBody():
            raise ErrorTold(told)
        return raw, msgspec.convert(raw, RawAnswer)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as fault:
        raise NotAnAnswer from fault


def candidates_in(raw: _Json) -> list[_Json]:
    return cast("list[_Json]", raw.get("candidates", []))


def blocked(answer: RawAnswer) -> Choice:
    """The answer to a prompt that may not be answered. Raises `NotAnAnswer` for any other."""
    feedback = answer.prompt_feedback
    if not feedback.block_reason:
        raise NotAnAnswer
    return Choice(
        finish_reason="content_filter",
        refusal=feedback.block_reason_message,
        extras={_NATIVE: feedback.block_reason},
    )


def usage_of(told: RawUsage) -> Usage:
    given = told.prompt_token_count + told.tool_use_prompt_token_count
    return Usage(
        input_tokens=given,
        output_tokens=told.candidates_token_count + told.thoughts_token_count,
        cached_input_tokens=min(told.cached_content_token_count, given),
        reasoning_tokens=told.thoughts_token_count,
    )


def tier_of(told: RawUsage) -> _Json:
    """As Chat Completions names it; nothing for tiers that it does not know."""
    tier = _TIERS.get(told.service_tier or told.traffic_type)
    return {"service_tier": tier} if tier else {}


def told_in(candidate: RawCandidate, raw: _Json, response_id: str, *, calls: int = 0) -> Told:
    """`calls` is how many came before."""
    told = Told()
    content = raw.get("content")
    written = cast("list[_Json]", content.get("parts", []) if isinstance(content, dict) else [])
    for part, raw_part in zip(candidate.content.parts, written, strict=True):
        signature = part.thought_signature
        if part.function_call is not None:
            place = calls + len(told.calls)
            made_up = _call_id(response_id, candidate.index, place)
            told.calls.append(_tool_call(part.function_call, signature, made_up))
        elif not raw_part.keys() <= _PART:
            told.own.append(raw_part)
        elif part.thought:
            told.think(part.text or "", signature)
        else:
            told.text += part.text or ""
            told.think("", signature)
    return told


def finish_of(reason: str, *, calls: bool) -> FinishReason:
    finish = _USUAL.get(reason, "content_filter" if reason in _FILTERED else "stop")
    return "tool_calls" if calls and finish == "stop" else finish


def further_in(raw: _Json) -> _Json:
    """Fields of a candidate that we do not interpret, where they hold anything."""
    return {key: value for key, value in raw.items() if key not in _INTERPRETED and value}


def choice_extras(further: _Json, own: list[_Json], reason: str) -> _Json:
    """Of a candidate that ended for this reason."""
    unusual = reason not in _USUAL
    extras = extras_of(further, own, ended_early=unusual)
    return extras | ({_NATIVE: reason} if unusual else {})


def logprobs_of(candidate: RawCandidate) -> JsonValue:
    """As Chat Completions writes them."""
    result = candidate.logprobs_result
    if result is None or not result.chosen_candidates:
        return None
    others: Sequence[_Tokens] = result.top_candidates
    return {
        "content": [
            {
                **_token(token),
                "top_logprobs": [
                    _token(each)
                    for tokens in others[place : place + 1]
                    for each in tokens.candidates
                ],
            }
            for place, token in enumerate(result.chosen_candidates)
        ],
        "refusal": None,
    }


def _token(token: _Token) -> _Json:
    spelt: list[JsonValue] = [*token.token.encode()]
    return {"token": token.token, "logprob": token.log_probability, "bytes": spelt}


def _choice(candidate: RawCandidate, raw: _Json, response_id: str) -> Choice:
    told = told_in(candidate, raw, response_id)
    reason = candidate.finish_reason
    return Choice(
        told.text,
        finish_of(reason, calls=bool(told.calls)),
        tuple(told.calls),
        tuple(told.thoughts),
        logprobs=logprobs_of(candidate),
        extras=choice_extras(further_in(raw), told.own, reason),
    )


def _tool_call(call: _Call, signature: str, made_up: str) -> ToolCall:
    return ToolCall(call.id or made_up, call.name, _encode(call.args).decode(), signature)


def _call_id(response_id: str, choice: int, place: int) -> str:
    """Older models give their calls no ids. The same bytes give the same id, others another."""
    if not response_id:
        response_id = secrets.token_hex()
    told = f"{response_id}/{choice}/{place}"
    return f"call_{sha256(told.encode()).hexdigest()[:_ID_LENGTH]}"
