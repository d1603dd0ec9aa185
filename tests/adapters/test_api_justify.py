import pytest

from passerelle.core.values.principals import Principal
from tests.adapters.plane import Plane
from tests.stories.office import ended, person

DAY = 86_400.0


@pytest.fixture
def plane() -> Plane:
    return Plane()


async def used(plane: Plane, *people: Principal, days: int) -> None:
    """Each of the people asks twice a day."""
    for day in range(days):
        for who in people:
            for time in range(2):
                exchange = f"exc_{who.name}_{day}_{time}"
                cost = 1_000_000 * (day + 1)
                await ended(plane.store, plane.clock, who, exchange, facts={"cost_nano_usd": cost})
        plane.clock.advance(seconds=DAY)


async def test_costs_add_up_by_every_axis(plane: Plane) -> None:
    await used(plane, person("ada"), person("ben"), days=3)
    shown = (await plane.as_role("business_owner", "GET", "costs?days=0")).json()
    assert shown["total_nano_usd"] == 4 * 6_000_000
    for axis in ("by_usecase", "by_route", "by_day", "by_purpose", "users", "lines"):
        assert sum(each["cost_nano_usd"] for each in shown[axis]) == shown["total_nano_usd"], axis
    assert shown["balanced"] is True
    assert [each["cost_nano_usd"] for each in shown["by_day"]] == [4_000_000, 8_000_000, 12_000_000]
    unit = shown["units"]["per_request"]
    assert (unit["value"], unit["n"]) == (2_000_000, 2)


async def test_costs_of_nothing_have_no_unit_costs(plane: Plane) -> None:
    shown = (await plane.as_role("developer", "GET", "costs")).json()
    assert (shown["total_nano_usd"], shown["lines"], shown["first_ms"]) == (0, [], None)
    assert shown["units"]["per_request"]["value"] is None


async def test_costs_before_the_window_are_left_out(plane: Plane) -> None:
    await used(plane, person("ada"), days=3)
    shown = (await plane.as_role("developer", "GET", "costs?days=1")).json()
    assert shown["volume"]["requests"] == 2


async def test_month_is_projected_with_its_interval_and_cautions(plane: Plane) -> None:
    await used(plane, *(person(name) for name in "abcd"), days=4)
    shown = (await plane.as_role("business_owner", "GET", "projection?users=100")).json()
    assert shown["p10_nano_usd"] < shown["p50_nano_usd"] < shown["p90_nano_usd"]
    assert (shown["users_seen"], shown["days_seen"], shown["month"]["n"]) == (4, 4, 4)
    assert sum(driver["share"]["value"] for driver in shown["inputs"]) == pytest.approx(1)
    assert "few_users" in {caution["weakness"] for caution in shown["cautions"]}
    again = (await plane.as_role("business_owner", "GET", "projection?users=100")).json()
    assert again == shown


async def test_projection_from_one_user_gives_no_interval(plane: Plane) -> None:
    await used(plane, person("ada"), days=2)
    shown = (await plane.as_role("business_owner", "GET", "projection?users=10")).json()
    assert (shown["p10_nano_usd"], shown["month"], shown["p90_nano_usd"]) == (None, None, None)
    assert "no_interval" in {caution["weakness"] for caution in shown["cautions"]}


async def test_tokens_are_priced_as_another_model(plane: Plane) -> None:
    await used(plane, person("ada"), person("ben"), days=2)
    path = "projection?users=10&priced_as=extractive/quotes"
    shown = (await plane.as_role("business_owner", "GET", path)).json()
    assert (shown["priced_as"], shown["price_book"]) == ("extractive/quotes", "agreed")
    refused = await plane.as_role("developer", "GET", "projection?users=10&priced_as=a/b")
    assert refused.status_code == 400


async def test_nothing_to_project_is_said(plane: Plane) -> None:
    refused = await plane.as_role("business_owner", "GET", "projection?users=10")
    assert (refused.status_code, refused.json()["code"]) == (400, "nothing_to_project")


async def test_readiness_begins_with_its_verdict(plane: Plane) -> None:
    shown = (await plane.as_role("compliance", "GET", "readiness/handbook")).json()
    assert shown["line"].startswith("DEMO, not a product: ")
    assert (shown["verdict"], shown["stage"], shown["target"]) == ("demo", "poc", "pilot")
    missing = [check for check in shown["checks"] if check["blocks"]]
    assert missing
    assert all(check["remediation"] and check["owner"] for check in missing)
    assert [(each["role"], each["needed"]) for each in shown["signatures"]] == [
        ("business_owner", True),
        ("developer", False),
        ("security", True),
        ("compliance", False),
    ]


async def test_signature_is_fresh_until_something_changes(plane: Plane) -> None:
    body = {"usecase": "handbook", "role": "security", "meaning": "approve", "reason": "Tested."}
    made = await plane.as_role("security", "POST", "signoffs", json=body)
    assert (made.status_code, made.json()["stage"]) == (201, "pilot")

    async def standing() -> tuple[str, list[str]]:
        shown = (await plane.as_role("developer", "GET", "readiness/handbook")).json()
        (found,) = (each for each in shown["signatures"] if each["role"] == "security")
        return found["standing"], found["reasons"]

    assert await standing() == ("fresh", [])
    await plane.desk.evaluated()
    stale, reasons = await standing()
    assert stale == "stale"
    assert "evaluation" in " ".join(reasons)


async def test_nobody_signs_for_a_role_of_others(plane: Plane) -> None:
    body = {"usecase": "handbook", "role": "security", "meaning": "approve", "reason": "Fine."}
    refused = await plane.as_role("developer", "POST", "signoffs", json=body)
    assert refused.status_code == 403


async def test_refused_stage_names_what_is_missing(plane: Plane) -> None:
    body = {"usecase": "handbook", "to": "pilot"}
    refused = await plane.as_role("business_owner", "POST", "stages", json=body)
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "not_ready")
    assert problem["title"] == "The use case is not ready for this stage."
    assert "signature of security: Nobody has signed." in problem["detail"]


async def test_use_case_is_retired_at_any_time(plane: Plane) -> None:
    body = {"usecase": "handbook", "to": "retired", "reason": "Replaced."}
    moved = await plane.as_role("business_owner", "POST", "stages", json=body)
    assert (moved.status_code, moved.json()["before"], moved.json()["to"]) == (
        201,
        "poc",
        "retired",
    )
