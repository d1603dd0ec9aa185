"""Who asked how much, on which day: the sample that a projection draws from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from passerelle.core.values.ids import Digest, digest_of
from passerelle.domain.costs.lines import Metered

WEEKS_FROM_DAYS = 35
"""From five weeks on, weeks are drawn and not days: a week holds its own quiet days."""


class Row(NamedTuple):
    """Sums over one user, or over one day or week."""

    user_days: float
    """Days on which somebody might have asked."""
    active_days: float
    """Days on which somebody did, counted for each user."""
    requests: float
    priced: float
    """Requests whose cost is known."""
    cost_nano: float


@dataclass(frozen=True, slots=True)
class Sample:
    """Traffic of whole days, summed two ways."""

    users: tuple[Row, ...]
    blocks: tuple[Row, ...]
    """Days or weeks from the first to the last, quiet ones included."""
    days: int
    block_days: int
    """1 or 7; the last block may be shorter."""
    digest: Digest
    """Of every cell that went in."""

    @property
    def whole(self) -> Row:
        """Sums over everything."""
        return Row(*(sum(column) for column in zip(*self.blocks, strict=True)))


@dataclass(slots=True)
class _Cell:
    requests: int = 0
    priced: int = 0
    cost_nano: int = 0


@dataclass(slots=True)
class Traffic:
    """Adds exchanges up as they are read: one cell for each user and day, however many requests."""

    _cells: dict[tuple[str, str], _Cell] = field(default_factory=dict)

    def add(self, exchange: Metered) -> None:
        cell = self._cells.setdefault((exchange.user, exchange.day), _Cell())
        cell.requests += 1
        if exchange.cost_nano is not None:
            cell.priced += 1
            cell.cost_nano += exchange.cost_nano

    def days(self) -> tuple[str, ...]:
        """Days with any request, in order."""
        return tuple(sorted({day for _, day in self._cells}))

    def without(self, day: str) -> "Traffic":
        """The same without a day that is not over yet."""
        return Traffic({key: cell for key, cell in self._cells.items() if key[1] != day})

    def sample(self) -> Sample:
        """What was seen, by user and by block of days; empty when nothing was."""
        days = self.days()
        if not days:
            return Sample((), (), 0, 1, digest_of([]))
        first, last = date.fromisoformat(days[0]), date.fromisoformat(days[-1])
        span = (last - first).days + 1
        block_days = 7 if span >= WEEKS_FROM_DAYS else 1
        users = sorted({user for user, _ in self._cells})
        return Sample(
            users=self._by_user(users, span),
            blocks=self._by_block(first, span, block_days, people=len(users)),
            days=span,
            block_days=block_days,
            digest=digest_of(
                [
                    (*key, cell.requests, cell.priced, cell.cost_nano)
                    for key, cell in sorted(self._cells.items())
                ]
            ),
        )

    def _by_user(self, users: Sequence[str], span: int) -> tuple[Row, ...]:
        seen: dict[str, list[_Cell]] = {user: [] for user in users}
        for (user, _), cell in self._cells.items():
            seen[user].append(cell)
        return tuple(_row(span, cells) for cells in seen.values())

    def _by_block(self, first: date, span: int, block_days: int, *, people: int) -> tuple[Row, ...]:
        starts = range(0, span, block_days)
        seen: list[list[_Cell]] = [[] for _ in starts]
        block_of = {
            day: (date.fromisoformat(day) - first).days // block_days for day in self.days()
        }
        for (_, day), cell in self._cells.items():
            seen[block_of[day]].append(cell)
        return tuple(
            _row(people * min(block_days, span - start), cells)
            for start, cells in zip(starts, seen, strict=True)
        )


def _row(user_days: int, cells: Sequence[_Cell]) -> Row:
    return Row(
        user_days,
        len(cells),
        sum(cell.requests for cell in cells),
        sum(cell.priced for cell in cells),
        sum(cell.cost_nano for cell in cells),
    )
