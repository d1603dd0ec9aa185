from dataclasses import replace

from passerelle.core.values.ids import digest_of
from passerelle.domain.routing.plans import Hedge, Plan, Target, parse_route


def test_a_route_names_provider_model_and_deadline() -> None:
    plan, faults = parse_route({"provider": "openai", "model": "gpt-5", "deadline_seconds": 30})
    assert (plan, faults) == (Plan("openai", "gpt-5", 30.0), ())


def test_a_provider_with_one_model_needs_no_model_name() -> None:
    plan, _ = parse_route({"provider": "extractive"})
    assert plan == Plan("extractive", "extractive", 60.0)


def test_a_deadline_of_nothing_or_a_day_is_refused() -> None:
    for seconds in (0, -1, 86_400):
        _, faults = parse_route({"provider": "x", "deadline_seconds": seconds})
        assert [fault.where for fault in faults] == [("route", "deadline_seconds")]


def test_route_names_peers_fallbacks_a_small_model_and_a_hedge() -> None:
    plan, faults = parse_route(
        {
            "provider": "openai",
            "model": "large",
            "weight": 3,
            "peers": [{"provider": "azure", "model": "large"}],
            "fallbacks": [{"provider": "local"}],
            "small": {"provider": "openai", "model": "small"},
            "hedge": {"after_seconds": 2, "most_share": 0.1},
            "retries": 0,
            "attempt_seconds": 9,
        }
    )
    assert faults == ()
    assert plan is not None
    assert plan.peers == (Target("azure", "large"),)
    assert plan.fallbacks == (Target("local", "local"),)
    assert plan.hedge == Hedge(2, 0.1)
    assert [target.provider for target in plan.targets] == ["openai", "azure", "local", "openai"]
    assert (plan.retries, plan.attempt_seconds, plan.weight) == (0, 9, 3)


def test_hedge_without_a_second_target_is_a_fault() -> None:
    plan, faults = parse_route({"provider": "a", "hedge": {"after_seconds": 2}})
    assert plan is None
    assert "peer or a fallback" in str(faults[0])


def test_digest_tells_plans_apart_and_ignores_what_is_default() -> None:
    plain = Plan("openai", "gpt-5", 30.0)
    assert plain.digest == digest_of(
        {"provider": "openai", "model": "gpt-5", "deadline_seconds": 30.0}
    )
    others = (replace(plain, retries=2), replace(plain, fallbacks=(Target("b", "m"),)))
    assert len({plain.digest, *(other.digest for other in others)}) == 3
