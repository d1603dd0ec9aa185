"""Answers of OpenAI's Responses API: the Response object and the items it is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from passerelle.core.values.chat import (
    Choice,
    Completion,
    FinishReason,
    JsonObject,
    JsonValue,
    Usage,
)
from passerelle.transport.wire.headings import Heading
from passerelle.transport.wire.openai_responses_items import call_item
from passerelle.transport.wire.openai_responses_thoughts import reasoning_item
from passerelle.transport.wire.provenance import Provenance

_Json = dict[str, JsonValue]
Status = Literal["completed", "incomplete", "in_progress", "failed", "cancelled"]
_encode = msgspec.json.Encoder().encode
_ID: Final = "resp_"
_WHY: Final[Mapping[FinishReason, str]] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
}
ITEMS_FIELD: Final = "output_items"
"""Among the extras of a choice: items of a provider's Responses API that we do not interpret."""
_BESIDE_WORDS: Final = frozenset({"annotations", ITEMS_FIELD})
CLIENT_LEFT: Final = 499
"""Status of an exchange whose client did not wait for the end."""
_RATE_LIMITED: Final = 429
_THEIR_FAULT: Final = range(400, 500)
_TIERS: Final = frozenset({"auto", "default", "flex", "scale", "priority", "fast", "ultrafast"})


def response_id(exchange_id: str) -> str:
    """The name of an exchange as a response."""
    return _ID + exchange_id.partition("_")[2]


def exchange_id(response_id: str) -> str:
    """The exchange of a response; empty where it is the name of none."""
    prefix, _, rest = response_id.partition("_")
    return f"exc_{rest}" if prefix + "_" == _ID and rest else ""


@dataclass(frozen=True, slots=True)
class Frame:
    """What a Response object says beside its answer."""

    heading: Heading
    echo: JsonObject

    @property
    def seed(self) -> str:
        """Makes the ids of the items."""
        return self.heading.id.partition("_")[2]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a response."""

    status: Status
    output: list[JsonValue] = field(default_factory=list)
    usage: Usage | None = None
    incomplete: str = ""
    """Why it is incomplete."""
    error: _Json | None = None
    extras: JsonObject = field(default_factory=dict)


def response_object(frame: Frame, outcome: Outcome) -> _Json:
    heading = frame.heading
    details: _Json | None = {"reason": outcome.incomplete} if outcome.incomplete else None
    return {
        "id": heading.id,
        "object": "response",
        "created_at": heading.created,
        "status": outcome.status,
        "error": outcome.error,
        "incomplete_details": details,
        "model": heading.model,
        "output": outcome.output,
        **({} if outcome.usage is None else {"usage": _usage(outcome.usage)}),
        **frame.echo,
        **outcome.extras,
    }


def encode_response(frame: Frame, completion: Completion, provenance: Provenance | None) -> bytes:
    """A response that came to its end."""
    output = output_items(completion.choices[0], frame.seed)
    answer = response_object(frame, ended(completion, output))
    return _encode(answer if provenance is None else {**answer, "passerelle": provenance})


def ended(completion: Completion, output: list[JsonValue]) -> Outcome:
    why = _WHY.get(completion.finish_reason, "")
    return Outcome(
        status="incomplete" if why else "completed",
        output=output,
        usage=completion.usage,
        incomplete=why,
        extras={
            key: value
            for key, value in completion.extras.items()
            if key != "service_tier" or value in _TIERS
        },
    )


def output_items(choice: Choice, seed: str) -> list[JsonValue]:
    """What was thought, then said, then called. `seed` and an item's place make its id."""
    status = item_status(choice.finish_reason)
    items: list[JsonValue] = []
    for thought in choice.thoughts:
        items.append(reasoning_item(thought, f"rs_{seed}_{len(items)}"))
    items += uninterpreted_items(choice.extras)
    content: list[JsonValue] = []
    if choice.text:
        content.append(text_part(choice.text, choice.extras, choice.logprobs))
    if choice.refusal:
        content.append({"type": "refusal", "refusal": choice.refusal})
    if content or not (items or choice.tool_calls):
        items.append(message_item(content, f"msg_{seed}_{len(items)}", status, choice.extras))
    for call in choice.tool_calls:
        items.append({**call_item(call), "id": f"fc_{seed}_{len(items)}", "status": status})
    return items


