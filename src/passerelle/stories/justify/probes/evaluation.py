"""The newest finished evaluation."""

from passerelle.core.statistics.intervals import wilson
from passerelle.core.values.verdicts import Support
from passerelle.domain.evaluation.datasets import Dataset, assemble
from passerelle.domain.evaluation.runs import Run
from passerelle.domain.evaluation.scorers import judge
from passerelle.domain.readiness.facts import Evaluated, Unknown
from passerelle.stories.justify.candidates import Inquiry

EVALUATION = "evaluation"
"""Kind of the evidence that a run is."""


def newest_run(inquiry: Inquiry) -> Run | None:
    """The last finished one of what would go live; else the last finished one of anything."""
    runs = inquiry.parts.runs.list(inquiry.usecase, organisation=inquiry.organisation)
    finished = [run for run in runs if run.finished_at_ms is not None]
    kin = inquiry.candidate.kin(inquiry.target)
    ours = (run for run in finished if run.release in kin)
    return next(ours, finished[0] if finished else None)


def dataset_of(inquiry: Inquiry) -> Dataset:
    """The cases of the file, then those that came from flags."""
    collected = inquiry.parts.cases.list(inquiry.usecase, organisation=inquiry.organisation)
    return assemble(inquiry.usecase, inquiry.candidate.cases, collected)


def look_at_evaluation(inquiry: Inquiry) -> Evaluated | Unknown:
    """Its answers held against the cases as they are today; cases since removed are left out."""
    run = newest_run(inquiry)
    if run is None or run.finished_at_ms is None:
        return Unknown("No evaluation has been finished yet.")
    cases = {case.id: case for case in dataset_of(inquiry).cases}
    trials = inquiry.parts.runs.trials(run.id)
    judged = [judge(cases[trial.case_id], trial) for trial in trials if trial.case_id in cases]
    scanned = [trial for trial in trials if trial.support is not Support.NOT_SCANNED]
    return Evaluated(
        at_ms=run.finished_at_ms,
        same_release=run.release in inquiry.candidate.kin(inquiry.target),
        right=wilson(sum(each.right for each in judged), len(judged)),
        unsupported=wilson(
            sum(trial.support is not Support.SUPPORTED for trial in scanned), len(scanned)
        ),
    )
