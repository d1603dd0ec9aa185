"""How far a run is, drawn on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from passerelle.cli.output import errors
from passerelle.domain.jobs.progress import Progress as Step
from passerelle.domain.jobs.progress import Report


@contextmanager
def bar_of(*, draw: bool) -> Iterator[Progress]:
    """A bar that vanishes at the end; tasks have a field `item`."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[item]}"),
        console=errors(),
        transient=True,
        disable=not draw,
    ) as bar:
        yield bar


@contextmanager
def drawn(title: str, *, draw: bool) -> Iterator[Report]:
    """One bar for one run."""
    with bar_of(draw=draw) as bar:
        task = bar.add_task(title, total=None, item="")

        def show(step: Step) -> None:
            bar.update(task, completed=step.done, total=step.total, item=step.item)

        yield show
