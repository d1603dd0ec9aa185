"""Figures as SVG: estimates as dots on their intervals. Colours come from the page around them."""

import math
from html import escape

from passerelle.core.reports.report import Figure, Mark, Unit, number_text, quantity_text

WIDTH = 760
_LABEL = 210
_RIGHT = 36
_ROW = 30
_TOP = 12
_AXIS = 34
_LONGEST_LABEL = 30
_STEPS = (1, 2, 2.5, 5, 10)
_TICKS = 5


def interval_plot(figure: Figure) -> str:
    """An `<svg>` element: a row for each mark, in its order; a baseline is a hollow diamond.

    What it shows must also stand in a table: a figure has no numbers to copy. The
    classes `interval`, `dot`, `baseline`, `grid`, `zero` and `label` are the page's to style.
    """
    axis = _Axis(figure)
    height = _TOP + _ROW * len(figure.marks) + _AXIS
    bottom = height - _AXIS
    opening = (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(figure.title)}"'
        ' xmlns="http://www.w3.org/2000/svg">'
    )
    parts = [opening]
    for tick in axis.ticks:
        x, kind = axis.x(tick), "zero" if tick == 0 else "grid"
        text = _tick_text(tick, figure.unit)
        parts += [
            f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}"/>',
            f'<text class="label" x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{text}</text>',
        ]
    for place, mark in enumerate(figure.marks):
        parts.append(_row(mark, figure.unit, axis, _TOP + _ROW * place + _ROW / 2))
    return "".join((*parts, "</svg>"))


class _Axis:
    """From a value to its place."""

    def __init__(self, figure: Figure) -> None:
        numbers = [number for mark in figure.marks for number in _numbers(mark)]
        low, high = min(numbers, default=0.0), max(numbers, default=1.0)
        if figure.unit is Unit.SHARE and low >= 0:
            low, high = 0.0, max(1.0, high)
        self.ticks = _ticks(min(low, 0.0), max(high, 0.0))
        self._low, self._high = self.ticks[0], self.ticks[-1]

    def x(self, number: float) -> float:
        share = (number - self._low) / (self._high - self._low)
        return _LABEL + share * (WIDTH - _LABEL - _RIGHT)


def _numbers(mark: Mark) -> list[float]:
    shown = [mark.estimate.value, mark.estimate.low, mark.estimate.high]
    if mark.baseline is not None:
        shown.append(mark.baseline.value)
    return [number for number in shown if math.isfinite(number)]


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers that enclose both, about five steps apart."""
    rough = (high - low or 1.0) / _TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * each for each in _STEPS if size * each >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{step * place:.12g}") for place in range(first, max(last, first + 1) + 1)]


def _tick_text(tick: float, unit: Unit) -> str:
    match unit:
        case Unit.SHARE:
            return f"{100 * tick:g} %"
        case Unit.NANO_USD:
            return f"{tick / 1_000_000_000:g} USD"
        case Unit.MILLISECONDS:
            return f"{tick:g} ms"
        case Unit.SCORE:
            return f"{tick:g}"


def _row(mark: Mark, unit: Unit, axis: _Axis, y: float) -> str:
    label = mark.label
    if len(label) > _LONGEST_LABEL:
        label = f"{label[: _LONGEST_LABEL - 1]}…"
    told, place = quantity_text(mark.estimate, unit), f'x="{_LABEL - 14}" y="{y + 4:.1f}"'
    parts = [
        f"<g><title>{escape(f'{mark.label}: {told}')}</title>",
        f'<text class="label" {place} text-anchor="end">{escape(label)}</text>',
    ]
    estimate, baseline = mark.estimate, mark.baseline
    if math.isfinite(estimate.low) and math.isfinite(estimate.high):
        parts.append(
            f'<line class="interval" x1="{axis.x(estimate.low):.1f}"'
            f' x2="{axis.x(estimate.high):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
    if baseline is not None and math.isfinite(baseline.value):
        x, told = axis.x(baseline.value), number_text(baseline.value, unit)
        parts.append(
            f'<path class="baseline" d="M{x - 5:.1f} {y:.1f}l5-5 5 5-5 5z"><title>'
            f"{escape(f'baseline {told}, n = {baseline.n:,}')}</title></path>"
        )
    if math.isfinite(estimate.value):
        parts.append(f'<circle class="dot" cx="{axis.x(estimate.value):.1f}" cy="{y:.1f}" r="5"/>')
    return "".join((*parts, "</g>"))
