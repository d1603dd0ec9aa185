import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.adapters.store.memory import MemoryStore
from passerelle.core.values.chat import JsonValue, Usage
from passerelle.core.values.clock import SetClock
from passerelle.core.values.errors import InvalidRequest
from passerelle.core.values.principals import Principal
from passerelle.domain.costs.lines import TokenClass, group, total_nano
from passerelle.domain.costs.price_book import FixedPrices, Price, Rate
from passerelle.domain.costs.pricing import cost_nano
from passerelle.domain.feedback.flags import Flag, FlagReason
from passerelle.domain.identity.grants import Forbidden, Granted, authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.entries import Draft, LedgerUnreadable
from passerelle.domain.ledger.events import EXCHANGE_ENDED
from passerelle.stories.justify import meter
from passerelle.stories.justify.meter import CostReport, MeterParts, Window, cost_report
from tests.stories.kitchen import kitchen
from tests.stories.office import ended, person, store

DOLLAR = 1_000_000_000
PRICE = Price(Rate(DOLLAR), Rate(4 * DOLLAR))
PRICES = FixedPrices("test prices", {("openai", "gpt"): PRICE})
ADA = person("ada", "end_user")
BOB = person("bob", "end_user")
OWNER = person("olga", "business_owner")
MALLORY = person("mallory", "administrator", organisation="other")
DAY = 86_400.0


@pytest.fixture
def kept() -> MemoryStore:
    return store()


@pytest.fixture
def parts(kept: MemoryStore, clock: SetClock) -> MeterParts:
    return MeterParts(kept.ledger, kept.flags, PRICES, clock)


def may(who: Principal = OWNER) -> Granted:
    return authorise(who, Permission.COST_READ)


def used(inputs: int = 1_000, outputs: int = 100, **facts: JsonValue) -> dict[str, JsonValue]:
    """Facts of an exchange with the priced model."""
    return {
        "provider": "openai",
        "model": "gpt",
        "input_tokens": inputs,
        "output_tokens": outputs,
        "cost_nano_usd": cost_nano(Usage(inputs, outputs), PRICE),
        **facts,
    }


def recorded(kept: MemoryStore) -> int:
    """Sum of the costs as they stand in the ledger, read by other means."""
    entries = kept.ledger.entries(organisation="acme", event=EXCHANGE_ENDED, limit=10_000)
    return sum(json.loads(entry.facts)["cost_nano_usd"] or 0 for entry in entries)


async def test_report_adds_up_by_use_case_route_day_and_token_class(
    kept: MemoryStore, parts: MeterParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA, "exc_1", facts=used())
    clock.advance(seconds=DAY)
    await ended(kept, clock, BOB, "exc_2", facts=used(2_000, 50))
    await ended(kept, clock, BOB, "exc_3", usecase="claims", facts=used(10, 1))
    report = cost_report(may(), parts)
    assert report.balanced
    assert report.total.nano == recorded(kept) == 1_400_000 + 2_200_000 + 14_000
    assert report.volume.requests == 3
    by_usecase = [(name, volume.cost_nano) for name, volume in group(report.volumes, "usecase")]
    assert by_usecase == [("handbook", 3_600_000), ("claims", 14_000)]
    days = {name: volume.requests for name, volume in group(report.volumes, "day")}
    assert days == {"2023-11-14": 1, "2023-11-15": 2}
    output = [each for each in report.lines if each.token_class is TokenClass.OUTPUT]
    assert sum(each.tokens for each in output) == 151
    assert sum(each.cost_nano or 0 for each in output) == 151 * 4_000
    assert [(user.user, user.volume.cost_nano) for user in report.users] == [
        ("per_bob", 2_214_000),
        ("per_ada", 1_400_000),
    ]


