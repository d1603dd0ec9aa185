"""A report as one HTML page that needs nothing else: no script, no font, no network."""

import re
from collections.abc import Iterator
from html import escape

from passerelle.core.reports.report import (
    Cell,
    Figure,
    Report,
    Section,
    Table,
    cell_text,
)
from passerelle.core.reports.svg import interval_plot

PALETTE = {
    "paper": "light-dark(#f5f7f6, #0d1413)",
    "surface": "light-dark(#ffffff, #141c1b)",
    "sunken": "light-dark(#ecf0ef, #1c2625)",
    "line": "light-dark(#d9e0de, #293634)",
    "edge": "light-dark(#7d8986, #71807d)",
    "ink": "light-dark(#12201e, #e9f0ee)",
    "ink-soft": "light-dark(#4a5956, #a4b3b0)",
    "accent": "light-dark(#0b5f58, #63cfc2)",
    "warn": "light-dark(#7c4a00, #f2bd62)",
}
"""The console's colours, those that a report needs."""
TEXT_PAIRS = (
    ("ink", "paper"),
    ("ink", "surface"),
    ("ink", "sunken"),
    ("ink-soft", "paper"),
    ("ink-soft", "surface"),
    ("accent", "paper"),
)
"""Which colour is written on which."""
_COLOURS = "".join(f"--{name}:{value};" for name, value in PALETTE.items())
_STYLE = f"""
:root{{color-scheme:light dark;{_COLOURS}}}
*{{box-sizing:border-box}}
body{{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif}}
main{{max-width:64rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}}
h1{{font-size:1.9rem;line-height:1.2;margin:0 0 .75rem}}
h2{{font-size:1.25rem;margin:2.75rem 0 .5rem}}
p{{max-width:44rem;margin:.5rem 0}}
.headline{{font-size:1.15rem;border-left:4px solid var(--accent);padding-left:1rem}}
.scroll{{overflow-x:auto;margin:1rem 0;background:var(--surface);
border:1px solid var(--line);border-radius:8px}}
.scroll:focus-visible{{outline:2px solid var(--accent);outline-offset:2px}}
table{{border-collapse:collapse;width:100%;font-size:.925rem}}
caption,figcaption{{text-align:left;font-weight:600;padding:.75rem 1rem .5rem}}
th,td{{text-align:left;vertical-align:top;padding:.5rem 1rem;border-top:1px solid var(--line);
overflow-wrap:break-word;min-width:6rem}}
thead th{{background:var(--sunken);font-weight:600}}
tbody th{{font-weight:600}}
.number{{font-variant-numeric:tabular-nums;min-width:9rem}}
.note{{color:var(--ink-soft);font-size:.875rem}}
figure{{margin:0}}
svg{{display:block;min-width:36rem;width:100%;padding:0 1rem .75rem}}
.label{{fill:var(--ink);font-size:13px}}
.grid{{stroke:var(--line)}}
.zero{{stroke:var(--edge)}}
.interval{{stroke:var(--accent);stroke-width:3;stroke-linecap:round}}
.dot{{fill:var(--accent)}}
.baseline{{fill:var(--surface);stroke:var(--warn);stroke-width:2}}
dl{{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;font-size:.875rem}}
dt{{color:var(--ink-soft)}}
dd{{margin:0;overflow-wrap:anywhere;font-family:ui-monospace,monospace}}
@media print{{:root{{color-scheme:light}}body{{background:none;font-size:11pt}}
main{{max-width:none;padding:0}}.scroll{{overflow:visible;border-radius:0}}
tr,figure,h2{{break-inside:avoid}}h2{{break-after:avoid}}svg{{min-width:0}}
thead{{display:table-header-group}}}}
""".replace("\n", "")

# A number and its unit, and the sign of a sample size, stay on one line.
_TOGETHER = re.compile(r"(?<=\d) (?=(?:%|ms|USD)(?![a-z]))|(?<=\bn) (?== \d)|(?<=\bn =) (?=\d)")


def render_html(report: Report) -> str:
    """The whole page. Every text of the report is escaped; the page forbids itself the network."""
    sections = "".join(_section(section) for section in report.sections)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy"'
        " content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(report.title)}</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{escape(report.title)}</h1>"
        f'<p class="headline">{_text(report.headline)}</p>'
        f"{sections}{_provenance(report)}</main></body></html>\n"
    )


def _section(section: Section) -> str:
    return "".join(
        (
            f"<section><h2>{escape(section.title)}</h2>",
            *(f"<p>{_text(paragraph)}</p>" for paragraph in section.paragraphs),
            *(_figure(figure) for figure in section.figures),
            *(_table(table) for table in section.tables),
            "</section>",
        )
    )


def _figure(figure: Figure) -> str:
    title = escape(figure.title)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{title}"><figure>'
        f"<figcaption>{title}</figcaption>{interval_plot(figure)}</figure></div>{_note(figure)}"
    )


def _table(table: Table) -> str:
    title = escape(table.title)
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    rows = "".join(f"<tr>{''.join(_cells(row))}</tr>" for row in table.rows)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{title}"><table>'
        f"<caption>{title}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
        f"</table></div>{_note(table)}"
    )


def _cells(row: tuple[Cell, ...]) -> Iterator[str]:
    for place, cell in enumerate(row):
        text = _text(cell_text(cell))
        if place == 0:
            yield f'<th scope="row">{text}</th>'
        elif isinstance(cell, str):
            yield f"<td>{text}</td>"
        else:
            yield f'<td class="number">{text}</td>'


def _text(text: str) -> str:
    return _TOGETHER.sub("&nbsp;", escape(text))


def _note(shown: Table | Figure) -> str:
    return f'<p class="note">{_text(shown.note)}</p>' if shown.note else ""


def _provenance(report: Report) -> str:
    lines = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
        for name, value in report.provenance.lines
    )
    return f"<section><h2>Where this comes from</h2><dl>{lines}</dl></section>"
