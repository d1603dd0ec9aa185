from dataclasses import replace

import pytest

from passerelle.core.values.errors import InvalidRequest, NotFound
from passerelle.core.values.estimates import Estimate
from passerelle.core.values.money import Money
from passerelle.core.values.scope import Stage
from passerelle.core.values.verdicts import Support
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.readiness.claims import CLAIMS, Comparison, Dimension, Measure, Unit
from passerelle.stories.justify.compare import compare
from tests.stories.project import NAME, Project, sound_project


def compared(project: Project, first: Stage = Stage.POC, second: Stage = Stage.PILOT) -> Comparison:
    granted = project.granted("developer", Permission.READINESS_READ)
    return compare(granted, project.parts, NAME, first=first, second=second)


def measure(comparison: Comparison, name: str) -> Measure:
    return next(each for each in comparison.measures if each.name == name)


async def test_every_row_of_the_table_is_there_with_what_is_said_of_it() -> None:
    comparison = compared(await sound_project())
    for dimension, claim in CLAIMS.items():
        assert comparison.of(dimension)
        assert claim.says(Stage.POC) != claim.says(Stage.PRODUCTION)
    assert [each.dimension for each in comparison.measures] == sorted(
        (each.dimension for each in comparison.measures), key=list(Dimension).index
    )


async def test_each_side_is_measured_on_its_own_stage() -> None:
    project = await sound_project()
    await project.asked(10, stage="poc", support=Support.UNSUPPORTED)
    comparison = compared(project)
    requests = measure(comparison, "live requests")
    assert (requests.first, requests.second) == (10, 40)
    supported = measure(comparison, "answers supported")
    assert isinstance(supported.first, Estimate)
    assert isinstance(supported.second, Estimate)
    assert (supported.first.value, supported.first.n) == (0.0, 10)
    assert (supported.second.value, supported.second.n) == (1.0, 40)


async def test_what_was_not_measured_is_none_and_never_zero() -> None:
    comparison = compared(await sound_project(), Stage.POC, Stage.PRODUCTION)
    for each in comparison.measures:
        if each.unit is not Unit.WORDS:
            assert each.second is None, each.name
    assert measure(comparison, "Right answers").first is None
    assert measure(comparison, "time to a fee, in minutes").first is None


async def test_every_figure_that_is_no_count_carries_n_and_an_interval() -> None:
    project = await sound_project()
    await project.asked(5, stage="poc", cost_nano_usd=1_000)
    await project.asked(5, stage="poc", cost_nano_usd=3_000)
    comparison = compared(project)
    for each in comparison.measures:
        for figure in (each.first, each.second):
            if each.unit in (Unit.SHARE, Unit.SCORE, Unit.NANO_USD) and figure is not None:
                assert isinstance(figure, Estimate)
                assert figure.n > 0
                assert figure.low <= figure.value <= figure.high


async def test_costs_add_up_and_unknown_ones_are_left_out() -> None:
    project = await sound_project()
    await project.asked(3, stage="poc", cost_nano_usd=1_500)
    await project.asked(2, stage="poc", cost_nano_usd=None)
    comparison = compared(project)
    assert measure(comparison, "spent so far").first == Money(4_500)
    mean = measure(comparison, "cost of a request, mean").first
    assert isinstance(mean, Estimate)
    assert (mean.value, mean.n) == (1_500, 3)


async def test_requests_of_one_person_are_drawn_together_where_there_are_many_people() -> None:
    project = await sound_project()
    for number in range(6):
        somebody = await project.key(f"user{number}", "end_user")
        await project.asked(4, stage="poc", who=somebody, cost_nano_usd=1_000 * (number + 1))
    mean = measure(compared(project), "cost of a request, mean").first
    assert isinstance(mean, Estimate)
    assert mean.n == 6


async def test_evaluation_is_of_exactly_what_the_stage_serves() -> None:
    project = await sound_project()
    await project.evaluated(right=60, release=project.candidate.release(Stage.POC))
    right = measure(compared(project), "Right answers")
    assert isinstance(right.first, Estimate)
    assert isinstance(right.second, Estimate)
    assert (right.first.value, right.second.value) == (0.5, 1.0)
    assert (right.first.n, right.second.n) == (120, 120)


async def test_strictness_is_told_in_words() -> None:
    project = await sound_project()
    unscanned = measure(compared(project), "texts that a guard cannot check")
    assert (unscanned.first, unscanned.second) == ("pass", "block")


async def test_knowledge_counts_where_it_is_served() -> None:
    project = await sound_project()
    comparison = compared(project, Stage.PILOT, Stage.PRODUCTION)
    assert (measure(comparison, "documents").first, measure(comparison, "documents").second) == (
        1,
        None,
    )
    project.change(index=None)
    assert measure(compared(project), "documents").first is None


@pytest.mark.parametrize(("first", "second"), [(Stage.POC, Stage.POC), (Stage.POC, Stage.RETIRED)])
async def test_a_comparison_needs_two_stages_that_answer(first: Stage, second: Stage) -> None:
    project = await sound_project()
    with pytest.raises(InvalidRequest):
        compared(project, first, second)


async def test_an_unknown_use_case_cannot_be_compared() -> None:
    project = await sound_project()
    project.candidate = replace(
        project.candidate, profile=replace(project.candidate.profile, name="other")
    )
    with pytest.raises(NotFound):
        compared(project)
