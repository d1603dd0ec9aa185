"""`POST /v1/feedback`: what the caller made of an answer, in the shape of OpenAI's interface."""

from typing import Literal, Protocol

import msgspec

from passerelle.adapters.gateway.edge import EdgeLimits, Request
from passerelle.domain.feedback.flags import Flag, FlagReason
from passerelle.domain.ledger.acts import Recorded
from passerelle.transport.wire.bodies import converted, decode_object

_JSON = ((b"content-type", b"application/json"),)


class TakeFlag(Protocol):
    """Keeps a flag for whoever holds the credential; raises a refusal where that may not be."""

    async def __call__(
        self,
        credential: str,
        *,
        exchange_id: str,
        reason: FlagReason,
        comment: str,
        correction: str,
    ) -> Recorded[Flag]: ...


class _Feedback(msgspec.Struct, forbid_unknown_fields=True):
    exchange_id: str
    """Of the answer: its id, or its header `x-passerelle-exchange`."""
    reason: FlagReason
    comment: str = ""
    correction: str = ""


class _Taken(msgspec.Struct):
    id: str
    exchange_id: str
    reason: FlagReason
    created: int
    object: Literal["feedback"] = "feedback"


class Feedback:
    def __init__(self, take: TakeFlag, *, limits: EdgeLimits) -> None:
        self._take = take
        self._limits = limits

    async def __call__(self, request: Request) -> None:
        told = converted(decode_object(await request.body(self._limits)), _Feedback)
        recorded = await self._take(
            request.credential,
            exchange_id=told.exchange_id,
            reason=told.reason,
            comment=told.comment,
            correction=told.correction,
        )
        flag = recorded.value
        request.exchange_id = flag.exchange_id
        taken = _Taken(flag.id, flag.exchange_id, flag.reason, flag.at_ms // 1_000)
        await request.reply(201, msgspec.json.encode(taken), _JSON)
