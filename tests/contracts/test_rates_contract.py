"""Every keeper of rates admits and refuses alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from passerelle.adapters.store.shared_rates import SharedRates
from passerelle.adapters.store.shared_words import SharedWords
from passerelle.domain.budgets.rates import (
    MINUTE_NS,
    MemoryRates,
    RateLimit,
    Rates,
    TooManyRequests,
)

START = 5 * MINUTE_NS
TEN = RateLimit("key", requests_per_minute=10)


@pytest.fixture(params=["memory", "shared"])
def rates(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rates]:
    if request.param == "memory":
        yield MemoryRates()
        return
    SharedWords.create(tmp_path / "limits", workers=1).close()
    words = SharedWords(tmp_path / "limits", worker=1)
    yield SharedRates(words)
    words.close()


def admitted(rates: Rates, limit: RateLimit, *, now_ns: int, tokens: int = 0) -> int:
    for count in range(1_000):
        try:
            rates.take([limit], tokens=tokens, now_ns=now_ns)
        except TooManyRequests:
            return count
    raise AssertionError("never refused")


def test_rested_caller_has_a_minutes_share_at_once_and_then_one_each_sixth_of_a_minute(
    rates: Rates,
) -> None:
    assert admitted(rates, TEN, now_ns=START) == 10
    assert admitted(rates, TEN, now_ns=START + MINUTE_NS // 10) == 1
    assert admitted(rates, TEN, now_ns=START + 3 * MINUTE_NS) == 10


def test_callers_do_not_take_from_one_another(rates: Rates) -> None:
    assert admitted(rates, TEN, now_ns=START) == 10
    assert admitted(rates, RateLimit("other", 3), now_ns=START) == 3


def test_refused_request_counts_in_none_of_its_limits(rates: Rates) -> None:
    narrow, wide = RateLimit("narrow", 1), RateLimit("wide", 5)
    rates.take([wide, narrow], tokens=0, now_ns=START)
    with pytest.raises(TooManyRequests):
        rates.take([wide, narrow], tokens=0, now_ns=START)
    assert admitted(rates, wide, now_ns=START) == 4


def test_tokens_are_counted_as_they_were_in_the_end(rates: Rates) -> None:
    limit = RateLimit("key", tokens_per_minute=1_000)
    rates.take([limit], tokens=900, now_ns=START)
    rates.correct([limit], estimated=900, actual=100, now_ns=START)
    assert admitted(rates, limit, now_ns=START, tokens=300) == 3
