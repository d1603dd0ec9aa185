from datetime import date
from itertools import product

import pytest

from passerelle.core.values.scope import Stage
from passerelle.domain.usecases.stages import NEXT, ImpossibleMove, check_move, is_demotion
from passerelle.domain.usecases.timetable import parse_timetable

ORDER = list(Stage)


@pytest.mark.parametrize(("before", "to"), list(product(Stage, Stage)))
def test_one_forward_any_back_and_retired_for_good(before: Stage, to: Stage) -> None:
    step = ORDER.index(to) - ORDER.index(before)
    allowed = (
        before is not Stage.RETIRED
        and before is not to
        and (to is Stage.RETIRED or step == 1 or step < 0)
    )
    if allowed:
        check_move(before, to)
    else:
        with pytest.raises(ImpossibleMove) as refused:
            check_move(before, to)
        assert refused.value.status == 409
        assert refused.value.detail


@pytest.mark.parametrize(("before", "to"), list(product(Stage, Stage)))
def test_only_what_takes_risk_away_is_a_demotion(before: Stage, to: Stage) -> None:
    if is_demotion(before, to):
        check_move(before, to)
        assert NEXT.get(before) is not to


def test_every_forward_move_ends_in_production() -> None:
    stage, seen = Stage.POC, [Stage.POC]
    while stage in NEXT:
        stage = NEXT[stage]
        seen.append(stage)
    assert seen == [Stage.POC, Stage.PILOT, Stage.LIMITED, Stage.PRODUCTION]


def test_a_plan_has_dates_for_some_or_all_stages() -> None:
    found, faults = parse_timetable({"pilot": "2027-01-15", "production": "2027-03-15"})
    assert faults == ()
    assert found is not None
    assert found.due == {Stage.PILOT: date(2027, 1, 15), Stage.PRODUCTION: date(2027, 3, 15)}
    assert parse_timetable({})[0] is not None


@pytest.mark.parametrize(
    ("table", "where", "words"),
    [
        ({"pilot": "soon"}, "pilot", "must be a date in quotes"),
        ({"pilot": 2027}, "pilot", "must be a text in quotes"),
        ({"pilot": "2027-02-30"}, "pilot", "must be a date in quotes"),
        ({"pilot": "2027-02-01", "limited": "2027-01-01"}, "limited", "must not come before"),
        ({"limited": "2027-02-01", "production": "2027-01-01"}, "production", "must not come"),
        ({"poc": "2027-01-01"}, "poc", "unknown key"),
    ],
)
def test_a_faulty_plan_says_where_and_why(table: dict[str, str], where: str, words: str) -> None:
    found, faults = parse_timetable(table)
    assert found is None
    assert any(fault.where == ("plan", where) and words in fault.message for fault in faults)