async def test_real_exchanges_are_metered_as_serving_recorded_them() -> None:
    served = await kitchen()
    for _ in range(3):
        await served.serving.answer(served.arrival("What is the transfer fee?", end_user="eve"))
    parts = MeterParts(served.parts.ledger, served.store.flags, served.parts.prices, served.clock)
    report = cost_report(may(), parts)
    assert report.balanced
    assert report.total.nano == recorded(served.store) == 3 * (100 * 1_000 + 20 * 2_000)
    assert (report.volume.requests, report.volume.accepted) == (3, 3)
    assert {line.place.route for line in report.lines} == {"replay/replay-1"}
    (user,) = report.users
    assert user.user.startswith("svc_1/")
    assert "eve" not in user.user


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["handbook", "claims"]),
            st.sampled_from([("openai", "gpt"), ("openai", "unlisted"), ("", "")]),
            st.none() | st.integers(0, 10**12),
            st.lists(st.integers(0, 5_000), min_size=5, max_size=5),
            st.sampled_from(["live", "rehearsal"]),
            st.integers(0, 200_000),
        ),
        max_size=25,
    )
)
async def test_sum_of_the_lines_is_the_sum_of_the_ledger_to_the_nano_dollar(
    spent: list[tuple[str, tuple[str, str], int | None, list[int], str, int]],
) -> None:
    kept, clock = store(), SetClock()
    for number, (usecase, route, cost, tokens, purpose, seconds) in enumerate(spent):
        clock.advance(seconds=seconds)
        names = ("input", "output", "cached_input", "cache_write", "reasoning")
        facts: dict[str, JsonValue] = {
            f"{name}_tokens": count for name, count in zip(names, tokens, strict=True)
        }
        facts |= {"provider": route[0], "model": route[1], "cost_nano_usd": cost}
        facts["purpose"] = purpose
        await ended(kept, clock, ADA, f"exc_{number}", usecase=usecase, facts=facts)
    report = cost_report(may(), MeterParts(kept.ledger, kept.flags, PRICES, clock))
    assert total_nano(report.lines) == report.total.nano == recorded(kept)
    assert report.balanced
    assert report.volume.unknown_prices == sum(cost is None for _, _, cost, *_ in spent)


