"""Answers from recordings: for tests, demonstrations and load tests.

A recording is one JSON object per line: the digest of a request and what came back.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from passerelle.adapters.providers.upstream_faults import AnswerCutOff, Unreadable
from passerelle.core.values.chat import Completion, FinishReason, Piece, Usage
from passerelle.core.values.ids import Digest, digest_of
from passerelle.domain.routing.providers import (
    ModelCall,
    Provider,
    ProviderFailed,
    ProviderOverloaded,
    ProviderRefused,
    ProviderTimedOut,
)

_OVERLOADED = (429, 503)
_REFUSED = (400, 422)


class Recording(msgspec.Struct):
    """One line of a recording file."""

    digest: str
    text: str
    finish_reason: FinishReason = "stop"
    usage: Usage = Usage()
    model: str = ""
    extras: dict[str, Any] = msgspec.field(default_factory=dict)
    """JSON; msgspec cannot decode a recursive type."""


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
    """Recorded answers by request digest; `default` answers whatever has no recording."""

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
        self._answers = {each.digest: _completion(each) for each in recordings}
        self._default = default
        self._pace = pace or Pace()
        self._damage = damage

    @property
    def name(self) -> str:
        return self._name

    async def complete(self, call: ModelCall) -> Completion:
        answer = self._find(call)
        if self._pace.latency_seconds:
            await asyncio.sleep(self._pace.latency_seconds)
        if self._damage is not None:
            await self._break(self._damage, call)
        return answer

    async def stream(self, call: ModelCall) -> AsyncGenerator[Piece, None]:
        answer = self._find(call)
        if self._pace.latency_seconds:
            await asyncio.sleep(self._pace.latency_seconds)
        if self._damage is not None and self._damage.kind in ("status", "stall"):
            await self._break(self._damage, call)
        size = max(1, self._pace.chunk_characters)
        starts = range(0, max(1, len(answer.text)), size)
        for number, start in enumerate(starts):
            if self._damage is not None and number == len(starts) // 2:
                await self._break(self._damage, call)
            yield Piece(answer.text[start : start + size])
            if self._pace.between_chunks_seconds:
                await asyncio.sleep(self._pace.between_chunks_seconds)
        yield Piece("", answer.finish_reason, answer.usage, answer.model, answer.extras)

    async def close(self) -> None:
        """Holds nothing."""

    def _find(self, call: ModelCall) -> Completion:
        if not self._answers and self._default is not None:
            return self._default
        digest = request_digest(call)
        answer = self._answers.get(digest, self._default)
        if answer is None:
            raise ProviderRefused(
                f"There is no recording of request {digest}: record one by sending the request"
                " to a real provider through `Recorder`."
            )
        return answer

    async def _break(self, damage: Damage, call: ModelCall) -> None:
        if damage.kind == "stall":
            await asyncio.sleep(call.deadline_seconds)
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
        texts: list[str] = []
        async for piece in self._provider.stream(call):
            texts.append(piece.text)
            if piece.finish_reason is not None:
                completion = Completion(
                    "".join(texts),
                    piece.finish_reason,
                    piece.usage or Usage(),
                    piece.model,
                    piece.extras,
                )
                append(self._path, record(call, completion))
            yield piece

    async def close(self) -> None:
        await self._provider.close()


def request_digest(call: ModelCall) -> Digest:
    """Digest of what decides the answer: model, messages and parameters."""
    return digest_of(
        {
            "model": call.model,
            "messages": [[each.role, each.text, dict(each.extras)] for each in call.messages],
            "max_tokens": call.max_tokens,
            "temperature": call.temperature,
            "extras": dict(call.extras),
        }
    )


def record(call: ModelCall, completion: Completion) -> Recording:
    return Recording(
        digest=request_digest(call),
        text=completion.text,
        finish_reason=completion.finish_reason,
        usage=completion.usage,
        model=completion.model,
        extras=dict(completion.extras),
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
        text=recording.text,
        finish_reason=recording.finish_reason,
        usage=recording.usage,
        model=recording.model,
        extras=recording.extras,
    )


def _status_failure(damage: Damage, name: str) -> ProviderFailed:
    if damage.status in _OVERLOADED:
        return ProviderOverloaded(
            f"Provider `{name}`.", retry_after_seconds=damage.retry_after_seconds
        )
    if damage.status in _REFUSED:
        return ProviderRefused(f"Provider `{name}`.")
    return ProviderFailed(f"Provider `{name}` answered with status {damage.status}.")
