"""What a check is, and how one is decided."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from passerelle.core.values.estimates import Estimate
from passerelle.domain.readiness.facts import Facts, Known, Unknown, Waiver

DAY_MS = 86_400_000
Topic = TypeVar("Topic")


class Family(StrEnum):
    """What a check is about."""

    VALUE = "value"
    PEOPLE = "people"
    QUALITY = "quality"
    KNOWLEDGE = "knowledge"
    SECURITY = "security"
    COMPLIANCE = "compliance"
    COST = "cost"
    CAPACITY = "capacity"
    FEEDBACK = "feedback"
    PLAN = "plan"


class Severity(StrEnum):
    """What a check that fails does."""

    BLOCKER = "blocker"
    """The use case stays where it is."""
    WARNING = "warning"


class Outcome(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105 - a word of ours
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    NOT_AVAILABLE = "not_available"
    """Nothing is there yet that could be judged; counts as missing."""
    ERROR = "error"
    """Looking failed; counts as missing."""
    WAIVED = "waived"
    """Failed, and somebody answers for it for a while."""


HOLDS = frozenset({Outcome.PASS, Outcome.WAIVED, Outcome.NOT_APPLICABLE})


@dataclass(frozen=True, slots=True)
class Decision:
    """What was seen, in words, and what follows from it."""

    outcome: Outcome
    evidence: str
    estimate: Estimate | None = None
    """The figure that decided, where there is one."""


@dataclass(frozen=True, slots=True)
class Check:
    """One condition for going live: data, and a pure decision over facts."""

    id: str
    """Stable, such as `VAL-01`."""
    family: Family
    title: str
    """What must hold."""
    severity: Severity
    owner: str
    """The role that answers for it."""
    why: str
    remediation: str
    """What to do when it does not hold."""
    decide: Callable[[Facts], Decision]


@dataclass(frozen=True, slots=True)
class Result:
    """A check and how it ended."""

    check: Check
    decision: Decision

    @property
    def outcome(self) -> Outcome:
        return self.decision.outcome

    @property
    def holds(self) -> bool:
        """Nothing is missing here."""
        return self.outcome in HOLDS

    @property
    def blocks(self) -> bool:
        """Keeps the use case from going on."""
        return self.check.severity is Severity.BLOCKER and not self.holds


def judge(check: Check, facts: Facts) -> Result:
    """Decides one check; a waiver in force turns what is missing into `waived`, never an error."""
    decision = check.decide(facts)
    waiver = facts.waivers.get(check.id)
    if waiver is None or decision.outcome not in (Outcome.FAIL, Outcome.NOT_AVAILABLE):
        return Result(check, decision)
    if facts.now_ms >= waiver.until_ms:
        told = f"{decision.evidence} A waiver by {waiver.by} has expired."
        return Result(check, replace(decision, evidence=told))
    return Result(check, _waived(decision, waiver, facts.now_ms))


def _waived(decision: Decision, waiver: Waiver, now_ms: int) -> Decision:
    days = -(-(waiver.until_ms - now_ms) // DAY_MS)
    told = f"{decision.evidence} Waived by {waiver.by} for {days} more days: {waiver.reason}"
    return replace(decision, outcome=Outcome.WAIVED, evidence=told)


def passed(evidence: str, estimate: Estimate | None = None) -> Decision:
    return Decision(Outcome.PASS, evidence, estimate)


def failed(evidence: str, estimate: Estimate | None = None) -> Decision:
    return Decision(Outcome.FAIL, evidence, estimate)


def missing(evidence: str) -> Decision:
    return Decision(Outcome.NOT_AVAILABLE, evidence)


def not_applicable(evidence: str) -> Decision:
    return Decision(Outcome.NOT_APPLICABLE, evidence)


def about(
    topic: Callable[[Facts], Known[Topic]], decide: Callable[[Topic, Facts], Decision]
) -> Callable[[Facts], Decision]:
    """A decision on one topic; what is unknown decides itself."""

    def decided(facts: Facts) -> Decision:
        found = topic(facts)
        if isinstance(found, Unknown):
            return Decision(Outcome.ERROR if found.broken else Outcome.NOT_AVAILABLE, found.reason)
        return decide(found, facts)

    return decided


def share(estimate: Estimate) -> str:
    """A share for people: `82.5 % [74.7 %, 88.3 %], n = 120, wilson 95%`."""
    low, high = (f"{100 * bound:.1f} %" for bound in (estimate.low, estimate.high))
    return f"{100 * estimate.value:.1f} % [{low}, {high}], n = {estimate.n}, {estimate.method}"


def counted(number: int, one: str, many: str = "") -> str:
    """`1 key`, `3 keys`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(names: tuple[str, ...], most: int = 3) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def too_old(at_ms: int, facts: Facts, *, days: int) -> str:
    """Why something observed then no longer counts; empty while it does."""
    if at_ms > facts.now_ms:
        return "It is dated in the future: a clock was wrong, so nobody knows how old it is."
    age = (facts.now_ms - at_ms) // DAY_MS
    return f"It is {age:,} days old; {days} are allowed." if age >= days else ""
