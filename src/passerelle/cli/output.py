"""What commands print: words for people, or one JSON document for programs."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import NoReturn

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from passerelle.core.reports.report import Table as ReportTable
from passerelle.core.reports.report import cell_text
from passerelle.core.values.errors import InvalidConfiguration, Refusal

NO = 1
"""Exit status: done, and the answer is no."""
COULD_NOT = 2
"""Exit status: could not be run."""

_WIDE = 4_000
"""Columns where output is no terminal: a pipe cuts nothing off."""
# Without emoji=False the line number in "usecase.toml:100: ..." would become a picture.
_out = Console(highlight=False, soft_wrap=True, emoji=False)
if not _out.is_terminal:
    _out = Console(highlight=False, soft_wrap=True, emoji=False, width=_WIDE)
_errors = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def print_json(value: object) -> None:
    """The one JSON document of a command, on standard output."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
    sys.stdout.flush()  # `up` goes on running, and whoever started it waits for the address


def say(text: str = "") -> None:
    """A line for people."""
    _out.print(text, markup=False)


def warn(text: str) -> None:
    """A line for people that must not end in a pipe."""
    _errors.print(text, markup=False)


def print_table(title: str, headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    _out.print(table)


def print_report_table(table: ReportTable) -> None:
    """Every figure with its interval and sample size."""
    rows = [[cell_text(cell) for cell in row] for row in table.rows]
    print_table(table.title, table.columns, rows)
    if table.note:
        say(table.note)


def errors() -> Console:
    """Where progress is drawn, so that standard output stays clean."""
    return _errors


@contextmanager
def explained(*, as_json: bool) -> Iterator[None]:
    """Turns a refusal into a message with a next step and exit status 2."""
    try:
        yield
    except Refusal as refusal:
        fail(refusal, as_json=as_json)


def fail(
    refusal: Refusal,
    *,
    as_json: bool,
    status: int = COULD_NOT,
    more: Mapping[str, object] = MappingProxyType({}),
) -> NoReturn:
    """Says it and ends; `more` stands beside code and message in JSON."""
    if as_json:
        error: dict[str, object] = {"code": refusal.code, "message": refusal.message, **more}
        if isinstance(refusal, InvalidConfiguration):
            error["faults"] = [
                {
                    "file": fault.file,
                    "line": fault.line,
                    "key": list(fault.where),
                    "message": fault.message,
                }
                for fault in refusal.faults
            ]
        print_json({"error": error})
    else:
        warn(f"passerelle: {refusal.message}")
    raise typer.Exit(status)
