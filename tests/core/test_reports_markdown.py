from passerelle.core.reports.markdown import render_markdown
from tests.core.reports import report

TEXT = render_markdown(report())


def test_it_reads_from_headline_to_provenance() -> None:
    headings = [line for line in TEXT.splitlines() if line.startswith("#")]
    assert headings == [
        "# Evaluation",
        "## Part",
        "### By slice",
        "### Scores",
        "## Where this comes from",
    ]
    assert TEXT.endswith("- dataset: `ab12`\n")


def test_numbers_carry_interval_and_sample_size() -> None:
    assert "| Right | 77.8 % \\[71.0 %, 83.5 %\\], n = 167 |" in TEXT


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    rows = [line.replace("\\|", "") for line in TEXT.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows[:4]} == {4}
    assert {row.count("|") for row in rows[4:]} == {3}


def test_a_text_of_the_report_stays_text() -> None:
    assert "\\<script\\>alert('x')\\</script\\> & \\| \\` \\_a\\_" in TEXT
    assert "<script>" not in TEXT
