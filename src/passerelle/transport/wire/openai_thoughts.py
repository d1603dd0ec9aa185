"""What a model thought, as servers of Chat Completions carry it: OpenAI itself has no field.

`reasoning_content` (or `reasoning`) holds the text. A signature, or a thought that only its
provider can read, stands in `reasoning_details` beside it, marked as written by us, so that
it comes back with the next turn; details that others wrote are none of ours to interpret.
"""

from collections.abc import Iterable
from typing import Final

from passerelle.core.values.chat import JsonValue, Thought

TEXT_FIELD: Final = "reasoning_content"
DETAILS_FIELD: Final = "reasoning_details"
_Json = dict[str, JsonValue]
_FORMAT: Final = "passerelle-v1"


def thoughts_in(text: str, details: JsonValue) -> tuple[Thought, ...]:
    """From the text alone, where the details are none of ours."""
    ours, _ = parted_details(details)
    return ours or ((Thought(text),) if text else ())


def parted_details(details: JsonValue) -> tuple[tuple[Thought, ...], list[JsonValue]]:
    """The thoughts in those that we wrote, and those of others."""
    if not isinstance(details, list):
        return (), []
    ours: list[Thought] = []
    others: list[JsonValue] = []
    for detail in details:
        if isinstance(detail, dict) and detail.get("format") == _FORMAT:
            told = (detail.get(key) for key in ("text", "signature", "data"))
            ours.append(Thought(*(each if isinstance(each, str) else "" for each in told)))
        else:
            others.append(detail)
    return tuple(ours), others


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
