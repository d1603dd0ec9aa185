"""Streams of streamGenerateContent, as server-sent events."""

from dataclasses import dataclass, field, replace
from typing import Final

from passerelle.core.values.chat import CallDelta, JsonValue, Piece
from passerelle.domain.routing.providers import ModelCall
from passerelle.transport.wire.estimates import estimated_usage
from passerelle.transport.wire.gemini_answers import (
    NotAnAnswer,
    RawAnswer,
    RawCandidate,
    RawUsage,
    Told,
    blocked,
    candidates_in,
    choice_extras,
    finish_of,
    further_in,
    logprobs_of,
    read,
    tier_of,
    told_in,
    usage_of,
)
from passerelle.transport.wire.openai_chunks import CutOff
from passerelle.transport.wire.openai_completions import ErrorTold
from passerelle.transport.wire.sse import Event, EventReader

_Json = dict[str, JsonValue]
_PLAIN: Final = frozenset({"content", "finishReason", "index"})
_LONGEST: Final = 16_777_216
"""Bytes of an event: an image may stand in one."""


@dataclass(slots=True)
class _Choice:
    """What has come of one candidate."""

    calls: int = 0
    own: list[_Json] = field(default_factory=list)
    further: _Json = field(default_factory=dict)
    reason: str = ""

    def ending(self, index: int) -> Piece:
        return Piece(
            index=index,
            choice_extras=choice_extras(self.further, self.own, self.reason),
            finish_reason=finish_of(self.reason, calls=bool(self.calls)),
        )


class GeminiReader:
    """From bytes of a stream to pieces, whatever way the bytes are cut.

    Raises `NotAnAnswer`, `ErrorTold` and `EventTooLong`, each only when all that came
    before it has been given out.
    """

    def __init__(self, call: ModelCall) -> None:
        self._call = call
        self._events = EventReader(longest=_LONGEST)
        self._choices: dict[int, _Choice] = {}
        self._blocked: Piece | None = None
        self._written = 0
        self._usage: RawUsage | None = None
        self._model = ""
        self._fault: NotAnAnswer | ErrorTold | None = None
        self.ended = False
        """Nothing more is to be read: an error has come. There is no other end mark."""

    def push(self, chunk: bytes) -> list[Piece]:
        return self._take(self._events.push(chunk))

    def finish(self) -> list[Piece]:
        """What is left when the stream ends; the last piece carries usage. Raises `CutOff`."""
        pieces = [] if self.ended else self._take(self._events.finish())
        if self._fault is not None:
            raise self._fault
        endings = [choice.ending(index) for index, choice in sorted(self._choices.items())]
        if self._blocked is not None and not endings:
            endings = [self._blocked]
        if not endings or any(not choice.reason for choice in self._choices.values()):
            raise CutOff
        usage = self._usage
        endings[-1] = replace(
            endings[-1],
            usage=usage_of(usage) if usage else estimated_usage(self._call, self._written),
            model=self._model,
            extras=tier_of(usage) if usage else {},
        )
        return pieces + endings

    def _take(self, events: list[Event]) -> list[Piece]:
        pieces: list[Piece] = []
        for event in events:
            try:
                pieces += self._pieces(*read(event.data))
            except (NotAnAnswer, ErrorTold) as fault:
                self._fault, self.ended = fault, True
                break
        return pieces

    def _pieces(self, raw: _Json, answer: RawAnswer) -> list[Piece]:
        self._usage = answer.usage_metadata or self._usage
        self._model = answer.model_version or self._model
        if answer.prompt_feedback.block_reason:
            choice = blocked(answer)
            self._blocked = Piece(
                refusal=choice.refusal,
                choice_extras=choice.extras,
                finish_reason=choice.finish_reason,
            )
        return [
            piece
            for candidate, written in zip(answer.candidates, candidates_in(raw), strict=True)
            for piece in self._of(candidate, written, answer.response_id)
        ]

    def _of(self, candidate: RawCandidate, raw: _Json, response_id: str) -> list[Piece]:
        index = candidate.index
        known = self._choices.setdefault(index, _Choice())
        known.reason = candidate.finish_reason or known.reason
        if text := _only_text(raw):
            self._written += len(text.encode())
            return [Piece(text, index)]
        told = told_in(candidate, raw, response_id, calls=known.calls)
        calls = tuple(
            CallDelta(known.calls + place, call.id, call.name, call.arguments, call.signature)
            for place, call in enumerate(told.calls)
        )
        known.calls += len(calls)
        known.own += told.own
        known.further |= further_in(raw)
        thought = told.thoughts[0] if told.thoughts else None
        pieces = [Piece(told.text, index, calls, thought, logprobs=logprobs_of(candidate))]
        pieces += [Piece(index=index, thought=each) for each in told.thoughts[1:]]
        self._written += _bytes_of(told)
        return [piece for piece in pieces if piece != Piece(index=index)]


def _only_text(raw: _Json) -> str:
    """Of a candidate that holds nothing else: nearly all of them do."""
    content = raw.get("content")
    parts = content.get("parts") if isinstance(content, dict) and raw.keys() <= _PLAIN else None
    part = parts[0] if isinstance(parts, list) and len(parts) == 1 else None
    text = part.get("text") if isinstance(part, dict) and len(part) == 1 else None
    return text if isinstance(text, str) else ""


def _bytes_of(told: Told) -> int:
    thoughts = "".join(thought.text for thought in told.thoughts)
    calls = "".join(call.name + call.arguments for call in told.calls)
    return len(f"{told.text}{thoughts}{calls}".encode())
