"""Demo or product? Checks, signatures and the way to the next stage."""

import asyncio

import msgspec
from litestar.params import FromPath, JSONBody

from passerelle.adapters.api.figures import Estimate, show_known
from passerelle.adapters.api.parts import ApiParts
from passerelle.adapters.api.routes import read, write
from passerelle.adapters.api.usecases import view_of
from passerelle.core.values.scope import Stage
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded
from passerelle.domain.readiness import signoffs
from passerelle.domain.readiness.checks import Family, Outcome, Result, Severity
from passerelle.domain.readiness.gate import Verdict
from passerelle.domain.readiness.signoffs import REQUIRED, Meaning, Standing
from passerelle.domain.usecases import stages
from passerelle.stories.justify.check import ReadinessReport, check
from passerelle.stories.justify.go_live import go_live
from passerelle.stories.justify.sign import sign


class ReadinessCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One condition for going live, and how it ended."""

    id: str
    family: Family
    title: str
    severity: Severity
    owner: str
    """The role that answers for it."""
    why: str
    remediation: str
    outcome: Outcome
    evidence: str
    estimate: Estimate | None
    """The figure that decided, where there is one."""
    holds: bool
    blocks: bool


class Signoff(msgspec.Struct, frozen=True, kw_only=True):
    """One signature."""

    id: str
    usecase: str
    role: str
    meaning: Meaning
    reason: str
    stage: Stage
    principal: str
    at_ms: int


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """How one role stands."""

    role: str
    needed: bool
    """Before the target may be entered."""
    standing: Standing
    reasons: list[str]
    """Why it does not hold, a sentence each."""
    signoff: Signoff | None


class StageMove(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a use case between stages."""

    id: str
    usecase: str
    before: Stage
    to: Stage
    reason: str
    by: str
    at_ms: int


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a use case may enter its next stage, and what is missing."""

    line: str
    verdict: Verdict
    usecase: str
    stage: Stage
    target: Stage
    release: str
    at_ms: int
    checks: list[ReadinessCheck]
    signatures: list[Signature]
    moves: list[StageMove]
    """Newest first."""


class NewSignoff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signature to give."""

    usecase: str
    role: str
    meaning: Meaning
    reason: str


class NewStage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A move to make."""

    usecase: str
    to: Stage
    reason: str = ""


async def show_readiness(granted: Granted, parts: ApiParts, *, usecase: FromPath[str]) -> Readiness:
    """The verdict, every check for the next stage, and how the signatures stand."""
    view_of(granted, parts, usecase)
    # Reads thousands of entries and verifies the whole ledger.
    report = await asyncio.to_thread(check, granted, parts.readiness, usecase)
    organisation = granted.principal.scope.organisation
    moves = parts.readiness.stages.history(usecase, organisation=organisation)
    return _readiness(report, [show_move(move) for move in moves])


async def create_signoff(
    granted: Granted, parts: ApiParts, *, data: JSONBody[NewSignoff]
) -> Recorded[signoffs.Signoff]:
    """Signs for a role that the caller holds, bound to what is there now."""
    view_of(granted, parts, data.usecase)
    return await sign(
        granted,
        parts.readiness,
        usecase=data.usecase,
        role=data.role,
        meaning=data.meaning,
        reason=data.reason,
    )


async def create_stage_move(
    granted: Granted, parts: ApiParts, *, data: JSONBody[NewStage]
) -> Recorded[stages.StageMove]:
    """Moves a use case: one stage forward when nothing is missing, back at any time."""
    view_of(granted, parts, data.usecase)
    return await go_live(granted, parts.readiness, data.usecase, to=data.to, reason=data.reason)


def show_signoff(signoff: signoffs.Signoff) -> Signoff:
    return msgspec.convert(signoff, Signoff, from_attributes=True)


def show_move(move: stages.StageMove) -> StageMove:
    return msgspec.convert(move, StageMove, from_attributes=True)


def _readiness(report: ReadinessReport, moves: list[StageMove]) -> Readiness:
    needed = REQUIRED.get(report.target, ())
    return Readiness(
        line=report.judgement.line,
        verdict=report.judgement.verdict,
        usecase=report.usecase,
        stage=report.stage,
        target=report.target,
        release=report.release,
        at_ms=report.at_ms,
        checks=[_check(result) for result in report.judgement.results],
        signatures=[
            Signature(
                role=each.role,
                needed=each.role in needed,
                standing=each.standing,
                reasons=list(each.reasons),
                signoff=show_signoff(each.signoff) if each.signoff else None,
            )
            for each in report.signatures
        ],
        moves=moves,
    )


def _check(result: Result) -> ReadinessCheck:
    asked, decision = result.check, result.decision
    return ReadinessCheck(
        id=asked.id,
        family=asked.family,
        title=asked.title,
        severity=asked.severity,
        owner=asked.owner,
        why=asked.why,
        remediation=asked.remediation,
        outcome=decision.outcome,
        evidence=decision.evidence,
        estimate=show_known(decision.estimate),
        holds=result.holds,
        blocks=result.blocks,
    )


ROUTES = (
    read("/readiness/{usecase:str}", Permission.READINESS_READ, show_readiness),
    write(
        "POST",
        "/signoffs",
        Permission.READINESS_SIGN,
        create_signoff,
        shows=show_signoff,
        status=201,
    ),
    write(
        "POST",
        "/stages",
        Permission.USECASE_PROMOTE,
        create_stage_move,
        shows=show_move,
        status=201,
    ),
)
