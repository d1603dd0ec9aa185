"""Budgets of keys, and how accounts stand, as the control plane shows them."""

import pytest

from passerelle.domain.budgets.limits import Amount, written_budget
from passerelle.domain.budgets.reservations import Allowance
from tests.adapters.plane import TEAM, Plane
from tests.stories.office import person

ADA = person("ada", "administrator")
WANTED = {"label": "job", "kind": "service", "roles": ["end_user"]}


@pytest.fixture
def plane() -> Plane:
    return Plane()


async def test_key_is_made_with_a_budget_and_shown_with_what_is_spent_of_it(plane: Plane) -> None:
    asking = await plane.key_of(ADA)
    budget = {"per_day_usd": 1, "per_month_tokens": 500, "alert_at": ["50%"]}
    made = (await plane.call("POST", "keys", key=asking, json=WANTED | {"budget": budget})).json()
    assert made["budget"] == budget
    allowance = _of_key(plane, made["public_id"])
    taken = plane.purse.reserve([allowance], Amount(30, 4, 1), now_ms=plane.clock.now_ms())
    plane.purse.reserve([allowance], Amount(5, 1, 1), now_ms=plane.clock.now_ms())
    plane.purse.settle(taken, Amount(20, 3, 1))
    bare, shown = sorted(
        (await plane.call("GET", "keys", key=asking)).json(), key=lambda each: each["label"]
    )
    assert (bare["budget"], bare["standing"]) == (None, None)
    assert shown["budget"] == budget
    standing = shown["standing"]
    assert (standing["kind"], standing["name"]) == ("key", made["public_id"])
    assert standing["day"]["spent"] == {"nano_usd": 20, "tokens": 3, "requests": 1}
    assert standing["day"]["held"] == {"nano_usd": 5, "tokens": 1, "requests": 1}
    assert standing["day"]["limit"] == {"nano_usd": 10**9, "tokens": None, "requests": None}
    assert standing["month"]["limit"] == {"nano_usd": None, "tokens": 500, "requests": None}
    assert standing["alert_at"] == [0.5]


@pytest.mark.parametrize(
    ("budget", "word"),
    [
        ({"per_day_usd": -1}, "per_day_usd"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"per_week_usd": 1}, "per_week_usd"),
    ],
)
async def test_budget_that_makes_no_sense_is_refused_by_its_word(
    plane: Plane, budget: dict[str, object], word: str
) -> None:
    asking = await plane.key_of(ADA)
    refused = await plane.call("POST", "keys", key=asking, json=WANTED | {"budget": budget})
    assert refused.status_code == 400
    assert word in refused.text


async def test_key_with_a_budget_makes_none_with_a_larger_one(plane: Plane) -> None:
    asking = await plane.key_of(ADA)
    wanted = WANTED | {"roles": ["developer"], "budget": {"per_day_usd": 1}}
    bound = (await plane.call("POST", "keys", key=asking, json=wanted)).json()["key"]
    for budget in (None, {"per_day_usd": 2}, {"per_month_usd": 1}):
        refused = await plane.call("POST", "keys", key=bound, json=WANTED | {"budget": budget})
        assert (refused.status_code, "per_day_usd" in refused.text) == (403, True)
    within = WANTED | {"budget": {"per_day_usd": 0.5}}
    assert (await plane.call("POST", "keys", key=bound, json=within)).status_code == 201


async def test_accounts_are_listed_with_their_limits_and_standing(plane: Plane) -> None:
    allowance = Allowance("acme/team/claims", TEAM)
    plane.purse.load(allowance, Amount(7, 2, 1), at_ms=plane.clock.now_ms())
    (team,) = (await plane.as_role("business_owner", "GET", "budgets")).json()
    assert (team["kind"], team["name"], team["tokens_per_minute"]) == ("team", "claims", 600)
    assert team["day"] is None
    assert team["month"]["spent"]["nano_usd"] == 7
    assert team["month"]["limit"]["nano_usd"] == 2_000_000_000


def _of_key(plane: Plane, public_id: str) -> Allowance:
    key = plane.store.keys.get(public_id)
    assert key is not None
    budget = written_budget(key.budget)
    assert budget is not None
    return Allowance(f"acme/key/{public_id}", budget)
