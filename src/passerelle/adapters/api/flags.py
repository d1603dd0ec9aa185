"""Flags on exchanges."""

import msgspec
from litestar.params import JSONBody

from passerelle.adapters.api.parts import ApiParts
from passerelle.adapters.api.routes import write
from passerelle.domain.feedback import flags as feedback
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded
from passerelle.stories.improve import collect


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's word that an answer was not right."""

    id: str
    exchange_id: str
    reason: feedback.FlagReason
    comment: str
    correction: str
    """What should have been answered, in the flagger's view."""
    principal: str
    at_ms: int


class NewFlag(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A flag to raise."""

    exchange_id: str
    reason: feedback.FlagReason
    comment: str = ""
    correction: str = ""


async def create_flag(
    granted: Granted, parts: ApiParts, *, data: JSONBody[NewFlag]
) -> Recorded[feedback.Flag]:
    """Flags an exchange that the caller may see."""
    return await collect.flag_exchange(
        granted,
        collect.FlagParts(parts.ledger, parts.flags, parts.clock),
        exchange_id=data.exchange_id,
        reason=data.reason,
        comment=data.comment,
        correction=data.correction,
    )


def show_flag(flag: feedback.Flag) -> Flag:
    return Flag(
        id=flag.id,
        exchange_id=flag.exchange_id,
        reason=flag.reason,
        comment=flag.comment,
        correction=flag.correction,
        principal=flag.principal,
        at_ms=flag.at_ms,
    )


ROUTES = (
    write("POST", "/flags", Permission.FLAG_CREATE, create_flag, shows=show_flag, status=201),
)
