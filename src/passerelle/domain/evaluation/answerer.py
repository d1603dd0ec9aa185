"""The role of what is evaluated: one case through the real serving path."""

from dataclasses import dataclass
from typing import Protocol

from passerelle.core.values.ids import Digest
from passerelle.domain.evaluation.cases import Case
from passerelle.domain.evaluation.runs import Trial


@dataclass(frozen=True, slots=True)
class Target:
    """What stands behind a model name at this moment."""

    usecase: str
    release: Digest
    prompt: Digest
    prompt_name: str
    """Such as `v1`."""


class Answerer(Protocol):
    """Answers as serving would."""

    def target(self, model: str) -> Target:
        """Raises the refusal that a caller would get when there is no such model."""
        ...

    async def answer(self, model: str, case: Case) -> Trial:
        """Asks once.

        A question that is refused for what it says is a trial too. Raises what
        is no fault of the question: spent budget, failed provider, full ledger.
        """
        ...
