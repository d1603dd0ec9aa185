import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.domain.budgets.rates import Rates, TooManyRequests

SECOND_NS = 1_000_000_000


def taken(rates: Rates, now_ns: int, per_minute: int) -> bool:
    try:
        rates.take("key", per_minute=per_minute, now_ns=now_ns)
    except TooManyRequests:
        return False
    return True


def test_a_rested_key_may_use_a_minute_at_once_and_no_more() -> None:
    rates = Rates()
    assert [taken(rates, 0, 3) for _ in range(4)] == [True, True, True, False]


def test_one_more_is_allowed_when_its_share_of_the_minute_has_passed() -> None:
    rates = Rates()
    for _ in range(3):
        taken(rates, 0, 3)
    assert not taken(rates, 20 * SECOND_NS - 1, 3)
    assert taken(rates, 20 * SECOND_NS, 3)


def test_the_refusal_says_when_to_come_back_and_coming_back_then_works() -> None:
    rates = Rates()
    for _ in range(6):
        taken(rates, 0, 6)
    with pytest.raises(TooManyRequests) as refused:
        rates.take("key", per_minute=6, now_ns=4 * SECOND_NS)
    assert refused.value.retry_after_seconds == 6.0
    assert refused.value.status == 429
    assert taken(rates, 10 * SECOND_NS, 6)


def test_a_refused_request_does_not_count() -> None:
    rates = Rates()
    taken(rates, 0, 1)
    for second in range(1, 60):
        assert not taken(rates, second * SECOND_NS, 1)
    assert taken(rates, 60 * SECOND_NS, 1)


def test_keys_do_not_share_a_limit() -> None:
    rates = Rates()
    rates.take("a", per_minute=1, now_ns=0)
    rates.take("b", per_minute=1, now_ns=0)


def test_keys_that_have_rested_are_forgotten() -> None:
    rates = Rates()
    for number in range(10_001):
        rates.take(str(number), per_minute=60, now_ns=number * SECOND_NS)
    assert len(rates._due_ns) < 10


@given(
    st.integers(1, 100),
    st.lists(st.integers(0, 3 * SECOND_NS), min_size=1, max_size=300),
)
def test_no_span_of_time_admits_more_than_the_burst_and_its_rate(
    per_minute: int, waits: list[int]
) -> None:
    rates = Rates()
    now, admitted = 0, []
    for wait in waits:
        now += wait
        if taken(rates, now, per_minute):
            admitted.append(now)
    for first in range(0, len(admitted), 7):
        for last in range(first, len(admitted), 5):
            span = admitted[last] - admitted[first]
            assert last - first + 1 <= per_minute + span * per_minute / (60 * SECOND_NS) + 1e-6
