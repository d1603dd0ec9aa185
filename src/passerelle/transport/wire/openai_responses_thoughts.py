"""What a model thought, as an item of the Responses API that a client can hand back.

`encrypted_content` is the one field for what only the provider can read. OpenAI takes its
own back only under the item's id, so the two are kept as one. What other providers sign or
hide is wrapped in it, and unwrapped when it comes back.
"""

import base64
import binascii
from typing import Final

import msgspec

from passerelle.core.values.chat import JsonValue, Thought

_Json = dict[str, JsonValue]
_WRAPPED: Final = "passerelle1."
_ID: Final = "rs_"
_SEPARATOR: Final = "."
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[str, str]).decode


def thought_of(text: str, item_id: str, encrypted: str) -> Thought:
    """A reasoning item, from a client that hands it back or from its provider."""
    if encrypted.startswith(_WRAPPED):
        try:
            signature, hidden = _decode(base64.urlsafe_b64decode(encrypted.removeprefix(_WRAPPED)))
        except (binascii.Error, ValueError, msgspec.MsgspecError):
            return Thought(text, hidden=encrypted)  # damaged; its provider will say so
        return Thought(text, signature, hidden)
    if encrypted and item_id.startswith(_ID):
        return Thought(text, hidden=item_id + _SEPARATOR + encrypted)
    return Thought(text, hidden=encrypted)


def reasoning_item(thought: Thought, item_id: str) -> _Json:
    summary: list[JsonValue] = []
    if thought.text:
        summary.append({"type": "summary_text", "text": thought.text})
    item: _Json = {"type": "reasoning", "id": item_id, "summary": summary}
    if sealed := _sealed(thought, item_id):
        item["encrypted_content"] = sealed
    return item


def own_id(thought: Thought) -> str:
    """The item's id at its provider; empty where it came from no Responses API."""
    name, separator, _ = thought.hidden.partition(_SEPARATOR)
    return name if separator and name.startswith(_ID) else ""


def _sealed(thought: Thought, item_id: str) -> str:
    """What must come back with the item of that id; empty where nothing must."""
    if not thought.signature and not thought.hidden:
        return ""
    if item_id and own_id(thought) == item_id:
        return thought.hidden.partition(_SEPARATOR)[2]
    wrapped = _encode((thought.signature, thought.hidden))
    return _WRAPPED + base64.urlsafe_b64encode(wrapped).decode()
