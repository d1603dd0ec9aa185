"""Answers from recordings: for tests, demonstrations and load tests.

A recording is one JSON object per line: the digest of a request and what came back.
"""

import asyncio
from array import array
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from hashlib import shake_128
from pathlib import Path
from typing import Final, Literal, cast

import msgspec

from passerelle.adapters.providers.pieces import Gathering, pieces_of
from passerelle.adapters.providers.upstream_faults import AnswerCutOff, Unreadable
from passerelle.core.values.chat import (
    Choice,
    Completion,
    FinishReason,
    JsonObject,
    JsonValue,
    Piece,
    Thought,
    ToolCall,
    Usage,
)
from passerelle.core.values.ids import Digest, digest_of
from passerelle.domain.routing.providers import (
    EmbeddingCall,
    Embeddings,
    ModelCall,
    Provider,
    ProviderFailed,
    ProviderMisconfigured,
    ProviderOverloaded,
    ProviderRefused,
    ProviderTimedOut,
)

_OVERLOADED = (429, 503)
_REFUSED = (400, 422)
_MISCONFIGURED = (401, 403, 404)
_DIMENSIONS: Final = 8
"""Of a vector that nobody recorded or asked a length of."""
_canonical = msgspec.json.Encoder(order="sorted", enc_hook=dict).encode


class RecordedChoice(msgspec.Struct, omit_defaults=True):
    text: str = ""
    finish_reason: FinishReason = "stop"
    tool_calls: tuple[ToolCall, ...] = ()
    thoughts: tuple[Thought, ...] = ()
    refusal: str = ""
    # JSON; msgspec cannot decode a recursive type.
    logprobs: object = None
    extras: dict[str, object] = {}


class Recording(msgspec.Struct, omit_defaults=True):
    """One line of a recording file: an answer, or the vectors of texts."""

    digest: str
    choices: tuple[RecordedChoice, ...] = ()
    vectors: tuple[bytes, ...] = ()
    """Little-endian float32, written as base64."""
    usage: Usage = Usage()
    model: str = ""
    extras: dict[str, object] = {}


class UnreadableRecording(Exception):
    """A line of a recording file is not a recording."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a replayed answer comes."""

    latency_seconds: float = 0.0
    """Before the first byte."""
    chunk_characters: int = 12
    between_chunks_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Damage:
    """What goes wrong with every answer, as it would with a real upstream."""

    kind: Literal["status", "cut", "garbage", "stall"]
    """`cut` and `garbage` come after half of a stream; `stall` waits for the call's deadline."""
    status: int = 500
    retry_after_seconds: float | None = None


class Replay:
    """Recorded answers by request digest; `default` answers whatever has no recording.

    With a default, texts without a recording get vectors too: equal ones for equal texts.
    """

    def __init__(
        self,
        recordings: Iterable[Recording] = (),
        *,
        name: str = "replay",
        default: Completion | None = None,
        pace: Pace | None = None,
        damage: Damage | None = None,
    ) -> None:
        self._name = name
        known = tuple(recordings)
        self._answers = {each.digest: _completion(each) for each in known if each.choices}
        self._vectors = {each.digest: _embeddings(each) for each in known if each.vectors}
        self._default = default
        self._pace = pace or Pace()
        self._damage = damage

    @property
    def name(self) -> str:
        return self._name

    async def complete(self, call: ModelCall) -> Completion:
        answer = self._find(call)
        await self._begin(call.deadline_seconds)
        if self._damage is not None:
            await self._break(self._damage, call.deadline_seconds)
        return answer

    async def stream(self, call: ModelCall) -> AsyncGenerator[Piece, None]:
        answer = self._find(call)
        await self._begin(call.deadline_seconds)
        pieces = list(pieces_of(answer, characters=max(1, self._pace.chunk_characters)))
        for number, piece in enumerate(pieces):
            if self._damage is not None and number == len(pieces) // 2:
                await self._break(self._damage, call.deadline_seconds)
            yield piece
            if self._pace.between_chunks_seconds and piece.usage is None:
                await asyncio.sleep(self._pace.between_chunks_seconds)

    async def embed(self, call: EmbeddingCall) -> Embeddings:
        digest = embedding_digest(call)
        found = self._vectors.get(digest)
        if found is None and self._default is None:
            raise _unrecorded(digest)
        await self._begin(call.deadline_seconds)
        if self._damage is not None:
            await self._break(self._damage, call.deadline_seconds)
        return found or _made_up(call)

    async def close(self) -> None:
        """Holds nothing."""

    def _find(self, call: ModelCall) -> Completion:
        if not self._answers and self._default is not None:
            return self._default
        digest = request_digest(call)
        answer = self._answers.get(digest, self._default)
        if answer is None:
            raise _unrecorded(digest)
        return answer

    async def _begin(self, deadline_seconds: float) -> None:
        if self._pace.latency_seconds:
            await asyncio.sleep(self._pace.latency_seconds)
        if self._damage is not None and self._damage.kind in ("status", "stall"):
            await self._break(self._damage, deadline_seconds)

    async def _break(self, damage: Damage, deadline_seconds: float) -> None:
        if damage.kind == "stall":
            await asyncio.sleep(deadline_seconds)
            raise ProviderTimedOut(f"Provider `{self._name}`.")
        if damage.kind == "cut":
            raise AnswerCutOff
        if damage.kind == "garbage":
            raise Unreadable(f"`{self._name}` sent something else than a completion.")
        raise _status_failure(damage, self._name)


