"""Flags, what became of them, and what is waived."""

import msgspec

from passerelle.domain.ledger.entries import Entry, LedgerUnreadable
from passerelle.domain.ledger.events import FLAG_CREATE, done
from passerelle.domain.readiness.facts import Feedback, Waiver
from passerelle.stories.justify.candidates import Inquiry

MOST_FLAGS = 1_000
WAIVER = "waiver"
"""Kind of the evidence by which somebody answers for going on without a check."""
CHECK_FACT = "check"
REASON_FACT = "reason"


class _Flag(msgspec.Struct):
    flag: str = ""


def look_at_feedback(inquiry: Inquiry) -> Feedback:
    """The newest flags of the use case: the ledger knows of which one each is."""
    entries = inquiry.parts.ledger.entries(
        organisation=inquiry.organisation,
        event=done(FLAG_CREATE),
        usecase=inquiry.usecase,
        limit=MOST_FLAGS,
    )
    given = {_flag_id(entry): entry.at_ms for entry in entries}
    reviewed = inquiry.parts.reviews.of_flags(given, organisation=inquiry.organisation)
    waiting = [at_ms for flag, at_ms in given.items() if flag not in reviewed]
    return Feedback(len(given), len(reviewed), min(waiting) if waiting else None)


def look_at_waivers(inquiry: Inquiry) -> dict[str, Waiver]:
    """The last waiver of each check."""
    waivers: dict[str, Waiver] = {}
    for evidence in inquiry.parts.evidence.list(
        inquiry.usecase, organisation=inquiry.organisation, kind=WAIVER, limit=1_000
    ):
        until = evidence.expires_at_ms
        if until is not None:
            reason = str(evidence.facts.get(REASON_FACT, ""))
            check = str(evidence.facts.get(CHECK_FACT, ""))
            waivers.setdefault(check, Waiver(reason, evidence.by, until))
    return waivers


def _flag_id(entry: Entry) -> str:
    try:
        return msgspec.json.decode(entry.facts, type=_Flag).flag
    except msgspec.DecodeError as error:
        detail = f"Entry {entry.sequence} is damaged: run passerelle ledger verify."
        raise LedgerUnreadable(detail) from error
