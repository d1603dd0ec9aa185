from hypothesis import given
from hypothesis import strategies as st

from passerelle.domain.routing.health import LONGEST_REST_SECONDS, STRIKES, Circuit, Health
from passerelle.domain.routing.plans import Target

SMALL = Target("replay", "small")
SECOND = 1_000_000_000


def broken(now_ns: int = 0) -> Health:
    health = Health()
    for _ in range(STRIKES):
        assert health.admits(SMALL, now_ns)
        health.failed(SMALL, "provider_failed", now_ns)
    return health


def test_circuit_opens_after_so_many_failures_in_a_row() -> None:
    health = broken()
    assert not health.admits(SMALL, SECOND)
    assert health.standing(SMALL, SECOND).circuit is Circuit.OPEN
    assert health.standing(SMALL, SECOND).rests_seconds == 1.0


def test_success_between_failures_keeps_the_circuit_closed() -> None:
    health = Health()
    for _ in range(3 * STRIKES):
        health.failed(SMALL, "provider_failed", 0)
        health.succeeded(SMALL, 5_000_000)
    assert health.admits(SMALL, 0)
    assert health.standing(SMALL, 0).latency_ms == 5.0


def test_rested_circuit_admits_one_call_until_that_has_ended() -> None:
    health = broken()
    later = 3 * SECOND
    assert health.admits(SMALL, later)
    assert not health.admits(SMALL, later)
    assert health.standing(SMALL, later).circuit is Circuit.HALF_OPEN
    health.succeeded(SMALL, 1)
    assert health.standing(SMALL, later).circuit is Circuit.CLOSED
    assert health.admits(SMALL, later)


def test_trial_that_fails_doubles_the_rest() -> None:
    health = broken()
    assert health.admits(SMALL, 3 * SECOND)
    health.failed(SMALL, "provider_failed", 3 * SECOND)
    assert health.standing(SMALL, 3 * SECOND).rests_seconds == 4.0


def test_trial_whose_caller_left_lets_the_next_one_try() -> None:
    health = broken()
    assert health.admits(SMALL, 3 * SECOND)
    health.gave_up(SMALL)
    assert health.admits(SMALL, 3 * SECOND)


def test_target_rests_as_long_as_its_provider_asks_for() -> None:
    health = Health()
    health.failed(SMALL, "provider_overloaded", 0, retry_after_seconds=7)
    assert not health.admits(SMALL, 6 * SECOND)
    assert health.admits(SMALL, 7 * SECOND)


@given(wanted=st.floats(0, 1e9), failures=st.integers(1, 40))
def test_no_target_rests_longer_than_the_longest_rest(wanted: float, failures: int) -> None:
    health = Health()
    for _ in range(failures):
        health.failed(SMALL, "provider_overloaded", 0, retry_after_seconds=wanted)
    assert health.standing(SMALL, 0).rests_seconds <= LONGEST_REST_SECONDS


def test_targets_are_told_apart_by_provider_and_model() -> None:
    health = broken()
    assert health.admits(Target("replay", "large"), 0)
    assert health.seconds_until_rested((SMALL, Target("replay", "large")), 0) == 0
    assert health.seconds_until_rested((SMALL,), 0) == 2.0
