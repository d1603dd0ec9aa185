"""Is it good enough, and does anybody act on what people say of it?"""

from collections.abc import Mapping
from dataclasses import dataclass

from passerelle.core.values.scope import Stage
from passerelle.domain.readiness.checks import (
    DAY_MS,
    Check,
    Decision,
    Family,
    Severity,
    about,
    counted,
    failed,
    listed,
    missing,
    not_applicable,
    passed,
    share,
    too_old,
)
from passerelle.domain.readiness.facts import Documents, Evaluated, Facts, Feedback, Unknown

FEWEST_CASES = 100
FEWEST_LIVE = 30
"""Judged live answers from which on live traffic decides beside the evaluation."""
EVALUATION_DAYS = 90
OPEN_DAYS = 7
"""How long a flag may wait for its review."""


@dataclass(frozen=True, slots=True)
class Bar:
    """How good a use case must be to enter a stage; shares."""

    right_at_least: float
    """Lower bound of the share of right answers."""
    unsupported_at_most: float
    """Upper bound of the share of unsupported answers."""


BARS: Mapping[Stage, Bar] = {
    Stage.POC: Bar(0.0, 1.0),
    Stage.PILOT: Bar(0.6, 0.15),
    Stage.LIMITED: Bar(0.7, 0.1),
    Stage.PRODUCTION: Bar(0.8, 0.05),
    Stage.RETIRED: Bar(0.0, 1.0),
}
"""A pilot has few users who know what they try; the bars rise with what an error costs."""


def _cases(evaluated: Evaluated, facts: Facts) -> Decision:
    del facts
    n = evaluated.right.n
    told = f"{counted(n, 'case')} evaluated; {FEWEST_CASES} are needed."
    return passed(told) if n >= FEWEST_CASES else failed(told)


def _right(evaluated: Evaluated, facts: Facts) -> Decision:
    bar = BARS[facts.target].right_at_least
    told = (
        f"Right answers: {share(evaluated.right)}; "
        f"the lower bound must reach {100 * bar:g} % for {facts.target}."
    )
    enough = evaluated.right.n > 0 and evaluated.right.low >= bar
    return (passed if enough else failed)(told, evaluated.right)


def _current(evaluated: Evaluated, facts: Facts) -> Decision:
    if not evaluated.same_release:
        return failed("What would go live is not what was evaluated: a part of it has changed.")
    if reason := too_old(evaluated.at_ms, facts, days=EVALUATION_DAYS):
        return failed(f"The evaluation no longer counts. {reason}")
    age = (facts.now_ms - evaluated.at_ms) // DAY_MS
    return passed(f"Evaluated as it would go live, {counted(age, 'day')} ago.")


def _unsupported(facts: Facts) -> Decision:
    """Live answers where there are enough of them, and those of the evaluation."""
    bar = BARS[facts.target].unsupported_at_most
    seen = []
    if not isinstance(facts.evaluated, Unknown) and facts.evaluated.unsupported.n:
        seen.append(("evaluation", facts.evaluated.unsupported))
    if not isinstance(facts.traffic, Unknown) and facts.traffic.unsupported.n >= FEWEST_LIVE:
        seen.append(("live traffic", facts.traffic.unsupported))
    if not seen:
        return missing("No answer has been judged yet.")
    told = "; ".join(f"{place}: {share(estimate)}" for place, estimate in seen)
    told += f". The upper bound may be {100 * bar:g} % for {facts.target}."
    worst = max((estimate for _, estimate in seen), key=lambda estimate: estimate.high)
    return (passed if worst.high <= bar else failed)(told, worst)


def _searchable(facts: Facts) -> Decision:
    if facts.documents is None:
        return not_applicable("It answers without documents.")
    return about(lambda _: facts.documents or Unknown(""), _some)(facts)


