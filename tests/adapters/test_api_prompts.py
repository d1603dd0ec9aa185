import pytest

from passerelle.core.values.ids import digest_of
from passerelle.domain.evaluation.cases import Case
from tests.adapters.plane import Plane

TO_V2 = {"usecase": "handbook", "stage": "pilot", "version": "v2", "reason": "It is clearer."}
BACK = {"usecase": "handbook", "stage": "pilot", "reason": "Customers complain."}


@pytest.fixture
def plane() -> Plane:
    return Plane()


async def test_versions_are_shown_with_what_is_in_place(plane: Plane) -> None:
    shown = (await plane.as_role("reviewer", "GET", "prompts/handbook")).json()
    assert [version["name"] for version in shown["versions"]] == ["v1", "v2"]
    (pilot,) = shown["stages"]
    assert (pilot["stage"], pilot["name"], pilot["version"]) == ("pilot", "v1", digest_of("v1"))
    assert (pilot["can_roll_back"], pilot["history"]) == (False, [])


async def test_promotion_that_breaks_nothing_is_in_place_until_it_is_rolled_back(
    plane: Plane,
) -> None:
    await plane.desk.evaluated("v1", right=3)
    await plane.desk.evaluated("v2", right=4)
    moved = await plane.as_role("developer", "POST", "promotions", json=TO_V2)
    assert (moved.status_code, moved.json()["name"]) == (201, "v2")
    (pilot,) = (await plane.as_role("developer", "GET", "prompts/handbook")).json()["stages"]
    assert (pilot["name"], pilot["written"], pilot["can_roll_back"]) == ("v2", "v1", True)
    assert pilot["history"] == [moved.json()]
    back = await plane.as_role("developer", "POST", "rollbacks", json=BACK)
    assert (back.json()["name"], back.json()["ground"]) == ("v1", "rolled_back")


async def test_promotion_that_breaks_a_case_is_refused_by_its_name(plane: Plane) -> None:
    await plane.desk.evaluated("v1", right=4)
    await plane.desk.evaluated("v2", right=3)
    refused = await plane.as_role("developer", "POST", "promotions", json=TO_V2)
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "would_break")
    assert problem["title"] == (
        "This version gets cases wrong that the version in place gets right."
    )
    assert problem["detail"] == "It breaks 1 of 4 cases and mends 0. Broken: c3."


async def test_version_that_nobody_evaluated_is_refused_with_the_command(plane: Plane) -> None:
    refused = await plane.as_role("developer", "POST", "promotions", json=TO_V2)
    assert refused.json()["code"] == "not_evaluated"
    assert "passerelle eval run handbook@pilot#v2" in refused.json()["detail"]


async def test_evaluation_is_shown_with_intervals_groups_and_failed_cases(plane: Plane) -> None:
    run = await plane.desk.evaluated(right=3)
    shown = (await plane.as_role("developer", "GET", "evaluations/handbook")).json()
    first = shown["scores"][0]
    assert (first["metric"], first["slice"]) == ("right", "")
    assert (first["estimate"]["value"], first["estimate"]["n"]) == (0.75, 4)
    assert first["estimate"]["low"] < 0.75 < first["estimate"]["high"]
    assert {score["slice"] for score in shown["scores"]} == {"", "fees"}
    assert [case["id"] for case in shown["failed"]] == ["c3"]
    assert (shown["run"]["id"], shown["cases"], shown["unasked"]) == (run.id, 4, 0)


async def test_metric_about_no_case_has_no_value(plane: Plane) -> None:
    await plane.desk.evaluated()
    shown = (await plane.as_role("developer", "GET", "evaluations/handbook")).json()
    (refused,) = (each for each in shown["scores"] if each["metric"] == "refused")
    assert (refused["estimate"]["value"], refused["estimate"]["n"]) == (None, 0)


async def test_case_that_came_after_a_run_is_counted_and_not_judged(plane: Plane) -> None:
    await plane.desk.evaluated()
    case = Case("flg_1", "Why?", "Because.", (), True, "flagged", "flag:flg_1")
    await plane.store.cases.add("handbook", case, organisation="acme", at_ms=1)
    shown = (await plane.as_role("developer", "GET", "evaluations/handbook")).json()
    assert (shown["cases"], shown["unasked"]) == (4, 1)


async def test_case_that_has_changed_since_a_run_asks_for_a_new_one(plane: Plane) -> None:
    await plane.desk.evaluated()
    changed = Case("c0", "Why?", "Because.", (), True, "fees")
    cases = (changed, *plane.desk.configured.cases[1:])
    object.__setattr__(plane.desk.configured, "cases", cases)
    refused = await plane.as_role("developer", "GET", "evaluations/handbook")
    assert refused.status_code == 404
    assert "The cases have changed since" in refused.json()["detail"]


async def test_named_run_is_shown_among_the_last(plane: Plane) -> None:
    await plane.desk.evaluated("v1")
    await plane.desk.evaluated("v2", right=0)
    shown = (await plane.as_role("developer", "GET", "evaluations/handbook?run=run_v1")).json()
    assert shown["run"]["id"] == "run_v1"
    assert [run["id"] for run in shown["runs"]] == ["run_v2", "run_v1"]
    refused = await plane.as_role("developer", "GET", "evaluations/handbook?run=run_v3")
    assert "no finished run" in refused.json()["detail"]


@pytest.mark.parametrize("path", ["evaluations", "prompts", "readiness"])
async def test_use_case_of_nobody_is_not_found(path: str, plane: Plane) -> None:
    response = await plane.as_role("administrator", "GET", f"{path}/other")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