async def test_large_ledger_is_read_page_by_page_and_each_entry_once(
    kept: MemoryStore,
    parts: MeterParts,
    clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(10):
        await ended(kept, clock, ADA, f"exc_{number}", facts=used(inputs=1_000 + number))
    whole = cost_report(may(), parts)
    for page in (1, 3, 5, 10):
        monkeypatch.setattr(meter, "PAGE", page)
        assert cost_report(may(), parts) == whole
    assert whole.volume.requests == 10


async def test_rehearsals_are_reported_as_their_own_line_and_in_no_unit_cost(
    kept: MemoryStore, parts: MeterParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA, "exc_1", facts=used())
    await ended(kept, clock, BOB, "exc_2", facts=used())
    await ended(kept, clock, ADA, "exc_3", facts=used(50_000, 5_000, purpose="rehearsal"))
    report = cost_report(may(), parts)
    by_purpose = {name: volume.cost_nano for name, volume in group(report.volumes, "purpose")}
    assert by_purpose == {"live": 2_800_000, "rehearsal": 70_000_000}
    assert report.total.nano == 72_800_000
    assert report.balanced
    assert report.units.per_request.value == 1_400_000
    assert sum(user.volume.requests for user in report.users) == 2


async def test_accepted_answer_bears_the_cost_of_all_that_were_not(
    kept: MemoryStore, parts: MeterParts, clock: SetClock
) -> None:
    unsupported: JsonValue = {"support": "unsupported"}
    await ended(kept, clock, ADA, "exc_good", facts=used())
    await ended(kept, clock, BOB, "exc_flagged", facts=used())
    await ended(kept, clock, BOB, "exc_unbacked", facts=used(grounding=unsupported))
    await ended(kept, clock, BOB, "exc_failed", facts=used(status=503, code="unavailable"))
    await kept.flags.add(
        Flag("flg_1", "exc_flagged", FlagReason.WRONG, "", ADA.id, clock.now_ms(), "acme")
    )
    report = cost_report(may(), parts)
    assert (report.volume.requests, report.volume.answered, report.volume.accepted) == (4, 3, 1)
    assert report.units.per_accepted.value == 4 * 1_400_000
    assert report.units.per_request.value == 1_400_000
    assert report.units.per_user.value == 2 * 1_400_000
    assert report.units.per_user.n == 2


async def test_unknown_prices_are_counted_and_left_out_of_unit_costs(
    kept: MemoryStore, parts: MeterParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA, "exc_1", facts=used())
    await ended(kept, clock, ADA, "exc_2", facts=used(cost_nano_usd=None, model="unlisted"))
    report = cost_report(may(), parts)
    assert (report.volume.unknown_prices, report.total.nano) == (1, 1_400_000)
    assert report.units.per_request.value == 1_400_000
    unknown = [line for line in report.lines if line.place.route == "openai/unlisted"]
    assert unknown
    assert all(line.cost_nano is None for line in unknown)


async def test_unit_costs_are_sure_of_themselves_only_with_several_users(
    kept: MemoryStore, parts: MeterParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA, "exc_1", facts=used())
    alone = cost_report(may(), parts).units.per_request
    assert (alone.n, math.isnan(alone.low)) == (1, True)
    for number in range(8):
        facts = used(inputs=500 * (number + 1), end_user=f"pseudonym{number}")
        await ended(kept, clock, ADA, f"exc_more_{number}", facts=facts)
    several = cost_report(may(), parts).units.per_request
    assert several.n == 9
    assert several.low < several.value < several.high


async def test_window_keeps_to_times_and_to_one_use_case(
    kept: MemoryStore, parts: MeterParts, clock: SetClock
) -> None:
    start = clock.now_ms()
    for number in range(4):
        await ended(kept, clock, ADA, f"exc_{number}", usecase=f"case_{number % 2}", facts=used())
        clock.advance(seconds=DAY)

    def requests(window: Window) -> int:
        return cost_report(may(), parts, window).volume.requests

    day = round(DAY * 1_000)
    assert requests(Window()) == 4
    assert requests(Window(usecase="case_0")) == 2
    assert requests(Window(since_ms=start + day)) == 3
    assert requests(Window(since_ms=start + day, until_ms=start + 2 * day)) == 1


async def test_entry_written_after_a_clock_went_back_is_not_missed(
    kept: MemoryStore, parts: MeterParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meter, "PAGE", 1)
    late, early = SetClock(), SetClock(1_600_000_000_000)
    await ended(kept, late, ADA, "exc_1", facts=used())
    await ended(kept, early, ADA, "exc_2", facts=used())
    report = cost_report(may(), parts, Window(since_ms=1_650_000_000_000))
    assert report.volume.requests == 1
    assert report.first_ms == report.last_ms == late.now_ms()
    everything = cost_report(may(), parts)
    assert (everything.first_ms, everything.last_ms) == (1_600_000_000_000, late.now_ms())


async def test_day_is_that_of_the_time_zone(kept: MemoryStore, parts: MeterParts) -> None:
    midnight_utc = SetClock(1_700_006_400_000)
    await ended(kept, midnight_utc, ADA, "exc_1", facts=used())

    def day(time_zone: str) -> str:
        report: CostReport = cost_report(may(), parts, Window(time_zone=time_zone))
        return report.volumes[0][0].day

    assert day("UTC") == "2023-11-15"
    assert day("America/New_York") == "2023-11-14"
    assert day("Asia/Kathmandu") == "2023-11-15"
    with pytest.raises(InvalidRequest, match="time zone"):
        day("Europe/Atlantis")


async def test_other_organisations_are_not_metered(
    kept: MemoryStore, parts: MeterParts, clock: SetClock
) -> None:
    await ended(kept, clock, ADA, "exc_1", facts=used())
    assert cost_report(may(MALLORY), parts).volume.requests == 0


async def test_damaged_entry_stops_the_report(
    kept: MemoryStore, parts: MeterParts, clock: SetClock
) -> None:
    await kept.ledger.append(
        Draft(
            event=EXCHANGE_ENDED,
            at_ms=clock.now_ms(),
            scope=ADA.scope,
            principal=ADA.id,
            subject="exc_1",
            facts={"cost_nano_usd": "much"},
        )
    )
    with pytest.raises(LedgerUnreadable, match="Entry 1"):
        cost_report(may(), parts)


def test_empty_ledger_gives_an_empty_report(parts: MeterParts) -> None:
    report = cost_report(may(), parts)
    assert (report.total.nano, report.lines, report.users) == (0, (), ())
    assert report.balanced
    assert math.isnan(report.units.per_request.value)


def test_costs_are_shown_to_those_only_who_may_see_them(parts: MeterParts) -> None:
    with pytest.raises(Forbidden):
        cost_report(authorise(OWNER, Permission.EXCHANGE_READ), parts)
    with pytest.raises(Forbidden):
        authorise(ADA, Permission.COST_READ)