class Recorder:
    """Hands calls to a real provider and appends what comes back to a recording file."""

    def __init__(self, provider: Provider, path: Path) -> None:
        self._provider = provider
        self._path = path

    @property
    def name(self) -> str:
        return self._provider.name

    async def complete(self, call: ModelCall) -> Completion:
        completion = await self._provider.complete(call)
        append(self._path, record(call, completion))
        return completion

    async def stream(self, call: ModelCall) -> AsyncGenerator[Piece, None]:
        """Recorded only when it was read to its end."""
        gathering = Gathering()
        async for piece in self._provider.stream(call):
            completion = gathering.add(piece)
            if completion is not None:
                append(self._path, record(call, completion))
            yield piece

    async def embed(self, call: EmbeddingCall) -> Embeddings:
        embeddings = await self._provider.embed(call)
        append(self._path, record_embeddings(call, embeddings))
        return embeddings

    async def close(self) -> None:
        await self._provider.close()


def request_digest(call: ModelCall) -> Digest:
    """Digest of what decides the answer: model, messages and options."""
    decides = {"model": call.model, "messages": call.messages, "options": call.options}
    return digest_of(_canonical(decides))


def embedding_digest(call: EmbeddingCall) -> Digest:
    """Digest of what decides the vectors."""
    decides = {
        "model": call.model,
        "inputs": call.inputs,
        "dimensions": call.dimensions,
        "extras": call.extras,
    }
    return digest_of(_canonical(decides))


def record(call: ModelCall, completion: Completion) -> Recording:
    return Recording(
        digest=request_digest(call),
        choices=tuple(
            RecordedChoice(
                choice.text,
                choice.finish_reason,
                choice.tool_calls,
                choice.thoughts,
                choice.refusal,
                choice.logprobs,
                dict(choice.extras),
            )
            for choice in completion.choices
        ),
        usage=completion.usage,
        model=completion.model,
        extras=dict(completion.extras),
    )


def record_embeddings(call: EmbeddingCall, embeddings: Embeddings) -> Recording:
    return Recording(
        digest=embedding_digest(call),
        vectors=embeddings.vectors,
        usage=embeddings.usage,
        model=embeddings.model,
    )


def append(path: Path, recording: Recording) -> None:
    with path.open("ab") as file:
        file.write(msgspec.json.encode(recording) + b"\n")


def recordings_in(folder: Path) -> tuple[Recording, ...]:
    """All `*.jsonl` files of a folder, by name; of one digest the last line counts.

    Raises `UnreadableRecording` with file and line.
    """
    decode = msgspec.json.Decoder(Recording).decode
    found: list[Recording] = []
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            if not line.strip():
                continue
            try:
                found.append(decode(line))
            except msgspec.MsgspecError as fault:
                raise UnreadableRecording(f"{path.name}:{number}: {fault}") from None
    return tuple(found)


def _completion(recording: Recording) -> Completion:
    return Completion(
        choices=tuple(
            Choice(
                each.text,
                each.finish_reason,
                each.tool_calls,
                each.thoughts,
                each.refusal,
                cast("JsonValue", each.logprobs),
                cast("JsonObject", each.extras),
            )
            for each in recording.choices
        ),
        usage=recording.usage,
        model=recording.model,
        extras=cast("JsonObject", recording.extras),
    )


def _embeddings(recording: Recording) -> Embeddings:
    return Embeddings(recording.vectors, recording.usage, recording.model)


def _made_up(call: EmbeddingCall) -> Embeddings:
    length = call.dimensions or _DIMENSIONS
    vectors = tuple(
        array("f", (byte / 255 - 0.5 for byte in shake_128(repr(each).encode()).digest(length)))
        for each in call.inputs
    )
    usage = Usage(input_tokens=sum(map(len, call.inputs)), estimated=True)
    return Embeddings(tuple(vector.tobytes() for vector in vectors), usage, call.model)


def _unrecorded(digest: Digest) -> ProviderRefused:
    return ProviderRefused(
        f"There is no recording of request {digest}: record one by sending the request"
        " to a real provider through `Recorder`."
    )


def _status_failure(damage: Damage, name: str) -> ProviderFailed:
    if damage.status in _OVERLOADED:
        return ProviderOverloaded(
            f"Provider `{name}`.", retry_after_seconds=damage.retry_after_seconds
        )
    if damage.status in _REFUSED:
        return ProviderRefused(f"Provider `{name}`.")
    if damage.status in _MISCONFIGURED:
        return ProviderMisconfigured(f"Provider `{name}`.")
    return ProviderFailed(f"Provider `{name}` answered with status {damage.status}.")
