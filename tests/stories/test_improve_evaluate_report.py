from passerelle.core.reports.html import render_html
from passerelle.core.reports.markdown import render_markdown
from passerelle.core.reports.report import Report, cell_text
from passerelle.domain.evaluation.comparison import compare
from passerelle.domain.evaluation.datasets import Dataset
from passerelle.stories.improve.report import comparison_report, evaluation_report
from tests.domain.trials import CASES, FEE, MOON, REFUND, answered, evaluation, refused

FOUND = evaluation(answered(FEE), answered(REFUND, "In a week. [1]"), refused(MOON))
REPORT = evaluation_report(FOUND, made_at_ms=1_700_000_000_000, code_version="0.1.0")


def cells(report: Report, title: str) -> list[tuple[str, ...]]:
    (table,) = (
        table for section in report.sections for table in section.tables if table.title == title
    )
    return [tuple(cell_text(cell) for cell in row) for row in table.rows]


def test_the_headline_gives_the_share_with_its_interval_beside_the_best_trivial_answerer() -> None:
    assert REPORT.headline == (
        "2 of 3 cases were answered rightly: 66.7 % [20.8 %, 93.9 %], n = 3."
        " To always refuse would give 33.3 % [6.1 %, 79.2 %], n = 3."
    )


def test_every_score_is_shown_with_what_knowing_nothing_reaches() -> None:
    rows = cells(REPORT, "All cases")
    assert len(rows) == 12
    right = rows[0]
    assert right[0] == "Right answers"
    assert all(", n = 3" in cell for cell in right[1:])
    assert rows[-1][2:] == ("", "")


def test_every_case_that_was_not_right_is_shown_with_its_exchange() -> None:
    (row,) = cells(REPORT, "Cases")
    assert row == (
        "refund",
        "facts",
        REFUND.question,
        REFUND.reference,
        "In a week. [1]",
        "exc_refund",
    )


def test_every_slice_has_its_row_and_its_line_in_the_figure() -> None:
    assert [row[0] for row in cells(REPORT, "Scores by slice")] == ["facts", "far"]
    (figure,) = (figure for section in REPORT.sections for figure in section.figures)
    assert [mark.label for mark in figure.marks] == ["facts", "far"]


def test_the_report_says_what_it_was_made_from() -> None:
    told = dict(REPORT.provenance.lines)
    assert told["dataset"] == Dataset("fees", CASES).version
    assert told["release"] == FOUND.run.release
    assert told["seed"] == "7"
    assert cells(REPORT, "Counts")[1] == ("Cost of the run", "0.000000300 USD")


def test_a_long_answer_is_cut_and_a_blocked_question_says_its_status() -> None:
    found = evaluation(answered(FEE, "x" * 5_000), refused(REFUND, answer="", status=400))
    rows = cells(evaluation_report(found, made_at_ms=0, code_version=""), "Cases")
    assert rows[0][4].endswith("x…")
    assert len(rows[0][4]) == 601
    assert rows[1][4] == "(refused with status 400)"


def test_a_run_without_trials_makes_a_report_that_says_so() -> None:
    report = evaluation_report(evaluation(), made_at_ms=0, code_version="")
    assert report.headline == "0 of 0 cases were answered rightly: no data, n = 0."
    assert "no data" in render_html(report)


def test_a_comparison_names_what_broke_and_what_mended() -> None:
    other = evaluation(refused(FEE), answered(REFUND), refused(MOON), run="run_2")
    report = comparison_report(compare(FOUND, other), made_at_ms=0, code_version="0.1.0")
    assert report.headline == (
        "Of 3 cases asked of both, 1 broke and 1 mended (exact McNemar test: p = 1.000)."
    )
    paragraphs = {section.title: section.paragraphs for section in report.sections}
    assert paragraphs["Broken"] == ("fee",)
    assert paragraphs["Mended"] == ("refund",)
    assert paragraphs["Not compared"] == ("None.",)
    assert cells(report, "Differences")[0][0] == "Right answers"


def test_both_reports_can_be_written_as_html_and_as_markdown() -> None:
    for report in (
        REPORT,
        comparison_report(compare(FOUND, FOUND), made_at_ms=0, code_version="0.1.0"),
    ):
        assert report.title in render_html(report)
        assert report.headline.split(":")[0] in render_markdown(report)
