"""Content blocks of Anthropic Messages in their order, beside what we interpret of them.

Thoughts, text and tool calls have places of their own in our values, in this order. Where
an answer or a turn has another order, or blocks that only Anthropic and its client understand
(searches, code that ran, citations), a list of its blocks stands in `extras`: those that we
interpret without their content, the others as they came. So a later turn can hand back
all of it unchanged, and no text stands in two places, of which guards would read only one.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from passerelle.core.values.chat import JsonObject, JsonValue

_Json = dict[str, JsonValue]
LAYOUT: Final = "content_blocks"
"""Name of the list in `extras`."""
TEXT: Final = "text"
IMAGE: Final = "image"
DOCUMENT: Final = "document"
THINKING: Final = "thinking"
HIDDEN: Final = "redacted_thinking"
CALL: Final = "tool_use"
RESULT: Final = "tool_result"
CHARACTERS: Final = "characters"
"""Length of a text in an answer, whose texts are kept as one."""
_INDEX: Final = "index"
_RANKS: Final = {THINKING: 0, HIDDEN: 0, TEXT: 1, IMAGE: 1, DOCUMENT: 1, CALL: 2}
_DIRECT: Final = {"type": "direct"}


class Layout:
    """Grows with the blocks; says nothing where they are all ours and in the usual order."""

    def __init__(self) -> None:
        self._entries: list[_Json] = []
        self._rank = 0
        self._usual = True

    def add(self, kind: str, others: JsonObject, *, characters: int | None = None) -> None:
        """A block that we interpret, and its fields that we do not."""
        rank = _RANKS[kind]
        entry: _Json = {_INDEX: len(self._entries), "type": kind, **others}
        if characters is not None:
            entry[CHARACTERS] = characters
        self._entries.append(entry)
        self._usual = self._usual and rank >= self._rank and not others
        self._rank = rank

    def keep(self, block: JsonObject) -> None:
        """A block that we do not interpret."""
        self._entries.append({_INDEX: len(self._entries), **block})
        self._usual = False

    def extras(self) -> _Json:
        return {} if self._usual else {LAYOUT: list(self._entries)}


def entries_in(extras: JsonObject) -> list[_Json]:
    """The blocks listed there; none where the usual order holds."""
    listed = extras.get(LAYOUT)
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def others_of(raw: Mapping[str, JsonValue], *known: str) -> _Json:
    """Fields that we do not interpret; null, empty lists and a direct caller say nothing."""
    return {
        key: value
        for key, value in raw.items()
        if key not in known and value is not None and value not in ([], _DIRECT)
    }


def fields_of(entry: JsonObject) -> _Json:
    """A listed block without what is ours in it."""
    return {key: entry[key] for key in entry if key not in (_INDEX, CHARACTERS)}


class Supply:
    """Blocks of what we interpret, by kind, each taken once and in order."""

    def __init__(self, thoughts: list[_Json], parts: list[_Json], calls: list[_Json]) -> None:
        self._queues = (iter(thoughts), iter(parts), iter(calls))

    def laid_out(self, entries: list[_Json]) -> Iterator[_Json]:
        """As the list says; what it does not know of comes at the end."""
        for entry in entries:
            rank = _RANKS.get(str(entry.get("type")))
            if rank is None:
                yield fields_of(entry)
            elif block := next(self._queues[rank], None):
                yield {**fields_of(entry), **block}
        for queue in self._queues:
            yield from queue
