"""Counters, gauges and histograms in Prometheus' text format.

Source: Prometheus, text-based exposition format 0.0.4.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from operator import add
from typing import Final, TypeVar

Labels = tuple[str, ...]
Row = tuple[int | float, ...]
"""The numbers of one series; those of several processes add up."""
Rows = Mapping[Labels, Row]
Reading = Mapping[str, Sequence[tuple[Labels, Row]]]
"""The rows of every metric by name, as another process can tell them."""

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_MOST_SERIES: Final = 1_000
"""Beyond this, new label values share one series: a label must not become a memory leak."""
_OTHER: Final = "other"


class _Series(ABC):
    """What the kinds of metric share: a name, label names and one value per label values."""

    kind = "untyped"

    def __init__(self, name: str, meaning: str, labels: Labels = ()) -> None:
        self.name = name
        self.meaning = meaning
        self.labels = labels

    def head(self) -> list[str]:
        return [f"# HELP {self.name} {self.meaning}", f"# TYPE {self.name} {self.kind}"]

    @abstractmethod
    def rows(self) -> Rows:
        """What has been counted."""

    @abstractmethod
    def lines(self, rows: Rows) -> list[str]:
        """In the text format, by label values."""


class Counter(_Series):
    """Only grows; its name ends in `_total`."""

    kind = "counter"

    def __init__(self, name: str, meaning: str, labels: Labels = ()) -> None:
        super().__init__(name, meaning, labels)
        self._values: dict[Labels, int | float] = {} if labels else {(): 0}

    def add(self, amount: float = 1, labels: Labels = ()) -> None:
        values = self._values
        known = values.get(labels)
        if known is None:
            if len(values) >= _MOST_SERIES:
                labels = (_OTHER,) * len(labels)
            known = values.get(labels, 0)
        values[labels] = known + amount

    def rows(self) -> Rows:
        return {labels: (value,) for labels, value in self._values.items()}

    def lines(self, rows: Rows) -> list[str]:
        return [
            f"{self.name}{_braces(self.labels, labels)} {value}"
            for labels, (value,) in sorted(rows.items())
        ]


class Gauge(_Series):
    """Goes up and down; read when somebody asks."""

    kind = "gauge"

    def __init__(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        super().__init__(name, meaning)
        self._read = read

    def rows(self) -> Rows:
        return {(): (self._read(),)}

    def lines(self, rows: Rows) -> list[str]:
        return [f"{self.name} {value}" for (value,) in rows.values()]


class Histogram(_Series):
    """Counts by upper bound, inclusive; the last bucket takes everything."""

    kind = "histogram"

    def __init__(
        self, name: str, meaning: str, labels: Labels = (), *, bounds: Sequence[float] = SECONDS
    ) -> None:
        super().__init__(name, meaning, labels)
        self._bounds = tuple(bounds)
        self._rows: dict[Labels, tuple[list[int], list[float]]] = {}

    def observe(self, value: float, labels: Labels = ()) -> None:
        row = self._rows.get(labels)
        if row is None:
            if len(self._rows) >= _MOST_SERIES:
                labels = (_OTHER,) * len(labels)
            row = self._rows.setdefault(labels, ([0] * (len(self._bounds) + 1), [0.0]))
        counts, total = row
        counts[bisect_left(self._bounds, value)] += 1
        total[0] += value

    def rows(self) -> Rows:
        return {labels: (*counts, *total) for labels, (counts, total) in self._rows.items()}

    def lines(self, rows: Rows) -> list[str]:
        lines: list[str] = []
        for labels, (*counts, total) in sorted(rows.items()):
            reached: float = 0
            for bound, count in zip((*self._bounds, "+Inf"), counts, strict=True):
                reached += count
                braces = _braces((*self.labels, "le"), (*labels, str(bound)))
                lines.append(f"{self.name}_bucket{braces} {reached}")
            braces = _braces(self.labels, labels)
            lines.append(f"{self.name}_sum{braces} {total}")
            lines.append(f"{self.name}_count{braces} {reached}")
        return lines


_Kind = TypeVar("_Kind", bound=_Series)


class Registry:
    """All metrics of the process, in the order in which they were added."""

    def __init__(self) -> None:
        self._series: dict[str, _Series] = {}

    def counter(self, name: str, meaning: str, labels: Labels = ()) -> Counter:
        return self._keep(Counter(name, meaning, labels))

    def gauge(self, name: str, meaning: str, read: Callable[[], float]) -> Gauge:
        return self._keep(Gauge(name, meaning, read))

    def histogram(
        self, name: str, meaning: str, labels: Labels = (), *, bounds: Sequence[float] = SECONDS
    ) -> Histogram:
        return self._keep(Histogram(name, meaning, labels, bounds=bounds))

    def _keep(self, series: _Kind) -> _Kind:
        if series.name in self._series:
            message = f"there are two metrics named {series.name}"
            raise ValueError(message)
        self._series[series.name] = series
        return series

    def reading(self) -> Reading:
        """For another process to add to its own."""
        return {name: list(series.rows().items()) for name, series in self._series.items()}

    def exposition(self, others: Sequence[Reading] = ()) -> bytes:
        """In the text format; `others` are added."""
        lines: list[str] = []
        for name, series in self._series.items():
            rows = dict(series.rows())
            for labels, row in (pair for other in others for pair in other.get(name, ())):
                own = rows.get(labels)
                if own is None or len(own) != len(row):
                    own = (0,) * len(row)
                rows[labels] = tuple(map(add, own, row))
            lines += series.head()
            lines += series.lines(rows)
        return ("\n".join(lines) + "\n").encode()


def _braces(names: Labels, values: Labels) -> str:
    if not names:
        return ""
    pairs = (f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return "{" + ",".join(pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
