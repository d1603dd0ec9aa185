"""How far a run is, told step by step."""

import pytest

from passerelle.core.values.clock import SetClock
from passerelle.domain.jobs.progress import Progress, Tally


def test_every_start_and_the_end_are_told(clock: SetClock) -> None:
    told: list[Progress] = []
    tally = Tally(2, clock, told.append)
    tally.starting("a")
    clock.advance(seconds=2)
    tally.finished()
    tally.starting("b")
    clock.advance(seconds=2)
    tally.finished()
    assert [(step.done, step.item, step.elapsed_seconds) for step in told] == [
        (0, "a", 0.0),
        (1, "b", 2.0),
        (2, "", 4.0),
    ]
    assert told[1].per_second == pytest.approx(0.5)
    assert told[1].remaining_seconds == pytest.approx(2.0)


def test_before_the_first_is_done_nothing_is_foretold() -> None:
    step = Progress(0, 5, "a", 0.0)
    assert step.per_second == 0.0
    assert step.remaining_seconds is None
