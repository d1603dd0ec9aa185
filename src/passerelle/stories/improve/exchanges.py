"""The exchange behind a flag: its entry, and what was asked and answered in it."""

from dataclasses import dataclass

import msgspec

from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import NotFound
from passerelle.core.values.passages import Citation
from passerelle.core.values.principals import Principal
from passerelle.domain.identity.grants import Forbidden, holds
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.entries import Draft, Entry, Ledger, LedgerUnreadable
from passerelle.domain.ledger.events import CONTENT_READ, EXCHANGE_ENDED


class ContentGone(NotFound):
    """What was asked and answered is not there any more."""

    code = "content_gone"


@dataclass(frozen=True, slots=True)
class Said:
    """One turn as it went to the model: after redaction."""

    role: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was asked and answered."""

    messages: tuple[Said, ...] = ()
    answer: str = ""
    """What the caller got."""
    withheld: str = ""
    """What the model said where something else was sent instead."""
    citations: tuple[Citation, ...] = ()

    @property
    def question(self) -> str:
        """Text of the last user message; empty when there is none."""
        return next((said.text for said in reversed(self.messages) if said.role == "user"), "")


_decode = msgspec.json.Decoder(Transcript).decode


def exchange_entry(principal: Principal, exchange_id: str, ledger: Ledger) -> Entry:
    """The entry of an exchange that the principal may see. Raises `NotFound`."""
    for entry in ledger.of_subject(exchange_id, organisation=principal.scope.organisation):
        own = entry.principal == principal.id
        if entry.event == EXCHANGE_ENDED and (own or holds(principal, Permission.EXCHANGE_READ)):
            return entry
    raise NotFound("There is no such exchange.")


async def read_transcript(
    principal: Principal, entry: Entry, *, ledger: Ledger, clock: Clock
) -> Transcript:
    """What was said; that it was read is on record first.

    Raises `Forbidden` when the principal may not read what others asked, and
    `ContentGone` when it was erased or never kept.
    """
    own = entry.principal == principal.id
    if not own and not holds(principal, Permission.EXCHANGE_READ_CONTENT):
        raise Forbidden(f"It needs {Permission.EXCHANGE_READ_CONTENT}.")
    body = ledger.content(entry.commitment) if entry.commitment else None
    if body is None:
        raise ContentGone("It was erased, or the stage keeps none.")
    await ledger.append(
        Draft(
            event=CONTENT_READ,
            at_ms=clock.now_ms(),
            scope=principal.scope,
            principal=principal.id,
            subject=entry.subject,
            usecase=entry.usecase,
            facts={"sequence": entry.sequence, "own": own},
        )
    )
    try:
        return _decode(body)
    except msgspec.DecodeError as error:
        message = f"Entry {entry.sequence} is damaged: run passerelle ledger verify."
        raise LedgerUnreadable(message) from error
