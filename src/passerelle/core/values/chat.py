"""Messages, completions and what they used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]
FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `text` joins the text parts; what else the wire carried stays in `extras`."""

    role: Role
    text: str
    extras: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What a client asks for, free of any provider's wire format."""

    model: str
    messages: tuple[Message, ...]
    stream: bool = False
    include_usage: bool = False
    """The client asked for the extra stream chunk that carries usage."""
    max_tokens: int | None = None
    temperature: float | None = None
    end_user: str = ""
    """The caller's own id for the person behind the request; a claim, not an identity."""
    extras: Mapping[str, JsonValue] = field(default_factory=dict)
    """Fields that we do not interpret: passed on or refused by policy, never dropped."""

    @property
    def question(self) -> str:
        """Text of the last user message; empty when there is none."""
        return question_in(self.messages)


def question_in(messages: Sequence[Message]) -> str:
    """Text of the last user message; empty when there is none."""
    return next((each.text for each in reversed(messages) if each.role == "user"), "")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens by class. Input and output are totals: they include the finer classes below them."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    """Part of `input_tokens` read from the provider's cache."""
    cache_write_tokens: int = 0
    """Part of `input_tokens` written to the provider's cache."""
    reasoning_tokens: int = 0
    """Part of `output_tokens` that the client never sees."""
    estimated: bool = False
    """The provider gave no usage; the numbers are counted by us."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer of a model."""

    text: str
    finish_reason: FinishReason
    usage: Usage
    model: str
    """What the provider says it ran, which may be finer than what was asked for."""
    extras: Mapping[str, JsonValue] = field(default_factory=dict)
    """Fields of the provider's message that we do not interpret, such as tool calls."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a streamed answer; the last one carries the finish reason and the usage."""

    text: str = ""
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    model: str = ""
    extras: Mapping[str, JsonValue] = field(default_factory=dict)
