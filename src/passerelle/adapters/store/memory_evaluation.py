"""Cases and runs in memory."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from passerelle.core.values.ids import Digest
from passerelle.domain.evaluation.cases import Case
from passerelle.domain.evaluation.runs import Run, Trial


class MemoryCaseBox:
    """Cases without a disk."""

    def __init__(self) -> None:
        self._cases: dict[tuple[str, str], dict[str, Case]] = {}

    async def add(self, usecase: str, case: Case, *, organisation: str, at_ms: int) -> None:  # noqa: ARG002 - nobody asks for the time here
        self._cases.setdefault((organisation, usecase), {})[case.id] = case

    def list(self, usecase: str, *, organisation: str) -> tuple[Case, ...]:
        return tuple(self._cases.get((organisation, usecase), {}).values())


class MemoryRunBox:
    """Runs and trials without a disk."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._trials: dict[str, dict[str, Trial]] = {}

    async def begin(self, run: Run) -> None:
        self._runs[run.id] = run

    async def keep(self, run_id: str, trial: Trial) -> None:
        self._trials.setdefault(run_id, {}).setdefault(trial.case_id, trial)

    async def finish(self, run_id: str, *, at_ms: int) -> None:
        run = self._runs.get(run_id)
        if run is not None:
            self._runs[run_id] = replace(run, finished_at_ms=at_ms)

    def trials(self, run_id: str) -> tuple[Trial, ...]:
        return tuple(self._trials.get(run_id, {}).values())

    def find(
        self, usecase: str, *, organisation: str, dataset: Digest, release: Digest
    ) -> Run | None:
        found = (
            run
            for run in self._of(usecase, organisation)
            if (run.dataset, run.release) == (dataset, release)
        )
        return next(found, None)

    def latest(
        self,
        usecase: str,
        *,
        organisation: str,
        dataset: Digest | None = None,
        prompt: Digest | None = None,
    ) -> Run | None:
        found = (
            run
            for run in self._of(usecase, organisation)
            if run.finished_at_ms is not None
            and dataset in (None, run.dataset)
            and prompt in (None, run.prompt)
        )
        return next(found, None)

    def list(self, usecase: str, *, organisation: str, limit: int = 50) -> tuple[Run, ...]:
        return tuple(islice(self._of(usecase, organisation), limit))

    def _of(self, usecase: str, organisation: str) -> Iterator[Run]:
        """Last begun first."""
        for run in reversed(self._runs.values()):
            if (run.organisation, run.usecase) == (organisation, usecase):
                yield run
