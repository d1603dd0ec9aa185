"""What a measurement hands over: tables whose numbers know how sure they are."""

from dataclasses import dataclass

from passerelle.core.values.estimates import Estimate

Cell = str | int | float | Estimate


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    """One cell for each column."""
    note: str = ""
    """What a reader must know before believing the table."""

    def markdown(self) -> str:
        lines = [f"### {self.title}", "", _line(self.columns), _line(["---"] * len(self.columns))]
        lines += [_line([_shown(cell) for cell in row]) for row in self.rows]
        return "\n".join([*lines, "", self.note] if self.note else lines) + "\n"


@dataclass(frozen=True, slots=True)
class Report:
    name: str
    tables: tuple[Table, ...]
    sources: tuple[str, ...]
    """Public repository and commit of each data set that was read."""

    def markdown(self) -> str:
        read = "\n".join(f"- {source}" for source in self.sources)
        return "\n".join(table.markdown() for table in self.tables) + f"\nData:\n\n{read}\n"


def _shown(cell: Cell) -> str:
    if isinstance(cell, Estimate) and not cell.n:
        return "no rows"
    if isinstance(cell, Estimate):
        return f"{cell.value:.3f} [{cell.low:.3f}, {cell.high:.3f}] n={cell.n:,}"
    if isinstance(cell, float):
        return f"{cell:,.3f}"
    return f"{cell:,}" if isinstance(cell, int) else cell.replace("|", "\\|").replace("\n", " ")


def _line(cells: "tuple[str, ...] | list[str]") -> str:
    return f"| {' | '.join(cells)} |"
