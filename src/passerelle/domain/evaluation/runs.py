"""One pass over a dataset: every case asked once, each answer kept as it comes."""

from dataclasses import dataclass
from typing import Protocol

from passerelle.core.values.ids import Digest
from passerelle.core.values.verdicts import Support


@dataclass(frozen=True, slots=True)
class Trial:
    """What one case was answered."""

    case_id: str
    answer: str
    """As it left, `[n]` markers included."""
    cited_documents: tuple[str, ...]
    """Paths, each once, in the order of the claims that they back."""
    support: Support
    """Of the whole answer; `not_scanned` for a refusal."""
    grounding_score: float
    """0 to 1; 0 when nothing was scanned."""
    latency_ms: float
    """From question to checked answer, the model included."""
    cost_nano_usd: int | None
    """None when nobody knows the price."""
    refused: bool
    """It said that it does not know, or a guard or the provider refused the question."""
    status: int
    """HTTP status that a caller would have got."""
    exchange_id: str
    """Under which the ledger knows it."""


@dataclass(frozen=True, slots=True)
class Run:
    """What was asked of what."""

    id: str
    usecase: str
    organisation: str
    dataset: Digest
    release: Digest
    """What answered; a run is about exactly one release."""
    prompt: Digest
    """Digest of the prompt version in that release."""
    model_name: str
    """The name that was asked for, such as `handbook@pilot`."""
    started_at_ms: int
    finished_at_ms: int | None = None
    """None while some case has no trial."""


class RunBox(Protocol):
    """Where runs and their trials are kept."""

    async def begin(self, run: Run) -> None:
        """Keeps a run without trials; durable when this returns."""
        ...

    async def keep(self, run_id: str, trial: Trial) -> None:
        """Adds one trial; durable when this returns. The first trial of a case stays."""
        ...

    async def finish(self, run_id: str, *, at_ms: int) -> None:
        """Every case has its trial."""
        ...

    def trials(self, run_id: str) -> tuple[Trial, ...]:
        """In the order in which they were kept; empty for an unknown run."""
        ...

    def find(
        self, usecase: str, *, organisation: str, dataset: Digest, release: Digest
    ) -> Run | None:
        """The last begun of exactly these, finished or not."""
        ...

    def latest(
        self,
        usecase: str,
        *,
        organisation: str,
        dataset: Digest | None = None,
        prompt: Digest | None = None,
    ) -> Run | None:
        """The last begun of the finished ones; of one dataset or prompt where named."""
        ...

    def list(self, usecase: str, *, organisation: str, limit: int = 50) -> tuple[Run, ...]:
        """Last begun first, unfinished ones included."""
        ...
