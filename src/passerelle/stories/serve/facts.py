"""What the ledger keeps of an exchange for ever: small, and free of personal text.

What has its default is left out, and a guard that passed a text is only named, so that an
entry is a third as long; who reads an entry gives what it lacks the same default.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from passerelle.core.values.passages import Citation
from passerelle.core.values.verdicts import Grounding, Outcome
from passerelle.domain.ledger.entries import Facts
from passerelle.stories.serve.exchange import SurfaceVerdict

ANSWERED: Final = 200
PROVIDER_FAULT: Final = "provider_"
"""How codes of requests begin that no provider answered."""


class _Part(msgspec.Struct, frozen=True, omit_defaults=True):
    pass


class FindingFacts(_Part, frozen=True):
    kind: str
    start: int
    end: int


class GuardFacts(_Part, frozen=True):
    surface: str
    guard: str
    outcome: str
    reason: str = ""
    findings: tuple[FindingFacts, ...] = ()
    released_characters: int = 0


class ClaimFacts(_Part, frozen=True):
    start: int
    end: int
    support: str
    score: float
    citation: int | None = None


class GroundingFacts(_Part, frozen=True):
    support: str
    score: float = 0.0
    reason: str = ""
    claims: tuple[ClaimFacts, ...] = ()


class CitationFacts(_Part, frozen=True):
    """Without title and quote: those are content, and content is kept apart."""

    number: int
    document: str
    passage: str
    start: int
    end: int


class AttemptFacts(_Part, frozen=True):
    provider: str
    model: str
    code: str
    ms: int


class ExchangeFacts(Facts, frozen=True):
    """Read back by `govern`, `justify` and `serve/recall.py`, each as far as it asks."""

    status: int
    purpose: str
    cost_nano_usd: int | None
    input_tokens: int
    output_tokens: int
    grounding: GroundingFacts
    code: str = ""
    operation: str = "chat"
    cut_off: bool = False
    stream: bool = False
    request_id: str = ""
    key_id: str = ""
    latency_ms: int = 0
    upstream_ms: int = 0
    price_book: str = ""
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    usage_estimated: bool = False
    passed: dict[str, list[str]] = msgspec.field(default_factory=dict)
    """Surface to the guards that found nothing there."""
    guards: tuple[GuardFacts, ...] = ()
    """Verdicts that say more."""
    citations: tuple[CitationFacts, ...] = ()
    hits: tuple[str, ...] = ()
    end_user: str = ""
    stage: str = ""
    release: str = ""
    prompt: str = ""
    knowledge_version: str = ""
    provider: str = ""
    model: str = ""
    attempts: tuple[AttemptFacts, ...] = ()
    dropped: int = 0
    asked: bool | None = None
    """Was a provider asked? Told only where `seems_asked` would say something else."""


def seems_asked(*, status: int, code: str, taken: bool) -> bool:
    """Was a provider asked, as far as the other facts show it? `taken`: tokens or money."""
    return taken or status == ANSWERED or code.startswith(PROVIDER_FAULT)


def sorted_verdicts(
    verdicts: Iterable[SurfaceVerdict],
) -> tuple[dict[str, list[str]], tuple[GuardFacts, ...]]:
    """`passed` and `guards` of the facts."""
    passed: dict[str, list[str]] = {}
    guards: list[GuardFacts] = []
    for at in verdicts:
        verdict = at.verdict
        if verdict.outcome is Outcome.PASSED and not verdict.findings:
            passed.setdefault(at.surface, []).append(verdict.guard)
        else:
            guards.append(_guard_facts(at))
    return passed, tuple(guards)


def _guard_facts(at: SurfaceVerdict) -> GuardFacts:
    verdict = at.verdict
    return GuardFacts(
        at.surface,
        verdict.guard,
        verdict.outcome,
        verdict.reason,
        tuple(FindingFacts(found.kind, found.start, found.end) for found in verdict.findings),
        verdict.released_characters,
    )


def grounding_facts(grounding: Grounding) -> GroundingFacts:
    claims = tuple(
        ClaimFacts(
            claim.start,
            claim.end,
            claim.support,
            round(claim.score, 4),
            claim.citation.number if claim.citation else None,
        )
        for claim in grounding.claims
    )
    return GroundingFacts(grounding.support, round(grounding.score, 4), grounding.reason, claims)


def citation_facts(citations: Sequence[Citation]) -> tuple[CitationFacts, ...]:
    return tuple(
        CitationFacts(each.number, each.document, each.passage, each.start, each.end)
        for each in citations
    )
