"""What a model thought, as an item of the Responses API that a client can hand back.

`encrypted_content` is the one field for what only the provider can read. OpenAI knows its
own by the item's id, so the id is the thought's signature. What other providers sign or hide is
wrapped in it and unwrapped when it comes back.
"""

import base64
import binascii
from typing import Final

import msgspec

from passerelle.core.values.chat import JsonValue, Thought

_Json = dict[str, JsonValue]
_WRAPPED: Final = "passerelle1."
_ID: Final = "rs_"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[str, str]).decode


def thought_of(text: str, item_id: str, encrypted: str) -> Thought:
    """A reasoning item that a client hands back."""
    if not encrypted.startswith(_WRAPPED):
        return Thought(text, item_id if encrypted else "", encrypted)
    try:
        signature, hidden = _decode(base64.urlsafe_b64decode(encrypted.removeprefix(_WRAPPED)))
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        return Thought(text, item_id, encrypted)  # damaged; its provider will say so
    return Thought(text, signature, hidden)


def reasoning_item(thought: Thought, item_id: str) -> _Json:
    summary: list[JsonValue] = []
    if thought.text:
        summary.append({"type": "summary_text", "text": thought.text})
    item: _Json = {"type": "reasoning", "id": item_id, "summary": summary}
    if sealed := encrypted_content(thought, item_id):
        item["encrypted_content"] = sealed
    return item


def encrypted_content(thought: Thought, item_id: str) -> str:
    """What must come back with the item of that id; empty where nothing must."""
    if not thought.signature and not thought.hidden:
        return ""
    if thought.hidden and thought.signature == item_id:
        return thought.hidden
    sealed = _encode((thought.signature, thought.hidden))
    return _WRAPPED + base64.urlsafe_b64encode(sealed).decode()


def own_id(thought: Thought) -> str:
    """The item's id at its provider; empty where it came from no Responses API."""
    return thought.signature if thought.hidden and thought.signature.startswith(_ID) else ""
