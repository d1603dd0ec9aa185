"""What load was borne becomes evidence."""

from passerelle.core.values.evidence import Evidence, Grade
from passerelle.core.values.ids import Digest
from passerelle.domain.identity.grants import Granted
from passerelle.domain.ledger.acts import Recorded
from passerelle.domain.readiness.economy import LOAD_DAYS
from passerelle.domain.readiness.loads import LOAD, LoadSeen, figures_of, load_facts
from passerelle.stories.justify.evidence import EvidenceParts, Finding, keep_evidence


async def record_load(
    granted: Granted, parts: EvidenceParts, *, usecase: str, release: Digest, seen: LoadSeen
) -> Recorded[Evidence]:
    """Keeps what a load test saw of the release that answered it."""
    figures = figures_of(seen)
    finding = Finding(
        kind=LOAD,
        usecase=usecase,
        release=release,
        days=LOAD_DAYS,
        grade=Grade.BEFORE_AFTER,
        facts=load_facts(figures),
        estimate=figures.p99_ms,
    )
    return await keep_evidence(granted, parts, finding)
