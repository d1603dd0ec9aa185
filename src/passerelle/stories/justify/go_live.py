"""From stage to stage: forward when nothing is missing, back at any time."""

import asyncio
from collections.abc import Sequence

from passerelle.core.values.errors import InvalidRequest, Refusal
from passerelle.core.values.ids import new_id
from passerelle.core.values.scope import Stage
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded, record
from passerelle.domain.ledger.entries import Draft
from passerelle.domain.ledger.events import USECASE_STAGE
from passerelle.domain.readiness.checks import Result
from passerelle.domain.readiness.signoffs import Signature
from passerelle.domain.usecases.stages import StageMove, check_move, is_demotion
from passerelle.stories.justify.candidates import (
    ReadinessParts,
    current_stage,
    inquire,
    known,
)
from passerelle.stories.justify.check import ReadinessReport, examine

LONGEST_REASON = 2_000
"""Characters."""


class NotReady(Refusal):
    """The use case is not ready for this stage."""

    status = 409
    code = "not_ready"
    kind = "invalid_request_error"

    def __init__(self, blockers: Sequence[Result], unsigned: Sequence[Signature]) -> None:
        self.blockers = tuple(blockers)
        self.unsigned = tuple(unsigned)
        lines = [f"{each.check.id} {each.check.title}" for each in blockers]
        lines += [f"signature of {each.role}: {' '.join(each.reasons)}" for each in unsigned]
        super().__init__("Missing:\n" + "\n".join(f"  {line}" for line in lines))


async def go_live(
    granted: Granted, parts: ReadinessParts, usecase: str, *, to: Stage, reason: str = ""
) -> Recorded[StageMove]:
    """Moves a use case to another stage.

    Forward takes one stage at a time, every blocker gone and every signature that
    the stage needs; back, or retired, is always allowed. Raises `NotReady`,
    `ImpossibleMove`, `StageMoved`, `InvalidRequest` and `NotFound`.
    """
    granted.require(Permission.USECASE_PROMOTE)
    if len(reason) > LONGEST_REASON:
        detail = f"A reason has at most {LONGEST_REASON:,} characters."
        raise InvalidRequest(detail, param="reason")
    principal = granted.principal
    organisation = principal.scope.organisation
    candidate = known(parts, usecase)
    before = current_stage(parts, candidate, organisation=organisation)
    check_move(before, to)
    facts: dict[str, str] = {"before": before.value, "to": to.value}
    if not is_demotion(before, to):
        inquiry = inquire(parts, usecase, organisation=organisation, to=to)
        # Verifies the whole ledger: a gateway in the same process must go on answering.
        report = await asyncio.to_thread(examine, inquiry)
        _refuse_unready(report)
        facts["release"] = report.release
    move = StageMove(
        id=new_id("mov", parts.clock),
        usecase=usecase,
        organisation=organisation,
        before=before,
        to=to,
        reason=reason.strip(),
        by=principal.id,
        at_ms=parts.clock.now_ms(),
    )

    async def keep() -> StageMove:
        await parts.stages.move(move)
        return move

    draft = Draft(
        event=USECASE_STAGE,
        at_ms=move.at_ms,
        scope=principal.scope,
        principal=principal.id,
        subject=move.id,
        usecase=usecase,
        facts=facts,
        content=move.reason.encode() or None,
    )
    return await record(parts.ledger, draft, keep)


def _refuse_unready(report: ReadinessReport) -> None:
    if report.blockers or report.unsigned:
        raise NotReady(report.blockers, report.unsigned)
