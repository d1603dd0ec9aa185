"""Going on without a check for a while: the owner of the check answers for it, on record."""

from passerelle.core.values.errors import InvalidRequest
from passerelle.core.values.evidence import Evidence, Grade
from passerelle.domain.identity.grants import Forbidden, Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded
from passerelle.domain.readiness.checks import Check
from passerelle.domain.readiness.gate import CHECKS
from passerelle.stories.justify.candidates import ReadinessParts, inquire
from passerelle.stories.justify.evidence import EvidenceParts, Finding, keep_evidence
from passerelle.stories.justify.probes.people import CHECK_FACT, REASON_FACT, WAIVER

LONGEST_DAYS = 90
LONGEST_REASON = 500
"""Characters."""


async def waive(
    granted: Granted,
    parts: ReadinessParts,
    *,
    usecase: str,
    check_id: str,
    reason: str,
    days: int,
) -> Recorded[Evidence]:
    """Lets a check that fails count as waived until the days are over.

    Only the role that owns the check may; the reason is shown with the check and
    kept for ever. Raises `Forbidden`, `InvalidRequest` and `NotFound`.
    """
    granted.require(Permission.EVIDENCE_WRITE)
    principal = granted.principal
    check = _known(check_id)
    if check.owner not in principal.roles:
        raise Forbidden(f"Only somebody with the role {check.owner} waives {check.id}.")
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidRequest(f"A waiver holds 1 to {LONGEST_DAYS} days.", param="days")
    if not 1 <= len(reason.strip()) <= LONGEST_REASON:
        detail = f"A reason has 1 to {LONGEST_REASON} characters."
        raise InvalidRequest(detail, param="reason")
    inquiry = inquire(parts, usecase, organisation=principal.scope.organisation)
    finding = Finding(
        kind=WAIVER,
        usecase=usecase,
        release=inquiry.release,
        days=days,
        grade=Grade.SELF_REPORT,
        facts={CHECK_FACT: check.id, REASON_FACT: reason.strip()},
    )
    kept = EvidenceParts(parts.evidence, parts.ledger, parts.clock)
    return await keep_evidence(granted, kept, finding)


def _known(check_id: str) -> Check:
    for check in CHECKS:
        if check.id == check_id:
            return check
    raise InvalidRequest(f"There is no check {check_id!r}: see passerelle check --list.")
