"""What the ledger says of live exchanges, as far as readiness asks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from passerelle.core.values.verdicts import Outcome, Support
from passerelle.domain.costs.lines import LIVE
from passerelle.domain.ledger.entries import Entry, Ledger, LedgerUnreadable
from passerelle.domain.ledger.events import EXCHANGE_ENDED

MOST = 5_000
"""Exchanges read back at most, newest first: enough for narrow intervals, quick to read."""
_PAGE = 500


@dataclass(frozen=True, slots=True)
class _Guard:
    outcome: Outcome = Outcome.NOT_SCANNED


@dataclass(frozen=True, slots=True)
class _Grounding:
    support: Support = Support.NOT_SCANNED


@dataclass(frozen=True, slots=True)
class Seen:
    """One exchange; what an older entry lacks has its default."""

    status: int = 0
    stage: str = ""
    purpose: str = LIVE
    key_id: str = ""
    latency_ms: int = 0
    cost_nano_usd: int | None = None
    grounding: _Grounding = field(default_factory=_Grounding)
    passed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Surface to the guards that found nothing there; they are among the guards too."""
    guards: tuple[_Guard, ...] = ()

    def __post_init__(self) -> None:
        passed = (_Guard(Outcome.PASSED) for guards in self.passed.values() for _ in guards)
        object.__setattr__(self, "guards", (*passed, *self.guards))

    @property
    def judged(self) -> bool:
        """Somebody compared the answer with the passages."""
        return self.grounding.support is not Support.NOT_SCANNED

    @property
    def unsupported(self) -> bool:
        return self.judged and self.grounding.support is not Support.SUPPORTED


_decode = msgspec.json.Decoder(Seen).decode


def live_exchanges(
    ledger: Ledger, usecase: str, *, organisation: str, since_ms: int, most: int = MOST
) -> Iterator[tuple[Entry, Seen]]:
    """Newest first; rehearsals are left out. Raises `LedgerUnreadable`."""
    for entry in entries_since(
        ledger, organisation=organisation, since_ms=since_ms, usecase=usecase, most=most
    ):
        try:
            seen = _decode(entry.facts)
        except msgspec.DecodeError as error:
            detail = f"Entry {entry.sequence} is damaged: run passerelle ledger verify."
            raise LedgerUnreadable(detail) from error
        if seen.purpose == LIVE:
            yield entry, seen


def entries_since(
    ledger: Ledger,
    *,
    organisation: str,
    since_ms: int,
    usecase: str = "",
    event: str = EXCHANGE_ENDED,
    most: int = MOST,
) -> Iterator[Entry]:
    """Newest first, page by page; one older entry does not end it: a clock may have gone back."""
    before: int | None = None
    left = most
    while left > 0:
        size = min(_PAGE, left)
        page = ledger.entries(
            organisation=organisation, before=before, limit=size, event=event, usecase=usecase
        )
        yield from (entry for entry in page if entry.at_ms >= since_ms)
        left -= size
        if len(page) < size or all(entry.at_ms < since_ms for entry in page):
            return
        before = page[-1].sequence
