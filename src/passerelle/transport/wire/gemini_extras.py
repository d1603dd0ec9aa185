"""What Gemini says beside text, thoughts and calls: searches, code that ran, where words come from.

It travels in `extra_content.google`, where Google's own servers of Chat Completions put
what only they know, and so comes back with the next turn of whoever hands messages back whole.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from passerelle.core.values.chat import JsonObject, JsonValue
from passerelle.domain.routing.providers import Inexpressible

_Json = dict[str, JsonValue]
EXTRAS: Final = "extra_content"
_MAKER: Final = "google"
_PARTS: Final = "parts"
_WRITTEN: Final = frozenset(
    {"executableCode", "codeExecutionResult", "toolCall", "toolResponse", "inlineData", "fileData"}
)
"""Kinds of parts that the model or its own tools write, and that we do not interpret."""
_SAID_ONLY: Final = frozenset({"avgLogprobs", "tokenCount"})
"""Fields of a candidate that follow from others."""
_OF_AN_END: Final = frozenset({"finishMessage", "safetyRatings"})
"""Fields that say something only where the end is not the usual one."""


def extras_of(told: JsonObject, parts: list[_Json], *, ended_early: bool) -> _Json:
    """Fields of a candidate that we do not interpret, and its parts likewise."""
    left_out = _SAID_ONLY if ended_early else _SAID_ONLY | _OF_AN_END
    kept: _Json = {key: value for key, value in told.items() if key not in left_out}
    if parts:
        kept[_PARTS] = list(parts)
    return {EXTRAS: {_MAKER: kept}} if kept else {}


def parts_in(extras: JsonObject) -> Iterator[_Json]:
    """Parts that an earlier answer gave out so. Raises `Inexpressible`.

    What else was told of that answer says nothing to the model.
    """
    outer = extras.get(EXTRAS)
    if outer is None:
        return
    told = outer.get(_MAKER) if isinstance(outer, Mapping) and len(outer) == 1 else None
    parts = told.get(_PARTS, []) if isinstance(told, Mapping) else None
    if not isinstance(parts, list):
        raise _unknown()
    for part in parts:
        # Text would come past the guards.
        if not isinstance(part, dict) or not part.keys() & _WRITTEN or "text" in part:
            raise _unknown()
        yield part


def _unknown() -> Inexpressible:
    param = f"messages[].{EXTRAS}"
    return Inexpressible("It holds something that Gemini did not write.", param=param)
