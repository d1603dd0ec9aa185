"""Batches: many requests from a file, answered when there is room, resumed where they stopped."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

import msgspec

ENDPOINTS: Final = ("/v1/chat/completions", "/v1/responses", "/v1/embeddings")
MOST_LINES: Final = 50_000
"""As OpenAI's own batches."""
WINDOW: Final = "24h"
"""The one completion window that there is."""
WINDOW_MS: Final = 86_400_000


class BatchState(StrEnum):
    """How far is it? The words are those of OpenAI's interface."""

    VALIDATING = "validating"
    FAILED = "failed"
    """Its file could not be read as requests; nothing was asked."""
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    EXPIRED = "expired"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in _ENDED


_ENDED = frozenset(
    {BatchState.FAILED, BatchState.COMPLETED, BatchState.EXPIRED, BatchState.CANCELLED}
)


@dataclass(frozen=True, slots=True)
class LineFault:
    """What is wrong with one line of the input file."""

    code: str
    message: str
    line: int
    """1-based."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch. It asks on behalf of the key that made it, as long as that key is good."""

    id: str
    organisation: str
    principal: str
    key_id: str
    endpoint: str
    input_file: str
    created_at_ms: int
    expires_at_ms: int
    state: BatchState = BatchState.VALIDATING
    times_ms: Mapping[str, int] = field(default_factory=dict)
    """When it came to each later state."""
    total: int = 0
    completed: int = 0
    failed: int = 0
    faults: tuple[LineFault, ...] = ()
    output_file: str = ""
    error_file: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    def belongs_to(self, *, organisation: str, principal: str) -> bool:
        return self.organisation == organisation and self.principal == principal


@dataclass(frozen=True, slots=True)
class BatchLine:
    """One request of a batch."""

    number: int
    """1-based line of the input file."""
    custom_id: str
    body: bytes
    """JSON of the request."""


@dataclass(frozen=True, slots=True)
class LineAnswer:
    """What became of one line."""

    number: int
    custom_id: str
    status: int
    """HTTP status that the same request would have got."""
    body: bytes
    """JSON of the answer, or of the error."""
    request_id: str
    retry_after_seconds: float | None = None
    """The answer is that it should be asked again later; not kept."""


class BatchBox(Protocol):
    """Where batches are kept, and which process works on which."""

    async def add(self, batch: Batch) -> None:
        """Keeps a new batch; durable when this returns."""
        ...

    async def save(self, batch: Batch) -> None:
        """Keeps it as it is now, unless it was cancelled meanwhile: then only a state that ends
        it, or one that goes on with the cancellation, replaces that.
        """
        ...

    async def cancel(self, batch_id: str, *, at_ms: int) -> None:
        """From now on it is `cancelling`, unless it has ended."""
        ...

    def get(self, batch_id: str) -> Batch | None: ...

    def list(self, *, organisation: str, principal: str) -> Sequence[Batch]:
        """Of one principal, newest first."""
        ...

    async def claim(self, worker: str, *, now_ms: int, lease_ms: int) -> Batch | None:
        """A batch with work left that nobody else works on; the claim ends by itself.

        Claiming again what one holds makes the claim longer.
        """
        ...

    async def renew(self, batch_id: str, worker: str, *, until_ms: int) -> bool:
        """Makes a claim longer; False when somebody else has taken it over."""
        ...

    async def keep(self, batch_id: str, answers: Sequence[LineAnswer]) -> None:
        """Keeps answers; of a line that is answered already the first answer stays."""
        ...

    def answered(self, batch_id: str) -> frozenset[int]:
        """Numbers of the lines that have their answer."""
        ...

    def tally(self, batch_id: str) -> tuple[int, int]:
        """How many lines were answered well, and how many were not."""
        ...

    def answers(self, batch_id: str) -> Iterable[LineAnswer]:
        """In the order of the lines."""
        ...


class _Line(msgspec.Struct):
    custom_id: str
    method: str
    url: str
    body: msgspec.Raw


def read_lines(
    content: bytes, endpoint: str
) -> tuple[tuple[BatchLine, ...], tuple[LineFault, ...]]:
    """The requests of an input file, or everything wrong with it."""
    lines: list[BatchLine] = []
    faults: list[LineFault] = []
    seen: set[str] = set()
    decode = msgspec.json.Decoder(_Line).decode
    for number, raw in enumerate(content.splitlines(), start=1):
        if not raw.strip():
            continue
        try:
            line = decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
            faults.append(
                LineFault("invalid_json_line", f"This line cannot be read: {fault}", number)
            )
            continue
        if wrong := _fault_of(line, endpoint, seen):
            faults.append(LineFault(*wrong, number))
        seen.add(line.custom_id)
        lines.append(BatchLine(number, line.custom_id, bytes(line.body)))
    if not lines and not faults:
        faults.append(LineFault("empty_file", "The file holds no request.", 1))
    if len(lines) > MOST_LINES:
        message = f"The file holds {len(lines):,} requests; {MOST_LINES:,} are taken at once."
        faults.append(LineFault("too_many_tasks", message, MOST_LINES + 1))
    return (() if faults else tuple(lines)), tuple(faults)


def _fault_of(line: _Line, endpoint: str, seen: set[str]) -> tuple[str, str] | None:
    if not line.custom_id:
        return "missing_custom_id", "`custom_id` must not be empty."
    if line.custom_id in seen:
        return "duplicate_custom_id", "This `custom_id` stands on an earlier line too."
    if line.method.upper() != "POST":
        return "invalid_method", "`method` must be POST."
    if line.url != endpoint:
        return "mismatched_endpoint", f"`url` must be the batch's endpoint, {endpoint}."
    if not bytes(line.body).lstrip().startswith(b"{"):
        return "invalid_body", "`body` must be a JSON object."
    return None
