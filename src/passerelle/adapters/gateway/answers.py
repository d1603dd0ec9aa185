"""From what may leave to the bytes that leave."""

from passerelle.core.values.passages import Citation
from passerelle.core.values.verdicts import Grounding
from passerelle.stories.serve.exchange import Checked, SurfaceVerdict
from passerelle.transport.wire.provenance import (
    CitationObject,
    ClaimObject,
    FindingObject,
    GroundingObject,
    GuardObject,
    Provenance,
    RouteObject,
)


def provenance_of(checked: Checked) -> Provenance:
    served = checked.served
    return Provenance(
        exchange_id=checked.exchange_id,
        usecase=served.usecase,
        stage=served.stage,
        release=served.release,
        citations=[_citation(citation) for citation in checked.citations],
        grounding=_grounding(checked.grounding),
        guards=[_guard(guard) for guard in checked.guards],
        route=RouteObject(served.provider, served.model),
        cost_nano_usd=checked.cost_nano_usd,
        price=checked.price_book,
    )


def _citation(citation: Citation) -> CitationObject:
    return CitationObject(
        number=citation.number,
        document=citation.document,
        title=citation.title,
        passage=citation.passage,
        start=citation.start,
        end=citation.end,
        quote=citation.quote,
    )


def _grounding(grounding: Grounding) -> GroundingObject:
    claims = [
        ClaimObject(
            start=claim.start,
            end=claim.end,
            verdict=claim.support,
            score=claim.score,
            citation=None if claim.citation is None else claim.citation.number,
        )
        for claim in grounding.claims
    ]
    return GroundingObject(grounding.support, grounding.score, claims, grounding.reason)


def _guard(guard: SurfaceVerdict) -> GuardObject:
    verdict = guard.verdict
    return GuardObject(
        guard=verdict.guard,
        surface=guard.surface,
        outcome=verdict.outcome,
        reason=verdict.reason,
        findings=[FindingObject(one.kind, one.start, one.end) for one in verdict.findings],
        released_characters=verdict.released_characters,
    )
