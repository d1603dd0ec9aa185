"""Demo or product? Looks at everything, decides every check, and says how signatures stand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from passerelle.core.values.errors import Refusal
from passerelle.core.values.ids import Digest
from passerelle.core.values.scope import Stage
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.readiness.checks import Result, counted
from passerelle.domain.readiness.facts import Facts, Unknown
from passerelle.domain.readiness.gate import Judgement, judge_all
from passerelle.domain.readiness.loads import LOAD
from passerelle.domain.readiness.signoffs import Signature, standing, unsigned
from passerelle.stories.justify.candidates import Inquiry, ReadinessParts, inquire
from passerelle.stories.justify.probes.charter import (
    look_at_course,
    look_at_people,
    look_at_purpose,
)
from passerelle.stories.justify.probes.economy import (
    PROJECTION,
    look_at_evidence,
    look_at_spending,
)
from passerelle.stories.justify.probes.evaluation import look_at_evaluation
from passerelle.stories.justify.probes.knowledge import look_at_documents
from passerelle.stories.justify.probes.people import look_at_feedback, look_at_waivers
from passerelle.stories.justify.probes.protection import (
    look_at_guards,
    look_at_keys,
    look_at_listener,
    look_at_retention,
)
from passerelle.stories.justify.probes.traffic import look_at_traffic
from passerelle.stories.justify.signatures import today

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class ReadinessReport:
    """Whether a use case may enter its next stage, and what is missing."""

    usecase: str
    stage: Stage
    """Where it is."""
    target: Stage
    """Where it should go."""
    release: Digest
    """What would go live."""
    at_ms: int
    judgement: Judgement
    signatures: tuple[Signature, ...]
    unsigned: tuple[Signature, ...]
    """Those that the target needs and that do not hold."""

    @property
    def blockers(self) -> tuple[Result, ...]:
        return self.judgement.blockers

    @property
    def line(self) -> str:
        """The verdict, and how many signatures that the target needs do not hold."""
        missing = counted(len(self.unsigned), "signature")
        return f"{self.judgement.line}; {missing} missing" if self.unsigned else self.judgement.line


def check(granted: Granted, parts: ReadinessParts, usecase: str) -> ReadinessReport:
    """Every check for the next stage. Raises `NotFound` and, once retired, `InvalidRequest`.

    What cannot be looked at becomes the outcome `error` of the checks that need it.
    """
    granted.require(Permission.READINESS_READ)
    organisation = granted.principal.scope.organisation
    return examine(inquire(parts, usecase, organisation=organisation))


def examine(inquiry: Inquiry) -> ReadinessReport:
    """The report on one inquiry."""
    signoffs = inquiry.parts.signoffs.list(inquiry.usecase, organisation=inquiry.organisation)
    signatures = standing(signoffs, today(inquiry))
    return ReadinessReport(
        usecase=inquiry.usecase,
        stage=inquiry.stage,
        target=inquiry.target,
        release=inquiry.release,
        at_ms=inquiry.now_ms,
        judgement=judge_all(collect(inquiry)),
        signatures=signatures,
        unsigned=unsigned(signatures, inquiry.target),
    )


def collect(inquiry: Inquiry) -> Facts:
    """Looks at everything that checks ask about."""
    candidate, parts = inquiry.candidate, inquiry.parts
    return Facts(
        target=inquiry.target,
        now_ms=inquiry.now_ms,
        releases=candidate.kin(inquiry.target),
        purpose=look_at_purpose(candidate.charter),
        people=look_at_people(candidate.charter.roles),
        guarding=look_at_guards(candidate.guards),
        retention=look_at_retention(inquiry),
        course=look_at_course(inquiry),
        spending=_seen(lambda: look_at_spending(inquiry)),
        evaluated=_seen(lambda: look_at_evaluation(inquiry)),
        traffic=_seen(lambda: look_at_traffic(inquiry)),
        keys=_seen(lambda: look_at_keys(inquiry)),
        reach=_seen(lambda: look_at_listener(parts.listener)),
        proof=_seen(parts.audit),
        projection=_seen(lambda: look_at_evidence(inquiry, PROJECTION)),
        load=_seen(lambda: look_at_evidence(inquiry, LOAD)),
        feedback=_seen(lambda: look_at_feedback(inquiry)),
        documents=_seen(lambda: look_at_documents(candidate)),
        waivers=look_at_waivers(inquiry),
    )


def _seen(look: Callable[[], Found]) -> Found | Unknown:
    try:
        return look()
    except Refusal as refusal:
        return Unknown(refusal.message, broken=True)
