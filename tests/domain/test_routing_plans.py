from passerelle.domain.routing.plans import Plan, parse_route


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
