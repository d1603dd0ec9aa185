"""A completion in pieces, and pieces as a completion."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from passerelle.core.values.chat import (
    CallDelta,
    Choice,
    Completion,
    FinishReason,
    JsonValue,
    Piece,
    Thought,
    ToolCall,
    Usage,
)


def pieces_of(completion: Completion, *, characters: int = 1_000_000) -> Iterator[Piece]:
    """The last piece carries usage; texts and arguments are cut to the length given."""
    last = len(completion.choices) - 1
    for index, choice in enumerate(completion.choices):
        yield from _content(index, choice, characters)
        ending = Piece(
            index=index,
            logprobs=choice.logprobs,
            choice_extras=choice.extras,
            finish_reason=choice.finish_reason,
        )
        if index == last:
            ending = replace(
                ending,
                usage=completion.usage,
                model=completion.model,
                extras=completion.extras,
            )
        yield ending


def _content(index: int, choice: Choice, characters: int) -> Iterator[Piece]:
    for thought in choice.thoughts:
        for text in _cut(thought.text, characters):
            yield Piece(index=index, thought=Thought(text))
        if thought.signature or thought.hidden:
            yield Piece(index=index, thought=replace(thought, text=""))
    for text in _cut(choice.text, characters):
        yield Piece(text, index)
    if choice.refusal:
        yield Piece(index=index, refusal=choice.refusal)
    for place, call in enumerate(choice.tool_calls):
        named = CallDelta(place, call.id, call.name, signature=call.signature)
        yield Piece(index=index, calls=(named,))
        for text in _cut(call.arguments, characters):
            yield Piece(index=index, calls=(CallDelta(place, arguments=text),))


def _cut(text: str, characters: int) -> Iterator[str]:
    return (text[start : start + characters] for start in range(0, len(text), characters))


@dataclass(slots=True)
class _Choice:
    text: str = ""
    refusal: str = ""
    calls: dict[int, ToolCall] = field(default_factory=dict)
    thoughts: list[Thought] = field(default_factory=list)
    thinking: bool = False
    logprobs: dict[str, JsonValue] = field(default_factory=dict)
    extras: dict[str, JsonValue] = field(default_factory=dict)
    finish: FinishReason = "stop"

    def add(self, piece: Piece) -> None:
        self.text += piece.text
        self.refusal += piece.refusal
        self.finish = piece.finish_reason or self.finish
        self.extras |= piece.choice_extras
        if piece.thought is not None:
            self._think(piece.thought)
        for delta in piece.calls:
            self._call(delta)
        if isinstance(piece.logprobs, Mapping):
            for key, value in piece.logprobs.items():
                before = self.logprobs.get(key)
                if isinstance(before, list) and isinstance(value, list):
                    self.logprobs[key] = [*before, *value]
                else:
                    self.logprobs[key] = value or before

    def _think(self, delta: Thought) -> None:
        if not self.thinking:
            self.thoughts.append(Thought())
        whole = self.thoughts[-1]
        self.thoughts[-1] = replace(delta, text=whole.text + delta.text)
        self.thinking = not (delta.signature or delta.hidden)

    def _call(self, delta: CallDelta) -> None:
        call = self.calls.get(delta.index, ToolCall("", "", ""))
        self.calls[delta.index] = ToolCall(
            delta.id or call.id,
            delta.name or call.name,
            call.arguments + delta.arguments,
            delta.signature or call.signature,
        )

    def whole(self) -> Choice:
        return Choice(
            self.text,
            self.finish,
            tuple(
                replace(call, arguments=call.arguments or "{}")
                for _, call in sorted(self.calls.items())
            ),
            tuple(self.thoughts),
            self.refusal,
            self.logprobs or None,
            self.extras,
        )


class Gathering:
    """Collects the pieces of one stream."""

    def __init__(self) -> None:
        self._choices: dict[int, _Choice] = {}

    def add(self, piece: Piece) -> Completion | None:
        """The completion, with the last piece."""
        self._choices.setdefault(piece.index, _Choice()).add(piece)
        if piece.usage is None:
            return None
        return self._completion(piece, piece.usage)

    def _completion(self, last: Piece, usage: Usage) -> Completion:
        choices = tuple(choice.whole() for _, choice in sorted(self._choices.items()))
        return Completion(choices, usage, last.model, last.extras)
