"""The newest finished evaluation."""

from passerelle.core.statistics.intervals import wilson
from passerelle.core.values.verdicts import Support
from passerelle.domain.evaluation.cases import Case
from passerelle.domain.evaluation.runs import Run, Trial
from passerelle.domain.readiness.facts import Evaluated, Unknown
from passerelle.stories.justify.candidates import Inquiry

EVALUATION = "evaluation"
OK = 200


def newest_run(inquiry: Inquiry) -> Run | None:
    """The last finished one of what would go live; else the last finished one of anything."""
    runs = inquiry.parts.runs.list(inquiry.usecase, organisation=inquiry.organisation)
    finished = [run for run in runs if run.finished_at_ms is not None]
    kin = inquiry.candidate.kin(inquiry.target)
    ours = (run for run in finished if run.release in kin)
    return next(ours, finished[0] if finished else None)


def look_at_evaluation(inquiry: Inquiry) -> Evaluated | Unknown:
    run = newest_run(inquiry)
    if run is None or run.finished_at_ms is None:
        return Unknown("No evaluation has been finished yet.")
    cases = {case.id: case for case in inquiry.candidate.cases}
    pairs = [
        (cases[trial.case_id], trial)
        for trial in inquiry.parts.runs.trials(run.id)
        if trial.case_id in cases
    ]
    judged = [trial for _, trial in pairs if trial.support is not Support.NOT_SCANNED]
    return Evaluated(
        at_ms=run.finished_at_ms,
        same_release=run.release in inquiry.candidate.kin(inquiry.target),
        right=wilson(sum(is_right(case, trial) for case, trial in pairs), len(pairs)),
        unsupported=wilson(
            sum(trial.support is not Support.SUPPORTED for trial in judged), len(judged)
        ),
    )


def is_right(case: Case, trial: Trial) -> bool:
    """It knew what it could know and said so of the right document, or said that it does not know.

    An answer counts when the passages support it and it cites one of the documents that
    hold the answer, where the case names any.
    """
    if not case.answerable:
        return trial.refused
    cites = not case.documents or not set(case.documents).isdisjoint(trial.cited_documents)
    answered = trial.status == OK and not trial.refused
    return answered and cites and trial.support is Support.SUPPORTED
