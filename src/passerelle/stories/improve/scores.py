"""Runs that are kept, scored again when somebody looks at them."""

from dataclasses import dataclass

from passerelle.core.values.errors import NotFound
from passerelle.domain.evaluation.cases import Case
from passerelle.domain.evaluation.datasets import Dataset
from passerelle.domain.evaluation.runs import Run, RunBox
from passerelle.domain.evaluation.summaries import Evaluation, evaluated
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission

MOST_RUNS = 20


@dataclass(frozen=True, slots=True)
class Scored:
    """A finished run over the cases that it was asked."""

    evaluation: Evaluation
    unasked: tuple[Case, ...]
    """Cases that came after the run."""


def list_runs(granted: Granted, runs: RunBox, usecase: str) -> tuple[Run, ...]:
    """The last runs of a use case, newest first, unfinished ones included."""
    granted.require(Permission.EVALUATION_READ)
    organisation = granted.principal.scope.organisation
    return runs.list(usecase, organisation=organisation, limit=MOST_RUNS)


def score_run(granted: Granted, runs: RunBox, dataset: Dataset, *, run_id: str = "") -> Scored:
    """The last finished run, or the named one of the last.

    Cases that came after the run are left out; that the others are as they were
    then is proved by their digest. Raises `NotFound` with what to do.
    """
    usecase = dataset.usecase
    finished = [run for run in list_runs(granted, runs, usecase) if run.finished_at_ms is not None]
    if not finished:
        raise NotFound(f"Nothing has answered its cases yet: passerelle eval run {usecase}.")
    for run in finished:
        if run_id in ("", run.id) and (found := _scored(run, runs, dataset)):
            return found
    if run_id and all(run.id != run_id for run in finished):
        raise NotFound(f"There is no finished run {run_id!r} among the last {MOST_RUNS}.")
    raise NotFound(f"The cases have changed since: passerelle eval run {usecase}.")


def _scored(run: Run, runs: RunBox, dataset: Dataset) -> Scored | None:
    trials = runs.trials(run.id)
    asked = {trial.case_id for trial in trials}
    then = Dataset(dataset.usecase, tuple(case for case in dataset.cases if case.id in asked))
    if then.version != run.dataset:
        return None
    unasked = tuple(case for case in dataset.cases if case.id not in asked)
    return Scored(evaluated(run, then, trials), unasked)
