import math
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.core.reports.report import Figure, Mark, Unit
from passerelle.core.reports.svg import WIDTH, interval_plot
from passerelle.core.values.estimates import Estimate
from tests.core.reports import FIGURE, HOSTILE

NAMESPACE = {"s": "http://www.w3.org/2000/svg"}


def drawn(figure: Figure) -> ET.Element:
    return ET.fromstring(interval_plot(figure))  # noqa: S314 - our own text


def places(figure: Figure) -> list[float]:
    return [float(dot.attrib["cx"]) for dot in drawn(figure).iterfind(".//s:circle", NAMESPACE)]


def marks(*values: float) -> tuple[Mark, ...]:
    return tuple(
        Mark(str(value), Estimate(value, value - 0.1, value + 0.1, 9, "")) for value in values
    )


def test_a_mark_is_a_dot_on_its_interval() -> None:
    root = drawn(replace(FIGURE, marks=FIGURE.marks[:1]))
    (dot,) = root.iterfind(".//s:circle", NAMESPACE)
    (line,) = root.iterfind(".//s:line[@class='interval']", NAMESPACE)
    assert float(line.attrib["x1"]) < float(dot.attrib["cx"]) < float(line.attrib["x2"])
    assert len(list(root.iterfind(".//s:path[@class='baseline']", NAMESPACE))) == 1


def test_what_has_no_data_keeps_its_label_and_draws_nothing() -> None:
    root = drawn(replace(FIGURE, marks=FIGURE.marks[1:]))
    assert list(root.iterfind(".//s:circle", NAMESPACE)) == []
    texts = [title.text or "" for title in root.iterfind(".//s:title", NAMESPACE)]
    assert texts == [f"{HOSTILE}: no data, n = 0"]


def test_a_figure_without_marks_is_an_empty_axis() -> None:
    assert places(replace(FIGURE, marks=())) == []


def test_a_figure_is_named_for_those_who_do_not_see_it() -> None:
    root = drawn(FIGURE)
    assert (root.attrib["role"], root.attrib["aria-label"]) == ("img", "By slice")


def test_the_axis_of_shares_runs_from_0_to_100_percent() -> None:
    labels = [text.text for text in drawn(FIGURE).iterfind("s:text", NAMESPACE)]
    assert (labels[0], labels[-1]) == ("0 %", "100 %")


def test_a_difference_below_0_has_its_axis_through_0() -> None:
    root = drawn(Figure("Change", Unit.SHARE, marks(-0.2, 0.05)))
    (zero,) = root.iterfind("s:line[@class='zero']", NAMESPACE)
    first, second = places(Figure("Change", Unit.SHARE, marks(-0.2, 0.05)))
    assert first < float(zero.attrib["x1"]) < second


@pytest.mark.parametrize("unit", Unit)
@given(
    values=st.lists(
        st.floats(-1e12, 1e12).filter(lambda value: value == 0 or abs(value) > 1e-9), max_size=5
    )
)
def test_everything_lies_inside_the_figure_and_in_the_order_of_its_values(
    unit: Unit, values: list[float]
) -> None:
    figure = Figure("Any", unit, tuple(Mark("m", Estimate(v, v, v, 1, "")) for v in values))
    found = places(figure)
    assert all(0 <= place <= WIDTH for place in found)
    ordered = [place for _, place in sorted(zip(values, found, strict=True))]
    assert ordered == sorted(found)


def test_an_interval_that_is_not_known_is_not_drawn() -> None:
    mark = Mark("one", Estimate(0.5, math.nan, math.nan, 1, ""))
    root = drawn(Figure("One", Unit.SCORE, (mark,)))
    assert list(root.iterfind(".//s:line[@class='interval']", NAMESPACE)) == []
    assert len(list(root.iterfind(".//s:circle", NAMESPACE))) == 1
