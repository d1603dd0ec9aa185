"""Evidence is kept: on record, and never changed."""

from dataclasses import dataclass

from passerelle.core.values.clock import Clock
from passerelle.core.values.evidence import Evidence, EvidenceBox
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded, record
from passerelle.domain.ledger.entries import Draft, Ledger
from passerelle.domain.ledger.events import EVIDENCE_RECORD


@dataclass(frozen=True, slots=True)
class EvidenceParts:
    """What keeping evidence needs."""

    evidence: EvidenceBox
    ledger: Ledger
    clock: Clock


async def keep_evidence(
    granted: Granted, parts: EvidenceParts, evidence: Evidence
) -> Recorded[Evidence]:
    """Adds it; the ledger's entry binds it by its digest."""
    granted.require(Permission.EVIDENCE_WRITE)

    async def keep() -> Evidence:
        await parts.evidence.add(evidence)
        return evidence

    draft = Draft(
        event=EVIDENCE_RECORD,
        at_ms=evidence.at_ms,
        scope=granted.principal.scope,
        principal=granted.principal.id,
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
