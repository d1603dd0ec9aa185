"""What is special to the purse of one process; the contract is in tests/contracts."""

from datetime import UTC, datetime

from passerelle.adapters.store.purse import MemoryPurse
from passerelle.domain.budgets.limits import Amount, Budget
from passerelle.domain.budgets.reservations import Allowance

NOON = int(datetime(2026, 5, 10, 12, tzinfo=UTC).timestamp() * 1_000)


def test_accounts_that_callers_invent_are_forgotten_with_their_day() -> None:
    purse = MemoryPurse()
    for number in range(60_000):
        allowance = Allowance(f"acme/key/{number}", Budget(day_requests=9))
        at_ms = NOON + number * 10_000
        purse.settle(purse.reserve([allowance], Amount(requests=1), now_ms=at_ms), Amount(1, 1, 1))
    assert len(purse._sums) < 60_000
