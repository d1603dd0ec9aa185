"""Evidence is kept: on record, and never changed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.clock import Clock
from passerelle.core.values.estimates import Estimate
from passerelle.core.values.evidence import Evidence, EvidenceBox, Grade
from passerelle.core.values.ids import Digest, new_id
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded, record
from passerelle.domain.ledger.entries import Draft, Ledger
from passerelle.domain.ledger.events import EVIDENCE_RECORD
from passerelle.domain.readiness.checks import DAY_MS


@dataclass(frozen=True, slots=True)
class EvidenceParts:
    """What keeping evidence needs."""

    evidence: EvidenceBox
    ledger: Ledger
    clock: Clock


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out, not yet kept."""

    kind: str
    usecase: str
    release: Digest
    """What was looked at."""
    days: int
    """How long it counts."""
    grade: Grade
    facts: Mapping[str, JsonValue]
    estimate: Estimate | None = None
    """Left out when it is not finite."""


async def keep_evidence(
    granted: Granted, parts: EvidenceParts, finding: Finding
) -> Recorded[Evidence]:
    """Keeps a finding of this moment; the ledger's entry binds it by its digest."""
    granted.require(Permission.EVIDENCE_WRITE)
    principal, now_ms = granted.principal, parts.clock.now_ms()
    evidence = Evidence(
        id=new_id("evd", parts.clock),
        kind=finding.kind,
        subject=finding.release,
        usecase=finding.usecase,
        organisation=principal.scope.organisation,
        by=principal.id,
        at_ms=now_ms,
        expires_at_ms=now_ms + finding.days * DAY_MS,
        grade=finding.grade,
        facts=finding.facts,
        estimate=_finite(finding.estimate),
    )

    async def keep() -> Evidence:
        await parts.evidence.add(evidence)
        return evidence

    draft = Draft(
        event=EVIDENCE_RECORD,
        at_ms=now_ms,
        scope=principal.scope,
        principal=principal.id,
        subject=evidence.id,
        usecase=evidence.usecase,
        facts={
            "kind": evidence.kind,
            "grade": evidence.grade.value,
            "release": evidence.subject,
            "digest": evidence.digest,
            "expires_at_ms": evidence.expires_at_ms,
        },
    )
    return await record(parts.ledger, draft, keep)


def _finite(estimate: Estimate | None) -> Estimate | None:
    if estimate is None:
        return None
    figures = (estimate.value, estimate.low, estimate.high)
    return estimate if all(map(math.isfinite, figures)) else None
