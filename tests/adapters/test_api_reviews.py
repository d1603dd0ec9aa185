from typing import Any

import pytest

from tests.adapters.plane import Plane
from tests.stories.office import ANSWER, QUESTION, ended, events, person

ADA = person("ada", "end_user")
CORRECTION = "The fee is 5 % since March."


@pytest.fixture
def plane() -> Plane:
    return Plane()


async def flagged(plane: Plane, *, keeps_content: bool = True) -> str:
    await ended(plane.store, plane.clock, ADA, keeps_content=keeps_content)
    body = {"exchange_id": "exc_1", "reason": "wrong", "correction": CORRECTION}
    made = await plane.as_role("reviewer", "POST", "flags", json=body)
    flag_id: str = made.json()["id"]
    return flag_id


async def reviewed(plane: Plane, flag_id: str, **fields: object) -> dict[str, Any]:
    body = {"flag_id": flag_id, "cause": "knowledge_missing", **fields}
    made = await plane.as_role("reviewer", "POST", "reviews", json=body)
    assert made.status_code == 201
    found: dict[str, Any] = made.json()
    return found


async def test_flag_is_shown_with_what_was_asked_answered_and_cited(plane: Plane) -> None:
    flag_id = await flagged(plane)
    shown = (await plane.as_role("reviewer", "GET", f"flags/{flag_id}")).json()
    assert (shown["question"], shown["answer"]) == (QUESTION, ANSWER)
    assert (shown["content"], shown["status"]) == ("shown", "open")
    assert shown["citations"][0]["quote"] == "The fee is 4 %"
    assert shown["claims"][0]["verdict"] == "supported"
    assert "content.read" in events(plane.store)


async def test_flag_without_content_still_shows_its_facts(plane: Plane) -> None:
    flag_id = await flagged(plane, keeps_content=False)
    shown = (await plane.as_role("reviewer", "GET", f"flags/{flag_id}")).json()
    assert (shown["content"], shown["answer"], shown["reason"]) == ("not_kept", "", "wrong")


async def test_developer_sees_a_flag_without_what_was_said(plane: Plane) -> None:
    flag_id = await flagged(plane)
    response = await plane.as_role("developer", "GET", f"flags/{flag_id}")
    assert response.json()["content"] == "hidden"
    assert ANSWER not in response.text
    assert QUESTION not in response.text


async def test_flag_goes_from_open_to_reviewed_to_dispatched(plane: Plane) -> None:
    flag_id = await flagged(plane)
    review = await reviewed(plane, flag_id)
    assert review["correction"] == CORRECTION
    (listed,) = (await plane.as_role("reviewer", "GET", "flags?status=reviewed")).json()
    assert listed["review"] == review
    made = await plane.as_role("reviewer", "POST", "cases", json={"flag_id": flag_id})
    assert made.status_code == 201
    assert made.json() == {
        "id": flag_id,
        "question": QUESTION,
        "reference": CORRECTION,
        "documents": [],
        "answerable": True,
        "slice": "flagged",
        "provenance": f"flag:{flag_id}",
    }
    statuses = [
        len((await plane.as_role("reviewer", "GET", f"flags?status={status}")).json())
        for status in ("open", "reviewed", "dispatched")
    ]
    assert statuses == [0, 0, 1]


async def test_flags_of_another_use_case_are_left_out(plane: Plane) -> None:
    await flagged(plane)
    assert (await plane.as_role("reviewer", "GET", "flags?usecase=other")).json() == []


async def test_open_flag_does_not_become_a_case(plane: Plane) -> None:
    flag_id = await flagged(plane)
    refused = await plane.as_role("reviewer", "POST", "cases", json={"flag_id": flag_id})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_reviewed")


async def test_review_needs_a_role_that_reviews(plane: Plane) -> None:
    body = {"flag_id": "flg_1", "cause": "model"}
    assert (await plane.as_role("end_user", "POST", "reviews", json=body)).status_code == 403
    assert (await plane.as_role("reviewer", "POST", "reviews", json=body)).status_code == 404


async def test_unknown_flag_is_not_found(plane: Plane) -> None:
    for role in ("reviewer", "developer"):
        assert (await plane.as_role(role, "GET", "flags/flg_x")).status_code == 404