def _some(documents: Documents, facts: Facts) -> Decision:
    del facts
    if documents.searchable:
        return passed(f"{counted(documents.searchable, 'document')} can be searched.")
    return failed("There is nothing to search.")


def _readable(facts: Facts) -> Decision:
    if facts.documents is None:
        return not_applicable("It answers without documents.")
    return about(lambda _: facts.documents or Unknown(""), _none_quarantined)(facts)


def _none_quarantined(documents: Documents, facts: Facts) -> Decision:
    del facts
    paths = documents.quarantined
    if paths:
        return failed(f"{counted(len(paths), 'document')} could not be read: {listed(paths)}.")
    return passed("Every document was read.")


def _closed(feedback: Feedback, facts: Facts) -> Decision:
    if not feedback.flags:
        return missing("Nobody has flagged an answer, so the way from a flag to a case is untried.")
    told = f"{feedback.reviewed} of {counted(feedback.flags, 'flag')} reviewed"
    if feedback.oldest_open_ms is None:
        return passed(f"{told}.")
    if reason := too_old(feedback.oldest_open_ms, facts, days=OPEN_DAYS):
        return failed(f"{told}. The oldest open flag: {reason}")
    if not feedback.reviewed:
        return failed(f"{told}: nobody has reviewed one yet.")
    return passed(f"{told}; none has waited {OPEN_DAYS} days.")


CHECKS = (
    Check(
        id="REL-01",
        family=Family.QUALITY,
        title=f"It was evaluated on at least {FEWEST_CASES} cases",
        severity=Severity.BLOCKER,
        owner="developer",
        why="Nine right of ten may be seven right of ten in truth.",
        remediation="Add cases to the use case's cases.jsonl and run passerelle eval run NAME.",
        decide=about(lambda facts: facts.evaluated, _cases),
    ),
    Check(
        id="REL-02",
        family=Family.QUALITY,
        title="Enough answers are right, at the lower bound",
        severity=Severity.BLOCKER,
        owner="developer",
        why="The average of a lucky sample is no promise; its lower bound is.",
        remediation="Read the cases that failed in the report; mend prompt, documents or model.",
        decide=about(lambda facts: facts.evaluated, _right),
    ),
    Check(
        id="REL-03",
        family=Family.QUALITY,
        title="What was evaluated is what goes live",
        severity=Severity.BLOCKER,
        owner="developer",
        why="A changed prompt, model, guard or document may answer differently.",
        remediation="Run passerelle eval run NAME again.",
        decide=about(lambda facts: facts.evaluated, _current),
    ),
    Check(
        id="REL-04",
        family=Family.QUALITY,
        title="Few answers are unsupported, at the upper bound",
        severity=Severity.BLOCKER,
        owner="developer",
        why="An answer that no document supports is a guess that sounds sure.",
        remediation='Set unsupported = "refuse" in [grounding], or mend what retrieval finds.',
        decide=_unsupported,
    ),
    Check(
        id="KNO-01",
        family=Family.KNOWLEDGE,
        title="There is knowledge to answer from",
        severity=Severity.BLOCKER,
        owner="developer",
        why="Without documents the model answers from memory.",
        remediation="Put documents into the knowledge folder and run passerelle ingest.",
        decide=_searchable,
    ),
    Check(
        id="KNO-02",
        family=Family.KNOWLEDGE,
        title="Every document could be read",
        severity=Severity.WARNING,
        owner="developer",
        why="What stands in an unread document is answered with 'I do not know'.",
        remediation="Repair or remove the documents that passerelle ingest lists.",
        decide=_readable,
    ),
    Check(
        id="FBK-01",
        family=Family.FEEDBACK,
        title="Flags are reviewed within a week",
        severity=Severity.BLOCKER,
        owner="business_owner",
        why="People stop telling what is wrong when nothing comes of it.",
        remediation="Review the open flags: passerelle review, or the console's page.",
        decide=about(lambda facts: facts.feedback, _closed),
    ),
)
