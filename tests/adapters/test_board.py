"""Any worker answers for all of them."""

from pathlib import Path

from passerelle.adapters.telemetry.board import Board, Told, left
from passerelle.adapters.telemetry.metrics import Registry
from passerelle.adapters.telemetry.observers import ServingMetrics
from passerelle.adapters.telemetry.recent import RecentTraffic
from passerelle.core.values.chat import Usage
from passerelle.core.values.clock import SetClock
from passerelle.core.values.verdicts import Support
from passerelle.domain.routing.health import Circuit, Health, TargetHealth, together
from passerelle.domain.routing.plans import Target
from passerelle.stories.serve.observe import Observation

TARGET = Target("mistral", "small")


def exchange(*, tokens: int = 10) -> Observation:
    return Observation(
        usecase="handbook",
        stage="poc",
        status=200,
        code="",
        duration_ns=5_000_000,
        upstream_ns=0,
        usage=Usage(tokens, 0),
        cost_nano_usd=None,
        support=Support.SUPPORTED,
        blocked=False,
    )


class Worker:
    def __init__(self, folder: Path, name: str, clock: SetClock) -> None:
        self.registry = Registry()
        self.asked = self.registry.counter("asked_total", "Asked.", ("model",))
        self.seconds = self.registry.histogram("t_seconds", "Time.", bounds=(1, 2))
        self.recent = RecentTraffic(clock, ServingMetrics(Registry()))
        self.health = Health()
        self.board = Board(folder, name)
        self.clock = clock

    def tell(self) -> None:
        health = [self.health.standing(each, 0) for each in self.health.known]
        self.board.tell(Told(self.registry.reading(), self.recent.counted(), health))


def two(folder: Path) -> tuple[Worker, Worker]:
    clock = SetClock()
    return Worker(folder, "1-10", clock), Worker(folder, "2-11", clock)


def test_counters_and_histograms_of_the_others_are_added(tmp_path: Path) -> None:
    one, other = two(tmp_path)
    one.asked.add(2, ("a",))
    other.asked.add(3, ("a",))
    other.asked.add(1, ("b",))
    for worker, value in ((one, 0.5), (other, 0.5), (other, 9.0)):
        worker.seconds.observe(value)
    for worker in (one, other):
        worker.tell()
    for worker in (one, other):
        others = [told.metrics for told in worker.board.others()]
        written = worker.registry.exposition(others).decode().splitlines()
        assert 'asked_total{model="a"} 5' in written
        assert 'asked_total{model="b"} 1' in written
        assert 't_seconds_bucket{le="1"} 2' in written
        assert "t_seconds_count 3" in written
        assert "t_seconds_sum 10.0" in written


def test_minutes_of_the_others_are_added(tmp_path: Path) -> None:
    one, other = two(tmp_path)
    one.recent.exchange_ended(exchange(tokens=10))
    for _ in range(2):
        other.recent.exchange_ended(exchange(tokens=20))
    other.tell()
    others = [each for told in one.board.others() for each in told.minutes]
    (minute,) = one.recent.minutes(others)
    assert (minute.exchanges, minute.tokens) == (3, 50)
    (alone,) = one.recent.minutes()
    assert alone.exchanges == 1


def test_worker_that_has_ended_still_counts_and_no_longer_says_how_providers_stand(
    tmp_path: Path,
) -> None:
    one, other = two(tmp_path)
    other.asked.add(3, ("a",))
    other.health.failed(TARGET, "timeout", 0)
    other.tell()
    assert [told.health[0].failures for told in one.board.others()] == [1]
    left(tmp_path, "2-11")
    (told,) = one.board.others()
    assert told.metrics["asked_total"] == [(("a",), (3,))]
    assert told.health == []


def test_worker_that_never_told_anything_can_end(tmp_path: Path) -> None:
    left(tmp_path, "3-12")
    assert two(tmp_path)[0].board.others() == []


def test_target_stands_as_the_worker_sees_it_that_fares_worst() -> None:
    def seen(circuit: Circuit, **others: object) -> TargetHealth:
        usual: dict[str, object] = {
            "calls": 10,
            "failures": 0,
            "latency_ms": 100.0,
            "last_failure": "",
            "rests_seconds": 0.0,
        }
        return TargetHealth(TARGET, circuit, **(usual | others))  # type: ignore[arg-type]

    good = seen(Circuit.CLOSED)
    bad = seen(
        Circuit.OPEN, failures=5, latency_ms=400.0, last_failure="timeout", rests_seconds=2.0
    )
    assert together([good]) == good
    assert together([good, bad]) == TargetHealth(TARGET, Circuit.OPEN, 20, 5, 200.0, "timeout", 2.0)
