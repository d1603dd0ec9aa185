"""The `passerelle` object: where an answer comes from and what was checked.

A client of OpenAI ignores it; one that knows us reads it beside the answer.
"""

import msgspec


class CitationObject(msgspec.Struct):
    number: int
    document: str
    title: str
    passage: str
    start: int
    end: int
    quote: str


class ClaimObject(msgspec.Struct):
    start: int
    end: int
    verdict: str
    score: float
    citation: int | None
    """Number of the citation; null when no passage comes near."""


class GroundingObject(msgspec.Struct):
    verdict: str
    score: float
    claims: list[ClaimObject]
    reason: str


class FindingObject(msgspec.Struct):
    kind: str
    start: int
    end: int


class GuardObject(msgspec.Struct):
    guard: str
    surface: str
    outcome: str
    reason: str
    findings: list[FindingObject]
    released_characters: int


class RouteObject(msgspec.Struct):
    provider: str
    model: str


class Provenance(msgspec.Struct):
    exchange_id: str
    usecase: str
    stage: str
    release: str
    citations: list[CitationObject]
    grounding: GroundingObject
    guards: list[GuardObject]
    route: RouteObject
    cost_nano_usd: int | None
    price: str
    """Date of the price book."""
