from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.domain.budgets.rates import MemoryRates, RateLimit, TooManyRequests

SECOND = 1_000_000_000
TEN = (RateLimit("key/fees", requests_per_minute=10),)


def take(rates: MemoryRates, limits: tuple[RateLimit, ...], now_ns: int, tokens: int = 0) -> bool:
    try:
        rates.take(limits, tokens=tokens, now_ns=now_ns)
    except TooManyRequests:
        return False
    return True


def test_rested_key_may_use_a_minute_at_once_then_one_each_share() -> None:
    rates = MemoryRates()
    assert [take(rates, TEN, 0) for _ in range(11)] == [True] * 10 + [False]
    assert not take(rates, TEN, 5 * SECOND)
    assert take(rates, TEN, 6 * SECOND)


def test_refusal_says_when_to_come_again_and_how_the_limit_stands() -> None:
    rates = MemoryRates()
    for _ in range(10):
        rates.take(TEN, tokens=0, now_ns=0)
    with pytest.raises(TooManyRequests) as refused:
        rates.take(TEN, tokens=0, now_ns=SECOND)
    assert refused.value.retry_after_seconds == 5
    assert refused.value.standing is not None
    window = refused.value.standing.requests
    assert window is not None
    assert (window.limit, window.remaining) == (10, 0)


def test_refused_request_counts_in_no_limit() -> None:
    rates = MemoryRates()
    both = (RateLimit("wide", requests_per_minute=100), RateLimit("narrow", requests_per_minute=1))
    assert take(rates, both, 0)
    assert not take(rates, both, 0)
    standing = rates.take(both[:1], tokens=0, now_ns=0)
    assert standing.requests is not None
    assert standing.requests.remaining == 98


def test_headers_get_the_tightest_of_several_limits() -> None:
    rates = MemoryRates()
    limits = (
        RateLimit("key", requests_per_minute=100, tokens_per_minute=1_000),
        RateLimit("team", requests_per_minute=5),
    )
    standing = rates.take(limits, tokens=250, now_ns=0)
    assert standing.requests is not None
    assert standing.tokens is not None
    assert (standing.requests.limit, standing.requests.remaining) == (5, 4)
    assert (standing.tokens.limit, standing.tokens.remaining) == (1_000, 750)
    assert standing.tokens.resets_in_seconds == 15


def test_tokens_are_corrected_to_what_was_taken() -> None:
    rates = MemoryRates()
    limit = (RateLimit("key", tokens_per_minute=1_000),)
    rates.take(limit, tokens=1_000, now_ns=0)
    assert not take(rates, limit, 0, tokens=100)
    rates.correct(limit, estimated=1_000, actual=200, now_ns=0)
    assert take(rates, limit, 0, tokens=800)
    assert not take(rates, limit, 0, tokens=1)


def test_request_that_can_never_fit_says_so_and_not_when_to_come_again() -> None:
    with pytest.raises(TooManyRequests, match="this request alone") as refused:
        MemoryRates().take((RateLimit("k", tokens_per_minute=10),), tokens=11, now_ns=0)
    assert refused.value.retry_after_seconds is None


@given(
    per_minute=st.integers(1, 200),
    gaps=st.lists(st.integers(0, 2 * SECOND), min_size=1, max_size=200),
)
def test_no_span_of_time_admits_more_than_its_share(per_minute: int, gaps: list[int]) -> None:
    rates, limit = MemoryRates(), (RateLimit("k", requests_per_minute=per_minute),)
    now, admitted = 0, []
    for gap in gaps:
        now += gap
        if take(rates, limit, now):
            admitted.append(now)
    for first, start in enumerate(admitted):
        for last in range(first, len(admitted)):
            seconds = (admitted[last] - start) / SECOND
            assert last - first + 1 <= per_minute + seconds * per_minute / 60 + 1e-6
    assert all(one <= two for one, two in pairwise(admitted))


def test_keys_that_are_no_longer_ahead_of_time_are_forgotten() -> None:
    rates = MemoryRates()
    for number in range(25_000):
        rates.take(
            (RateLimit(f"k{number}", requests_per_minute=60),), tokens=0, now_ns=number * SECOND
        )
    assert len(rates._due_ns) < 25_000
