from collections import Counter

import pytest

from passerelle.domain.routing.fallback import Itinerary
from passerelle.domain.routing.health import STRIKES, Health
from passerelle.domain.routing.plans import Plan, Target
from passerelle.domain.routing.providers import (
    Inexpressible,
    ProviderFailed,
    ProviderMisconfigured,
    ProviderOverloaded,
    ProviderRefused,
    ProviderTimedOut,
)

A, B, C = Target("a", "m"), Target("b", "m"), Target("c", "m")


def plan(*, retries: int = 0, peers: tuple[Target, ...] = (), weight: int = 1) -> Plan:
    return Plan("a", "m", 60.0, retries=retries, peers=peers, fallbacks=(C,), weight=weight)


def walk(itinerary: Itinerary, failure: ProviderFailed) -> list[tuple[str, float]]:
    steps = []
    step = itinerary.next(0)
    while step is not None:
        steps.append((step.target.provider, step.wait_seconds))
        step = itinerary.next(0, failure)
    return steps


@pytest.mark.parametrize("failure", [ProviderFailed(), ProviderTimedOut(), ProviderOverloaded()])
def test_failed_target_is_asked_again_with_growing_waits_then_the_fallback(
    failure: ProviderFailed,
) -> None:
    steps = walk(Itinerary(plan(retries=2), Health(), chance=0), failure)
    assert steps == [("a", 0), ("a", 0.25), ("a", 0.5), ("c", 0), ("c", 0.25), ("c", 0.5)]


@pytest.mark.parametrize("failure", [ProviderMisconfigured(), Inexpressible(param="n")])
def test_target_that_cannot_help_is_not_asked_again(failure: ProviderFailed) -> None:
    steps = walk(Itinerary(plan(retries=2), Health(), chance=0), failure)
    assert steps == [("a", 0), ("c", 0)]


def test_fault_of_the_caller_goes_nowhere_else() -> None:
    assert walk(Itinerary(plan(retries=2), Health(), chance=0), ProviderRefused()) == [("a", 0)]


def test_overloaded_target_is_left_when_somebody_else_is_free() -> None:
    failure = ProviderOverloaded(retry_after_seconds=3)
    steps = walk(Itinerary(plan(retries=1), Health(), chance=0), failure)
    assert steps == [("a", 0), ("c", 0), ("c", 3)]


def test_peers_share_the_load_by_weight() -> None:
    shared = plan(peers=(Target("b", "m", weight=3),))
    firsts: Counter[str] = Counter()
    for number in range(1_000):
        step = Itinerary(shared, Health(), chance=number / 1_000).next(0)
        assert step is not None
        firsts[step.target.provider] += 1
    assert firsts == {"a": 250, "b": 750}


def test_peer_that_was_not_drawn_comes_before_the_fallbacks() -> None:
    steps = walk(Itinerary(plan(peers=(B,)), Health(), chance=0.9), ProviderFailed())
    assert [provider for provider, _ in steps] == ["b", "a", "c"]


def test_target_with_an_open_circuit_is_passed_over() -> None:
    health = Health()
    for _ in range(STRIKES):
        health.failed(A, "provider_failed", 0)
    assert walk(Itinerary(plan(), health, chance=0), ProviderFailed()) == [("c", 0)]


def test_target_that_races_another_is_not_asked_twice() -> None:
    itinerary = Itinerary(plan(peers=(B,)), Health(), chance=0)
    assert itinerary.next(0) is not None
    assert itinerary.beside(0) == B
    assert itinerary.beside(0) == C
    assert itinerary.beside(0) is None
    assert itinerary.next(0, ProviderFailed()) is None
