"""What live traffic shows of answers and guards."""

from passerelle.core.statistics.intervals import wilson
from passerelle.core.values.verdicts import Outcome
from passerelle.domain.readiness.checks import DAY_MS
from passerelle.domain.readiness.facts import Traffic, Unknown
from passerelle.stories.justify.candidates import Inquiry
from passerelle.stories.justify.traffic import live_exchanges

DAYS = 30


def look_at_traffic(inquiry: Inquiry) -> Traffic | Unknown:
    exchanges = judged = unsupported = texts = unread = 0
    for _, seen in live_exchanges(
        inquiry.parts.ledger,
        inquiry.usecase,
        organisation=inquiry.organisation,
        since_ms=inquiry.now_ms - DAYS * DAY_MS,
    ):
        exchanges += 1
        judged += seen.judged
        unsupported += seen.unsupported
        texts += len(seen.guards)
        unread += sum(guard.outcome is Outcome.NOT_SCANNED for guard in seen.guards)
    if not exchanges:
        return Unknown(f"Nobody has asked anything in the last {DAYS} days.")
    return Traffic(DAYS, exchanges, wilson(unsupported, judged), wilson(unread, texts))
