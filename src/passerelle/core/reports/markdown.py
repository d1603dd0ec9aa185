"""A report as Markdown, for comments on a change and for files in a repository."""

import re

from passerelle.core.reports.report import (
    Cell,
    Figure,
    Report,
    Section,
    Table,
    cell_text,
    quantity_text,
)

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~])")


def render_markdown(report: Report) -> str:
    """Headings, paragraphs and tables; a figure becomes the table of its marks."""
    lines = [
        f"# {_plain(report.title)}",
        f"**{_plain(report.headline)}**",
        *(block for section in report.sections for block in _section(section)),
        "## Where this comes from",
        "\n".join(f"- {_plain(name)}: `{value}`" for name, value in report.provenance.lines),
    ]
    return "\n\n".join(lines) + "\n"


def _section(section: Section) -> list[str]:
    blocks = [f"## {_plain(section.title)}", *map(_plain, section.paragraphs)]
    for figure in section.figures:
        blocks += _table(_as_table(figure))
    for table in section.tables:
        blocks += _table(table)
    return blocks


def _as_table(figure: Figure) -> Table:
    rows = tuple(
        (
            mark.label,
            quantity_text(mark.estimate, figure.unit),
            quantity_text(mark.baseline, figure.unit) if mark.baseline is not None else "",
        )
        for mark in figure.marks
    )
    return Table(figure.title, ("", "estimate", "baseline"), rows, figure.note)


def _table(table: Table) -> list[str]:
    rows = [table.columns, ("---",) * len(table.columns), *map(_texts, table.rows)]
    escaped = (
        row if place == 1 else tuple(_plain(text) for text in row) for place, row in enumerate(rows)
    )
    grid = "\n".join(f"| {' | '.join(row)} |" for row in escaped)
    blocks = [f"### {_plain(table.title)}", grid]
    return [*blocks, _plain(table.note)] if table.note else blocks


def _texts(row: tuple[Cell, ...]) -> tuple[str, ...]:
    return tuple(cell_text(cell) for cell in row)


def _plain(text: str) -> str:
    """On one line, with what Markdown would read as markup escaped."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
