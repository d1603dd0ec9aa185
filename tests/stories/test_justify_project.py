import pytest

from passerelle.adapters.store.memory import MemoryStore
from passerelle.core.values.chat import JsonValue
from passerelle.core.values.clock import SetClock
from passerelle.core.values.errors import InvalidRequest
from passerelle.core.values.evidence import Grade
from passerelle.core.values.ids import digest_of
from passerelle.domain.costs.price_book import FixedPrices, Price, Rate
from passerelle.domain.costs.projection import NothingToProject
from passerelle.domain.costs.samples import Weakness
from passerelle.domain.identity.grants import Forbidden, authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.stories.justify.meter import MeterParts, Window
from passerelle.stories.justify.project import ProjectedCosts, project_costs, projection_finding
from tests.stories.office import ended, person, store

DOLLAR = 1_000_000_000
PRICES = FixedPrices("test prices", {("openai", "gpt"): Price(Rate(DOLLAR), Rate(4 * DOLLAR))})
ADA = person("ada", "end_user")
OWNER = person("olga", "business_owner")
DAY = 86_400.0
RELEASE = digest_of("release")
COST = 1_000_000


@pytest.fixture
def kept() -> MemoryStore:
    return store()


@pytest.fixture
def parts(kept: MemoryStore, clock: SetClock) -> MeterParts:
    return MeterParts(kept.ledger, kept.flags, PRICES, clock)


def projected(parts: MeterParts, users: int = 1_000, priced_as: str = "") -> ProjectedCosts:
    granted = authorise(OWNER, Permission.COST_READ)
    return project_costs(
        granted,
        parts,
        users=users,
        seed=7,
        window=Window(usecase="handbook"),
        priced_as=priced_as,
        draws=300,
    )


async def pilot(
    kept: MemoryStore, clock: SetClock, *, users: int, days: int, **facts: JsonValue
) -> None:
    """Each user asks once a day through one key; the clock ends on the day after the last."""
    for day in range(days):
        for user in range(users):
            told: dict[str, JsonValue] = {
                "end_user": f"pseudonym{user}",
                "cost_nano_usd": COST,
                **facts,
            }
            await ended(kept, clock, ADA, f"exc_{day}_{user}", facts=told, keeps_content=False)
        clock.advance(seconds=DAY)


async def test_a_month_is_projected_from_what_users_did(
    kept: MemoryStore, parts: MeterParts, clock: SetClock
) -> None:
    await pilot(kept, clock, users=20, days=14)
    found = projected(parts)
    assert found.projection.p50.nano == 1_000 * 30 * COST
    assert (found.projection.users_seen, found.projection.days_seen) == (20, 14)
    assert found.projection.cautions == ()
    assert found.unfinished == ""
    assert projected(parts) == found


async def test_rehearsals_are_left_out_and_reported(
    kept: MemoryStore, parts: MeterParts, clock: SetClock
) -> None:
    await pilot(kept, clock, users=3, days=3)
    before = projected(parts)
    rehearsal: dict[str, JsonValue] = {"purpose": "rehearsal", "cost_nano_usd": 10**12}
    await ended(kept, clock, OWNER, "exc_rehearsed", facts=rehearsal)
    after = projected(parts)
    assert after.projection == before.projection
    assert after.left_out["rehearsal"].cost_nano == 10**12
    assert after.left_out["rehearsal"].requests == 1


async def test_a_day_that_is_not_over_is_left_out_once_another_was_seen(
    kept: MemoryStore, parts: MeterParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA, "exc_1", facts={"cost_nano_usd": COST})
    only = projected(parts)
    assert (only.unfinished, only.projection.days_seen) == ("", 1)
    clock.advance(seconds=DAY)
    await ended(kept, clock, ADA, "exc_2", facts={"cost_nano_usd": 9 * COST})
    later = projected(parts)
    assert later.unfinished == "2023-11-15"
    assert later.projection == only.projection


async def test_first_questions_of_one_person_give_no_interval_and_say_what_is_missing(
    kept: MemoryStore, parts: MeterParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA, "exc_1", facts={"cost_nano_usd": COST})
    projection = projected(parts, users=10_000).projection
    assert (projection.p10, projection.p90, projection.month) == (None, None, None)
    assert projection.p50.nano == 10_000 * 30 * COST
    lacking = {caution.weakness for caution in projection.cautions}
    assert lacking >= {Weakness.NO_INTERVAL, Weakness.FEW_USERS, Weakness.FEW_DAYS}


async def test_free_model_is_projected_as_if_it_were_a_paid_one(
    kept: MemoryStore, parts: MeterParts, clock: SetClock
) -> None:
    await pilot(
        kept, clock, users=20, days=14, cost_nano_usd=0, input_tokens=1_000, output_tokens=100
    )
    free, paid = projected(parts), projected(parts, priced_as="openai/gpt")
    assert free.projection.p50.nano == 0
    assert {each.weakness for each in free.projection.cautions} == {Weakness.NO_COST}
    assert paid.projection.p50.nano == 1_000 * 30 * (1_000 * 1_000 + 100 * 4_000)
    with pytest.raises(InvalidRequest, match="openai/unlisted"):
        projected(parts, priced_as="openai/unlisted")


async def test_evidence_states_dollars_and_whether_the_sample_can_be_believed(
    kept: MemoryStore, parts: MeterParts, clock: SetClock
) -> None:
    await pilot(kept, clock, users=20, days=14)
    found = projection_finding(projected(parts), RELEASE)
    assert (found.kind, found.usecase, found.release) == ("projection", "handbook", RELEASE)
    assert found.estimate is not None
    assert found.estimate.value == pytest.approx(30.0)
    assert found.estimate.n == 20
    assert found.facts["calibrated"] is True
    assert found.facts["warnings"] == []
    assert found.grade is Grade.BEFORE_AFTER


async def test_evidence_of_a_poor_sample_lists_its_drawbacks_and_claims_no_interval(
    kept: MemoryStore, parts: MeterParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA, "exc_1", facts={"cost_nano_usd": COST})
    found = projection_finding(projected(parts), RELEASE)
    assert found.estimate is None
    assert found.grade is Grade.DEMO
    assert found.facts["calibrated"] is False
    assert found.facts["weaknesses"] == [
        "no_interval",
        "few_users",
        "few_days",
        "no_whole_weeks",
        "far_beyond",
    ]


async def test_projection_over_all_use_cases_is_no_evidence_for_one(
    kept: MemoryStore, parts: MeterParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA, "exc_1", facts={"cost_nano_usd": COST})
    everything = project_costs(
        authorise(OWNER, Permission.COST_READ), parts, users=10, seed=1, draws=10
    )
    with pytest.raises(InvalidRequest, match="one use case"):
        projection_finding(everything, RELEASE)


def test_nothing_is_projected_before_anybody_has_asked(parts: MeterParts) -> None:
    with pytest.raises(NothingToProject):
        projected(parts)


def test_projection_needs_the_permission_to_see_costs(parts: MeterParts) -> None:
    with pytest.raises(Forbidden):
        project_costs(authorise(OWNER, Permission.FLAG_READ), parts, users=10, seed=1)
