"""dataset → one trial each → scores; what was asked before is not asked again."""

import asyncio
from dataclasses import dataclass, replace

from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import InvalidRequest, NotFound, Refusal
from passerelle.core.values.ids import Digest, new_id
from passerelle.domain.evaluation.answerer import Answerer, Target
from passerelle.domain.evaluation.cases import Case
from passerelle.domain.evaluation.datasets import Dataset
from passerelle.domain.evaluation.runs import Run, RunBox, Trial
from passerelle.domain.evaluation.summaries import Evaluation, evaluated
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.jobs.progress import Report, Tally
from passerelle.domain.ledger.acts import Recorded, record
from passerelle.domain.ledger.entries import Draft, Ledger
from passerelle.domain.ledger.events import EVALUATION_RUN

AT_ONCE = 4
"""Cases that are asked side by side."""
MOST_WAITS = 5
"""Times that a case waits as long as a refusal says before the run stops."""
LONGEST_WAIT_SECONDS = 60.0


class ReleaseChanged(Refusal):
    """What answers has changed while the cases were asked."""

    status = 409
    code = "release_changed"
    kind = "invalid_request_error"


@dataclass(frozen=True, slots=True)
class EvaluationParts:
    """What evaluating needs."""

    ledger: Ledger
    runs: RunBox
    answerer: Answerer
    clock: Clock
    at_once: int = AT_ONCE


async def evaluate(
    granted: Granted,
    parts: EvaluationParts,
    *,
    usecase: str,
    model: str,
    dataset: Dataset,
    progress: Report,
) -> Recorded[Evaluation]:
    """Asks every case once and scores the answers.

    A run of the same dataset and release that was stopped half-way goes on where
    it stood; a finished one is followed by a new one. Each trial is durable before
    the next begins in its place, and what is under way when a run stops (spent
    budget, failed provider, cancelled) is kept: only a killed process asks those
    again. Raises what stopped it.
    """
    granted.require(Permission.EVALUATION_RUN)
    target = parts.answerer.target(model)
    _refuse_mismatch(usecase, dataset, target)
    run, is_new = _run(granted, parts, dataset, model=model, target=target)

    async def ask() -> Evaluation:
        if is_new:
            await parts.runs.begin(run)
        await _Asking(run, parts, dataset, progress).all(model)
        ended = replace(run, finished_at_ms=parts.clock.now_ms())
        await parts.runs.finish(run.id, at_ms=parts.clock.now_ms())
        # A second of arithmetic: a gateway in the same process must go on answering.
        return await asyncio.to_thread(evaluated, ended, dataset, parts.runs.trials(run.id))

    principal = granted.principal
    draft = Draft(
        event=EVALUATION_RUN,
        at_ms=parts.clock.now_ms(),
        scope=principal.scope,
        principal=principal.id,
        subject=run.id,
        usecase=usecase,
        facts={
            "model": model,
            "dataset": run.dataset,
            "cases": len(dataset.cases),
            "release": run.release,
            "prompt": run.prompt,
            "prompt_name": target.prompt_name,
            "resumed": not is_new,
        },
    )
    return await record(parts.ledger, draft, ask)


def last_evaluation(
    granted: Granted, runs: RunBox, dataset: Dataset, *, prompt: Digest | None = None
) -> Evaluation:
    """The last finished run of the dataset, scored; of one prompt version where named.

    Raises `NotFound` when nobody has run it.
    """
    granted.require(Permission.EVALUATION_READ)
    run = runs.latest(
        dataset.usecase,
        organisation=granted.principal.scope.organisation,
        dataset=dataset.version,
        prompt=prompt,
    )
    if run is None:
        raise NotFound(
            f"Nothing has answered this dataset yet: passerelle eval run {dataset.usecase}."
        )
    return evaluated(run, dataset, runs.trials(run.id))


def _refuse_mismatch(usecase: str, dataset: Dataset, target: Target) -> None:
    if not dataset.cases:
        raise InvalidRequest(f"The dataset of {usecase} has no cases.")
    for name, other in (("dataset", dataset.usecase), ("model", target.usecase)):
        if other != usecase:
            raise InvalidRequest(f"The {name} belongs to {other}, not to {usecase}.", param=name)


def _run(
    granted: Granted, parts: EvaluationParts, dataset: Dataset, *, model: str, target: Target
) -> tuple[Run, bool]:
    """The run that goes on, or a new one that is not kept yet."""
    organisation = granted.principal.scope.organisation
    found = parts.runs.find(
        dataset.usecase,
        organisation=organisation,
        dataset=dataset.version,
        release=target.release,
    )
    if found is not None and found.finished_at_ms is None:
        return found, False
    run = Run(
        id=new_id("run", parts.clock),
        usecase=dataset.usecase,
        organisation=organisation,
        dataset=dataset.version,
        release=target.release,
        prompt=target.prompt,
        model_name=model,
        started_at_ms=parts.clock.now_ms(),
    )
    return run, True


class _Asking:
    """Asks what a run has not asked yet, some cases side by side."""

    def __init__(
        self, run: Run, parts: EvaluationParts, dataset: Dataset, progress: Report
    ) -> None:
        asked = {trial.case_id for trial in parts.runs.trials(run.id)}
        left = [case for case in dataset.cases if case.id not in asked]
        self._run = run
        self._parts = parts
        self._tally = Tally(len(left), parts.clock, progress)
        self._left = iter(left)
        self._stopped: Refusal | None = None
        self._ends = False

    async def all(self, model: str) -> None:
        """Raises the first refusal, once the cases under way have their trials.

        Cancelled, it asks no further case and waits for those under way: they are
        paid for. A second cancellation does not wait.
        """
        asking = asyncio.ensure_future(self._side_by_side(model))
        try:
            await asyncio.shield(asking)
        except asyncio.CancelledError:
            self._ends = True
            await asking
            raise
        if self._stopped is not None:
            raise self._stopped

    async def _side_by_side(self, model: str) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._parts.at_once):
                group.create_task(self._work(model))

    async def _work(self, model: str) -> None:
        for case in self._left:  # shared: each case goes to one worker
            self._tally.starting(case.id)
            try:
                trial = await self._trial(model, case)
            except Refusal as refusal:
                self._stopped = self._stopped or refusal
                self._ends = True
            else:
                await self._parts.runs.keep(self._run.id, trial)
                self._tally.finished()
            if self._ends:
                return

    async def _trial(self, model: str, case: Case) -> Trial:
        trial = await self._patiently(model, case)
        # A run is about one release: an answer of another is not kept.
        if self._parts.answerer.target(model).release != self._run.release:
            raise ReleaseChanged("Run it again; it begins anew.")
        return trial

    async def _patiently(self, model: str, case: Case) -> Trial:
        for _ in range(MOST_WAITS):
            try:
                return await self._parts.answerer.answer(model, case)
            except Refusal as refusal:
                wait_seconds = refusal.retry_after_seconds
                if wait_seconds is None or wait_seconds > LONGEST_WAIT_SECONDS:
                    raise
                await asyncio.sleep(wait_seconds)
        return await self._parts.answerer.answer(model, case)