def uninterpreted_items(extras: JsonObject) -> list[JsonValue]:
    given = extras.get(ITEMS_FIELD)
    return list(given) if isinstance(given, list) else []


def item_status(reason: FinishReason) -> str:
    return "incomplete" if reason in _WHY else "completed"


def message_item(content: list[JsonValue], item_id: str, status: str, extras: JsonObject) -> _Json:
    return {
        "type": "message",
        "id": item_id,
        "role": "assistant",
        "status": status,
        "content": content,
        **{key: value for key, value in extras.items() if key not in _BESIDE_WORDS},
    }


def text_part(text: str, extras: JsonObject, logprobs: JsonValue) -> _Json:
    return {
        "type": "output_text",
        "text": text,
        "annotations": annotations_of(extras),
        "logprobs": logprobs_of(logprobs),
    }


def annotations_of(extras: JsonObject) -> list[JsonValue]:
    """Annotations of a message of Chat Completions; there, what they say stands one level below."""
    given = extras.get("annotations")
    found: list[JsonValue] = []
    for each in given if isinstance(given, list) else ():
        if isinstance(each, dict):
            kind = each.get("type")
            inner = each.get(kind) if isinstance(kind, str) else None
            found.append({"type": kind, **inner} if isinstance(inner, dict) else each)
    return found


def logprobs_of(logprobs: JsonValue) -> list[JsonValue]:
    """Log-probabilities as Chat Completions writes them, as the Responses API does."""
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    return [
        {
            **_token(each),
            "top_logprobs": [_token(top) for top in _objects(each.get("top_logprobs"))],
        }
        for each in _objects(tokens)
    ]


def _token(given: _Json) -> _Json:
    token, spelt = given.get("token"), given.get("bytes")
    if spelt is None:
        spelt = list(token.encode()) if isinstance(token, str) else []
    return {"token": token, "logprob": given.get("logprob"), "bytes": spelt}


def _objects(given: JsonValue) -> list[_Json]:
    return [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []


def _usage(usage: Usage) -> _Json:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_input_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def encode_unfinished(frame: Frame, choice: Choice, usage: Usage, *, status: int) -> bytes:
    """A response that came to no end: its client left, or it ended with that HTTP status."""
    output = output_items(choice, frame.seed) if choice != Choice() else []
    if status == CLIENT_LEFT:
        return _encode(response_object(frame, Outcome("cancelled", output, usage)))
    why: _Json = {"code": failure_code(status), "message": "It ended with an error."}
    return _encode(response_object(frame, Outcome("failed", output, usage, error=why)))


def failure_code(status: int) -> str:
    """The nearest of the codes that the description knows."""
    if status == _RATE_LIMITED:
        return "rate_limit_exceeded"
    return "invalid_prompt" if status in _THEIR_FAULT else "server_error"


def encode_deleted(response_id: str) -> bytes:
    return _encode({"id": response_id, "object": "response", "deleted": True})


def encode_input_tokens(tokens: int, *, estimated: bool) -> bytes:
    counted_by = "estimate" if estimated else "provider"
    return _encode(
        {
            "object": "response.input_tokens",
            "input_tokens": tokens,
            "passerelle": {"counted_by": counted_by},
        }
    )


def encode_item_list(items: Sequence[_Json], *, more: bool) -> bytes:
    names = [name if isinstance(name := item.get("id"), str) else "" for item in items]
    return _encode(
        {
            "object": "list",
            "data": items,
            "first_id": names[0] if names else "",
            "last_id": names[-1] if names else "",
            "has_more": more,
        }
    )
