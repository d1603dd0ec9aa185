"""What load was borne becomes evidence."""

import math

from passerelle.core.values.evidence import Evidence, Grade
from passerelle.core.values.ids import Digest, new_id
from passerelle.domain.identity.grants import Granted
from passerelle.domain.ledger.acts import Recorded
from passerelle.domain.readiness.checks import DAY_MS
from passerelle.domain.readiness.economy import LOAD_DAYS
from passerelle.domain.readiness.loads import LOAD, LoadSeen, figures_of, load_facts
from passerelle.stories.justify.evidence import EvidenceParts, keep_evidence


async def record_load(
    granted: Granted, parts: EvidenceParts, *, usecase: str, release: Digest, seen: LoadSeen
) -> Recorded[Evidence]:
    """Keeps what a load test saw of the release that answered it."""
    figures = figures_of(seen)
    now_ms = parts.clock.now_ms()
    bounds = (figures.p99_ms.low, figures.p99_ms.high)
    evidence = Evidence(
        id=new_id("evd", parts.clock),
        kind=LOAD,
        subject=release,
        usecase=usecase,
        organisation=granted.principal.scope.organisation,
        by=granted.principal.id,
        at_ms=now_ms,
        expires_at_ms=now_ms + LOAD_DAYS * DAY_MS,
        grade=Grade.BEFORE_AFTER,
        facts=load_facts(figures),
        # A digest is taken over finite numbers only; the facts keep what is there.
        estimate=figures.p99_ms if all(map(math.isfinite, bounds)) else None,
    )
    return await keep_evidence(granted, parts, evidence)
