"""What a model thought, as servers of Chat Completions carry it: OpenAI itself has no field.

`reasoning_content` (or `reasoning`) holds the text. A signature, or a thought that only its
provider can read, stands in `reasoning_details` beside it, marked as written by us, so that
it comes back with the next turn; details that others wrote are none of ours to interpret.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from passerelle.core.values.chat import JsonValue, Thought

TEXT_FIELD: Final = "reasoning_content"
DETAILS_FIELD: Final = "reasoning_details"
_Json = dict[str, JsonValue]
_FORMAT: Final = "passerelle-v1"


def thoughts_in(text: str, details: JsonValue) -> tuple[tuple[Thought, ...], list[JsonValue]]:
    """The thoughts, and the details that are not ours."""
    given = details if isinstance(details, list) else []
    ours = [each for each in given if isinstance(each, dict) and each.get("format") == _FORMAT]
    others = [each for each in given if each not in ours]
    if ours:
        return tuple(map(_thought, ours)), others
    return ((Thought(text),) if text else ()), others


def _thought(detail: Mapping[str, JsonValue]) -> Thought:
    told = (detail.get(key) for key in ("text", "signature", "data"))
    return Thought(*(each if isinstance(each, str) else "" for each in told))


def thought_fields(thoughts: Iterable[Thought]) -> _Json:
    """Fields of a message."""
    told = tuple(thoughts)
    fields: _Json = {}
    if text := "".join(thought.text for thought in told):
        fields[TEXT_FIELD] = text
    if any(thought.signature or thought.hidden for thought in told):
        fields[DETAILS_FIELD] = [detail_of(thought) for thought in told]
    return fields


def detail_of(thought: Thought) -> _Json:
    if thought.hidden:
        return {"type": "reasoning.encrypted", "data": thought.hidden, "format": _FORMAT}
    return {
        "type": "reasoning.text",
        "text": thought.text,
        "signature": thought.signature,
        "format": _FORMAT,
    }
