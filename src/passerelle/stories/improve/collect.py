"""Flags come in: each names the entry of the exchange that it is about."""

from dataclasses import dataclass

from passerelle.core.values.clock import Clock
from passerelle.core.values.ids import new_id
from passerelle.domain.feedback.flags import Flag, FlagBox, FlagReason, checked_comment
from passerelle.domain.feedback.reviews import checked_correction
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded, record
from passerelle.domain.ledger.entries import Draft, Ledger
from passerelle.domain.ledger.events import FLAG_CREATE
from passerelle.stories.improve.exchanges import exchange_entry


@dataclass(frozen=True, slots=True)
class FlagParts:
    """What collecting flags needs."""

    ledger: Ledger
    flags: FlagBox
    clock: Clock


async def flag_exchange(
    granted: Granted,
    parts: FlagParts,
    *,
    exchange_id: str,
    reason: FlagReason,
    comment: str = "",
    correction: str = "",
) -> Recorded[Flag]:
    """Keeps a flag on an exchange that the principal may see.

    The entry points to the exchange's own by sequence and hash, so what was
    flagged can be shown unaltered later. Raises `NotFound`, also for exchanges
    of others that the principal may not see.
    """
    granted.require(Permission.FLAG_CREATE)
    principal = granted.principal
    exchange = exchange_entry(principal, exchange_id, parts.ledger)
    flag = Flag(
        id=new_id("flg", parts.clock),
        exchange_id=exchange_id,
        reason=reason,
        comment=checked_comment(comment),
        principal=principal.id,
        at_ms=parts.clock.now_ms(),
        organisation=principal.scope.organisation,
        correction=checked_correction(correction),
    )

    async def keep() -> Flag:
        await parts.flags.add(flag)
        return flag

    draft = Draft(
        event=FLAG_CREATE,
        at_ms=flag.at_ms,
        scope=principal.scope,
        principal=principal.id,
        subject=exchange_id,
        usecase=exchange.usecase,
        facts={
            "flag": flag.id,
            "reason": flag.reason.value,
            "corrected": bool(flag.correction),
            "exchange_sequence": exchange.sequence,
            "exchange_hash": exchange.hash,
        },
    )
    return await record(parts.ledger, draft, keep)


def list_flags(granted: Granted, flags: FlagBox, *, limit: int = 50) -> tuple[Flag, ...]:
    """Flags of the principal's organisation, newest first."""
    granted.require(Permission.FLAG_READ)
    return flags.list(organisation=granted.principal.scope.organisation, limit=limit)
