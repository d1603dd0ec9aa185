"""request to forget → content of the exchange gone → proof that stays"""

from dataclasses import dataclass

from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import NotFound
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded, record
from passerelle.domain.ledger.entries import Draft, Entry, Ledger
from passerelle.domain.ledger.events import CONTENT_ERASE


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased: one `content.erased` entry for each content of the subject."""

    subject: str
    entries: tuple[Entry, ...]


async def erase_content(
    granted: Granted, ledger: Ledger, *, subject: str, reason: str, clock: Clock
) -> Recorded[Erasure]:
    """Removes every content kept of the subject (an exchange); its entries stay and still prove.

    Raises `NotFound` when the caller's organisation has no such subject, or
    nothing of it is left to erase.
    """
    granted.require(Permission.LEDGER_ERASE)
    principal = granted.principal
    kept = [
        entry
        for entry in ledger.of_subject(subject, organisation=principal.scope.organisation)
        if entry.commitment and ledger.content(entry.commitment) is not None
    ]
    if not kept:
        raise NotFound("No content of it is kept.")
    draft = Draft(
        event=CONTENT_ERASE,
        at_ms=clock.now_ms(),
        scope=principal.scope,
        principal=principal.id,
        subject=subject,
        usecase=kept[0].usecase,
        facts={"reason": reason, "contents": len(kept)},
    )

    async def act() -> Erasure:
        erased = [await ledger.erase(entry.commitment, draft) for entry in kept]
        return Erasure(subject, tuple(erased))

    return await record(ledger, draft, act)
