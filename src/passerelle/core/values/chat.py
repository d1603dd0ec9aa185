"""Messages, completions and what they used: richer than any one wire format, free of all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = Mapping[str, JsonValue]
Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]
FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter"]
Dialect: TypeAlias = Literal["chat", "responses", "messages"]
"""Whose names the fields in `extras` have: Chat Completions, Responses, Anthropic Messages."""

NOTHING: Final[JsonObject] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Text:
    """A text part of a message."""

    text: str
    extras: JsonObject = field(default_factory=dict)
    """Such as `cache_control`."""


@dataclass(frozen=True, slots=True)
class Media:
    """A part of a message that is not text. Either `data` or `url` is given."""

    kind: Literal["image", "audio", "file"]
    data: str = ""
    """Base64."""
    url: str = ""
    media_type: str = ""
    """Such as `image/png`; empty where only a URL is known."""
    name: str = ""
    extras: JsonObject = field(default_factory=dict)


Part: TypeAlias = Text | Media


@dataclass(frozen=True, slots=True)
class Thought:
    """What a model thought before it answered, as far as its provider shows it."""

    text: str = ""
    signature: str = ""
    """Opaque; must go back unchanged with the next turn."""
    hidden: str = ""
    """Opaque thought that only the provider can read."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model asks for a tool."""

    id: str
    name: str
    arguments: str = "{}"
    """JSON text of an object, as the model wrote it: it may be invalid."""
    signature: str = ""
    """Opaque; must go back unchanged with the next turn."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn."""

    role: Role
    text: str
    """All text parts, joined by newlines: what guards read."""
    parts: tuple[Part, ...] = ()
    """In order, where the turn is more than one plain text; their texts are those in `text`."""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    """Of role `tool`: the call that this answers."""
    failed: bool = False
    """Of role `tool`: the tool reported an error."""
    thoughts: tuple[Thought, ...] = ()
    extras: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that the model may ask for."""

    name: str
    description: str = ""
    parameters: JsonObject = field(default_factory=dict)
    """JSON schema of the arguments."""
    strict: bool | None = None
    kind: str = "function"
    """Else a tool that the provider runs itself; then `extras` holds all of it."""
    extras: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Must the model call a tool?"""

    mode: Literal["auto", "none", "required", "named"]
    name: str = ""
    """Of the one tool that must be called."""


@dataclass(frozen=True, slots=True)
class Format:
    """The answer must be JSON; with a schema where one is given."""

    schema: JsonObject | None = None
    name: str = ""
    description: str = ""
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """How the answer is to be made. None and () leave it to the provider."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    n: int = 1
    """Answers to one request."""
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool = False
    top_logprobs: int | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    format: Format | None = None
    effort: str = ""
    """Of reasoning: `none`, `minimal`, `low`, `medium`, `high`, or what else a provider knows."""
    extras: JsonObject = field(default_factory=dict)
    """Fields that we do not interpret: passed on or refused, never dropped."""
    dialect: Dialect = "chat"


NO_OPTIONS: Final = Options()


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What a client asks for, free of any provider's wire format."""

    model: str
    messages: tuple[Message, ...]
    stream: bool = False
    include_usage: bool = False
    """The client asked for the extra stream chunk that carries usage."""
    end_user: str = ""
    """The caller's own id for the person behind the request; a claim, not an identity."""
    options: Options = NO_OPTIONS

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
class Choice:
    """One of the answers to a request."""

    text: str = ""
    finish_reason: FinishReason = "stop"
    tool_calls: tuple[ToolCall, ...] = ()
    thoughts: tuple[Thought, ...] = ()
    refusal: str = ""
    """The model's own words for not answering, where its provider tells them apart."""
    logprobs: JsonValue = None
    """As Chat Completions writes them."""
    extras: JsonObject = field(default_factory=dict)
    """Fields of the provider's message that we do not interpret, such as annotations."""


@dataclass(frozen=True, slots=True)
class Completion:
    """The whole of what a model answered."""

    choices: tuple[Choice, ...]
    """At least one, in the order of their index."""
    usage: Usage
    """Of all choices together."""
    model: str
    """What the provider says it ran, which may be finer than what was asked for."""
    extras: JsonObject = field(default_factory=dict)
    """Such as `system_fingerprint` and `service_tier`."""

    @property
    def text(self) -> str:
        """Of the first choice."""
        return self.choices[0].text

    @property
    def finish_reason(self) -> FinishReason:
        """Of the first choice."""
        return self.choices[0].finish_reason


def spoken(
    text: str, *, usage: Usage, model: str = "", finish_reason: FinishReason = "stop"
) -> Completion:
    """A completion of one plain text."""
    return Completion((Choice(text, finish_reason),), usage, model)


@dataclass(frozen=True, slots=True)
class CallDelta:
    """What one piece adds to a tool call."""

    index: int
    """0-based place among the calls of the choice."""
    id: str = ""
    """In the first delta of a call only, as the name."""
    name: str = ""
    arguments: str = ""
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a streamed answer.

    A piece with a finish reason ends its choice. Exactly the last piece of a stream
    carries usage, and with it model and `extras` of the completion.
    """

    text: str = ""
    index: int = 0
    """Of the choice that it belongs to."""
    calls: tuple[CallDelta, ...] = ()
    thought: Thought | None = None
    """A delta: texts add up; a signature or hidden thought ends the thought."""
    refusal: str = ""
    logprobs: JsonValue = None
    choice_extras: JsonObject = field(default_factory=dict)
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    model: str = ""
    extras: JsonObject = field(default_factory=dict)
