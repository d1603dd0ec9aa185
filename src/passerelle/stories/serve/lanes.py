"""A streamed answer behind its guards: what is said, thought, refused, and asked of each tool.

One lane is open at a time. When the model turns to another, what the guards still
held back of the first has been judged and leaves before it, so that the order stays.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from passerelle.core.values.chat import (
    CallDelta,
    Choice,
    FinishReason,
    JsonValue,
    Piece,
    Thought,
    ToolCall,
)
from passerelle.core.values.verdicts import Outcome, Verdict
from passerelle.domain.guardrails.guards import GuardPolicy, Surface
from passerelle.domain.guardrails.windows import Windows
from passerelle.stories.serve.surfaces import ScreenedChoice, stopped

Lane: TypeAlias = tuple[str, int]
"""What kind of text, and which call or thought."""
_TEXT: Final[Lane] = ("text", 0)
_REFUSAL: Final[Lane] = ("refusal", 0)


@dataclass(slots=True)
class _Passed:
    """What has left of one choice."""

    texts: dict[Lane, list[str]] = field(default_factory=dict)
    calls: dict[int, ToolCall] = field(default_factory=dict)
    thoughts: list[Thought] = field(default_factory=list)
    """Their texts stand in `texts`."""
    logprobs: list[JsonValue] = field(default_factory=list)
    extras: dict[str, JsonValue] = field(default_factory=dict)

    def text(self, lane: Lane) -> str:
        return "".join(self.texts.get(lane, ()))


class StreamedChoice:
    """One choice of a stream: takes the provider's pieces, gives those that may leave."""

    def __init__(
        self, index: int, guards: Sequence[GuardPolicy], *, unscanned_blocks: bool
    ) -> None:
        self._index = index
        self._guards = guards
        self._unscanned_blocks = unscanned_blocks
        self._unguarded = not any(Surface.OUTPUT in policy.surfaces for policy in guards)
        self._lane = _TEXT
        self._windows = self._open()
        self._verdicts: list[Verdict] = []
        self._passed = _Passed()
        self._thinking = False
        self._reason: FinishReason = "stop"

    def push(self, piece: Piece) -> list[Piece]:
        """What may leave now, in order."""
        out: list[Piece] = []
        if piece.thought is not None:
            self._think(piece.thought, out)
        if piece.text:
            self._say(_TEXT, piece.text, out)
        if piece.refusal:
            self._say(_REFUSAL, piece.refusal, out)
        for delta in piece.calls:
            self._call(delta, out)
        if piece.logprobs is not None or piece.choice_extras:
            self._carry(piece, out)
        self._reason = piece.finish_reason or self._reason
        return out

    def finish(self) -> list[Piece]:
        """What was held back, once no more comes."""
        out: list[Piece] = []
        self._leave(self._windows.finish(), out)
        if self._passed.logprobs and not self._unguarded and not self._hides():
            out.append(Piece(index=self._index, logprobs=_joined(self._passed.logprobs)))
        return out

    @property
    def blocked(self) -> bool:
        return self._windows.blocked

    def screened(self) -> ScreenedChoice:
        """All that has passed, as a choice."""
        passed, verdicts = self._passed, (*self._verdicts, *self._windows.verdicts)
        text = passed.text(_TEXT)
        if self.blocked:
            return ScreenedChoice(stopped(Choice(text), text), verdicts, blocked=True)
        choice = Choice(
            text,
            self._reason,
            tool_calls=tuple(
                replace(call, arguments=passed.text(("call", index)) or "{}")
                for index, call in sorted(passed.calls.items())
            ),
            thoughts=tuple(
                replace(thought, text=passed.text(("thought", number)))
                for number, thought in enumerate(passed.thoughts)
            ),
            refusal=passed.text(_REFUSAL),
            logprobs=None if self._hides() else _joined(passed.logprobs),
            extras=passed.extras,
        )
        return ScreenedChoice(choice, verdicts)

    def _open(self) -> Windows:
        return Windows(self._guards, unscanned_blocks=self._unscanned_blocks)

    def _say(self, lane: Lane, text: str, out: list[Piece]) -> None:
        self._turn(lane, out)
        self._leave(self._windows.push(text), out)

    def _turn(self, lane: Lane, out: list[Piece]) -> None:
        if lane == self._lane or self.blocked:
            return
        self._leave(self._windows.finish(), out)
        if not self.blocked:
            self._verdicts += self._windows.verdicts
            self._lane, self._windows = lane, self._open()

    def _leave(self, text: str, out: list[Piece]) -> None:
        if text:
            self._passed.texts.setdefault(self._lane, []).append(text)
            out.append(self._delta(text))

    def _delta(self, text: str) -> Piece:
        kind, place = self._lane
        if kind == "text":
            return Piece(text, self._index)
        if kind == "call":
            return Piece(index=self._index, calls=(CallDelta(place, arguments=text),))
        if kind == "thought":
            return Piece(index=self._index, thought=Thought(text))
        return Piece(index=self._index, refusal=text)

    def _think(self, thought: Thought, out: list[Piece]) -> None:
        """A signature or a hidden thought ends what is being thought."""
        if not self._thinking:
            self._passed.thoughts.append(Thought())
        self._thinking = not (thought.signature or thought.hidden)
        lane = ("thought", len(self._passed.thoughts) - 1)
        if thought.text:
            self._say(lane, thought.text, out)
        if not self._thinking:
            self._turn(_TEXT, out)
            if not self.blocked:
                self._passed.thoughts[-1] = replace(thought, text="")
                out.append(Piece(index=self._index, thought=replace(thought, text="")))

    def _call(self, delta: CallDelta, out: list[Piece]) -> None:
        lane = ("call", delta.index)
        self._turn(lane, out)
        if self.blocked:
            return
        calls = self._passed.calls
        if delta.index not in calls:
            calls[delta.index] = ToolCall(delta.id, delta.name, "", delta.signature)
            out.append(Piece(index=self._index, calls=(replace(delta, arguments=""),)))
        elif delta.signature:
            calls[delta.index] = replace(calls[delta.index], signature=delta.signature)
            out.append(Piece(index=self._index, calls=(replace(delta, arguments=""),)))
        if delta.arguments:
            self._say(lane, delta.arguments, out)

    def _carry(self, piece: Piece, out: list[Piece]) -> None:
        """Tokens spell the text out: behind guards they wait until all of it has passed."""
        self._passed.extras.update(piece.choice_extras)
        if piece.logprobs is not None:
            self._passed.logprobs.append(piece.logprobs)
        carried = Piece(
            index=self._index,
            logprobs=piece.logprobs if self._unguarded else None,
            choice_extras=piece.choice_extras,
        )
        if carried != Piece(index=self._index):
            out.append(carried)

    def _hides(self) -> bool:
        verdicts = (*self._verdicts, *self._windows.verdicts)
        return any(verdict.outcome is Outcome.REDACTED for verdict in verdicts)


def _joined(deltas: Iterable[JsonValue]) -> JsonValue:
    """Log-probabilities of the pieces as those of the whole: lists grow."""
    whole: dict[str, JsonValue] = {}
    for delta in deltas:
        if isinstance(delta, Mapping):
            for key, value in delta.items():
                before = whole.get(key)
                if isinstance(before, list) and isinstance(value, list):
                    whole[key] = [*before, *value]
                elif value is not None or key not in whole:
                    whole[key] = value
    return whole or None


def pieces_of(index: int, choice: Choice) -> list[Piece]:
    """A whole choice in pieces, for a stream that had to wait for its end."""
    thoughts = [Piece(index=index, thought=thought) for thought in choice.thoughts]
    calls = tuple(
        CallDelta(place, call.id, call.name, call.arguments, call.signature)
        for place, call in enumerate(choice.tool_calls)
    )
    said = Piece(
        choice.text,
        index,
        refusal=choice.refusal,
        calls=calls,
        logprobs=choice.logprobs,
        choice_extras=choice.extras,
    )
    return [*thoughts, *([said] if said != Piece(index=index) else [])]
