"""Models of Vertex AI: whose they are, where they stand, and how each maker's are asked."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from passerelle.adapters.providers.upstream_calls import Answers
from passerelle.core.values.chat import Piece
from passerelle.domain.routing.providers import ModelCall, ProviderMisconfigured
from passerelle.transport.wire import anthropic_answers, gemini_answers
from passerelle.transport.wire.anthropic_answers import NotAMessage
from passerelle.transport.wire.anthropic_errors import status_told
from passerelle.transport.wire.anthropic_requests import VERTEX
from passerelle.transport.wire.anthropic_requests import encode_request as ask_claude
from passerelle.transport.wire.anthropic_stream_reader import (
    MessagesReader,
    StreamBrokeOff,
    StreamCutOff,
)
from passerelle.transport.wire.errors import ErrorBody
from passerelle.transport.wire.estimates import estimated_usage
from passerelle.transport.wire.gemini_requests import encode_request as ask_gemini
from passerelle.transport.wire.gemini_streams import GeminiReader
from passerelle.transport.wire.openai_chunks import CutOff
from passerelle.transport.wire.openai_completions import ErrorTold
from passerelle.transport.wire.sse import Event, EventReader

_VERSION: Final = re.compile(r"/v\d\w*$")
_MULTI_REGIONS: Final = frozenset({"eu", "us"})
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]*")
"""What would lead elsewhere in a path is no name."""
_MAKERS: Final = frozenset({"anthropic", "google"})
_TUNED: Final = "endpoints"


@dataclass(frozen=True, slots=True)
class Place:
    """A project in a location: a region, `us`, `eu` or `global`."""

    project: str
    location: str
    base_url: str = ""
    """Empty: the location decides."""

    def url(self, resource: "Resource", verb: str) -> str:
        root = self.base_url.rstrip("/") or f"https://{_host(self.location)}"
        if not _VERSION.search(root):
            root += resource.format.version
        within = f"/projects/{self.project}/locations/{self.location}"
        return f"{root}{within}/{resource.path}:{verb}"


def _host(location: str) -> str:
    if location == "global":
        return "aiplatform.googleapis.com"
    if location in _MULTI_REGIONS:
        return f"aiplatform.{location}.rep.googleapis.com"
    return f"{location}-aiplatform.googleapis.com"


@dataclass(frozen=True, slots=True)
class Format:
    """How the models of one maker are asked."""

    version: str
    whole: str
    """The verb at the end of the path."""
    streamed: str
    encode: Callable[[ModelCall, bool], bytes]
    """The flag says whether the answer is to be streamed."""
    answers: Answers


@dataclass(frozen=True, slots=True)
class Resource:
    """What a model is within its project."""

    path: str
    format: Format


def resource(model: str, *, provider: str) -> Resource:
    """Such as `gemini-2.5-pro`, `claude-opus-4-5@20251101`, `google/MODEL`, `endpoints/NUMBER`."""
    told = model.removeprefix("publishers/").replace("/models/", "/")
    maker, _, name = told.rpartition("/")
    if not _NAME.fullmatch(name) or maker not in {"", _TUNED, *_MAKERS}:
        raise ProviderMisconfigured(f"Provider `{provider}` does not know the model.")
    if maker == _TUNED:
        return Resource(f"{_TUNED}/{name}", GEMINI)
    maker = maker or ("anthropic" if name.startswith("claude") else "google")
    path = f"publishers/{maker}/models/{name}"
    return Resource(path, CLAUDE if maker == "anthropic" else GEMINI)


class ClaudeReader:
    """Anthropic's own stream; what goes wrong in it is told as by every other reader."""

    def __init__(self, call: ModelCall) -> None:
        self._call = call
        self._events = EventReader()
        self._reader = MessagesReader()
        self._fault: ErrorTold | NotAMessage | None = None

    @property
    def ended(self) -> bool:
        return self._reader.ended or self._fault is not None

    def push(self, chunk: bytes) -> list[Piece]:
        return self._take(self._events.push(chunk))

    def finish(self) -> list[Piece]:
        pieces = [] if self.ended else self._take(self._events.finish())
        if self._fault is not None:
            raise self._fault
        try:
            *rest, last = self._reader.finish()
        except StreamCutOff:
            raise CutOff from None
        usage = last.usage or estimated_usage(self._call, self._reader.written)
        return [*pieces, *rest, replace(last, usage=usage)]

    def _take(self, events: list[Event]) -> list[Piece]:
        pieces: list[Piece] = []
        for event in events:
            if self.ended:
                break
            try:
                pieces += self._reader.take(event.data)
            except NotAMessage as fault:
                self._fault = fault
            except StreamBrokeOff as failure:
                told = failure.told
                code = told.code or status_told(told)
                self._fault = ErrorTold(ErrorBody(told.message, told.type, code=code))
        return pieces


GEMINI: Final = Format(
    "/v1beta1",
    "generateContent",
    "streamGenerateContent?alt=sse",
    lambda call, _: ask_gemini(call),
    Answers(gemini_answers.decode_completion, GeminiReader, gemini_answers.NotAnAnswer),
)
CLAUDE: Final = Format(
    "/v1",
    "rawPredict",
    "streamRawPredict",
    lambda call, stream: ask_claude(call, stream=stream, platform=VERTEX),
    Answers(anthropic_answers.decode_completion, ClaudeReader, NotAMessage),
)
