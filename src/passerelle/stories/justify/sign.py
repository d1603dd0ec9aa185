"""Signatures: given by who holds the role, bound to what is there, on record."""

from collections.abc import Sequence

from passerelle.core.values.errors import InvalidRequest, Refusal
from passerelle.core.values.ids import new_id
from passerelle.core.values.principals import Principal
from passerelle.domain.identity.grants import Forbidden, Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded, record
from passerelle.domain.ledger.entries import Draft
from passerelle.domain.ledger.events import READINESS_SIGN
from passerelle.domain.readiness.signoffs import (
    SIGNING_ROLES,
    Meaning,
    Signoff,
    last_of_each_role,
)
from passerelle.stories.justify.candidates import ReadinessParts, inquire
from passerelle.stories.justify.signatures import basis_of

LONGEST_REASON = 2_000
"""Characters."""


class SecondSignature(Refusal):
    """One person cannot sign for two roles."""

    status = 409
    code = "second_signature"
    kind = "invalid_request_error"


async def sign(
    granted: Granted,
    parts: ReadinessParts,
    *,
    usecase: str,
    role: str,
    meaning: Meaning,
    reason: str,
) -> Recorded[Signoff]:
    """Signs for a role, bound to the release and the evidence as they are now.

    Any later change of either makes the signature stale. Raises `Forbidden` for
    a role that the principal does not hold, `SecondSignature`, `InvalidRequest`
    and `NotFound`.
    """
    granted.require(Permission.READINESS_SIGN)
    principal = granted.principal
    _check_holder(principal, role)
    organisation = principal.scope.organisation
    inquiry = inquire(parts, usecase, organisation=organisation)
    _check_single(principal, role, parts.signoffs.list(usecase, organisation=organisation))
    signoff = Signoff(
        id=new_id("sig", parts.clock),
        usecase=usecase,
        organisation=organisation,
        role=role,
        meaning=meaning,
        reason=_checked_reason(reason),
        stage=inquiry.target,
        principal=principal.id,
        at_ms=inquiry.now_ms,
        basis=basis_of(inquiry),
    )

    async def keep() -> Signoff:
        await parts.signoffs.add(signoff)
        return signoff

    return await record(parts.ledger, _draft(principal, signoff), keep)


def _check_holder(principal: Principal, role: str) -> None:
    if role not in SIGNING_ROLES:
        known = ", ".join(SIGNING_ROLES)
        raise InvalidRequest(f"{role!r} does not sign; these do: {known}.", param="role")
    if role not in principal.roles:
        raise Forbidden(f"Only somebody with the role {role} signs for it.")


def _check_single(principal: Principal, role: str, signoffs: Sequence[Signoff]) -> None:
    for other, signoff in last_of_each_role(signoffs).items():
        if other != role and signoff.principal == principal.id:
            raise SecondSignature(f"You have signed for {other}.")


def _checked_reason(reason: str) -> str:
    trimmed = reason.strip()
    if not 1 <= len(trimmed) <= LONGEST_REASON:
        detail = f"A reason has 1 to {LONGEST_REASON:,} characters."
        raise InvalidRequest(detail, param="reason")
    return trimmed


def _draft(principal: Principal, signoff: Signoff) -> Draft:
    # The reason is the signer's own words: it is kept apart, so that it can be erased.
    return Draft(
        event=READINESS_SIGN,
        at_ms=signoff.at_ms,
        scope=principal.scope,
        principal=principal.id,
        subject=signoff.id,
        usecase=signoff.usecase,
        facts={
            "role": signoff.role,
            "meaning": signoff.meaning.value,
            "stage": signoff.stage.value,
            "basis": signoff.basis.digest,
        },
        content=signoff.reason.encode(),
    )
