"""Metrics in Prometheus' format, and logs that tell nothing they should not."""

import io
import json
import logging
from collections.abc import Generator

import pytest

from passerelle.adapters.telemetry.logs import start_logging, without_secrets
from passerelle.adapters.telemetry.metrics import Registry
from passerelle.adapters.telemetry.observers import ServingMetrics, TrafficMetrics
from passerelle.core.values.chat import Usage
from passerelle.core.values.verdicts import Support
from passerelle.stories.serve.observe import Observation


def lines(registry: Registry) -> list[str]:
    return registry.exposition().decode().splitlines()


def test_counters_are_written_with_their_labels_escaped() -> None:
    registry = Registry()
    counter = registry.counter("a_total", "Things.", ("kind",))
    counter.add(2, ('a"b\\c\nd',))
    counter.add(1, ('a"b\\c\nd',))
    assert lines(registry) == [
        "# HELP a_total Things.",
        "# TYPE a_total counter",
        r'a_total{kind="a\"b\\c\nd"} 3',
    ]


def test_counter_without_labels_starts_at_zero() -> None:
    registry = Registry()
    registry.counter("a_total", "Things.")
    assert "a_total 0" in lines(registry)


def test_histogram_buckets_are_cumulative_and_take_their_bound() -> None:
    registry = Registry()
    histogram = registry.histogram("t_seconds", "Time.", bounds=(1, 2.5))
    for value in (0.5, 1, 2, 9):
        histogram.observe(value)
    assert lines(registry)[2:] == [
        't_seconds_bucket{le="1"} 2',
        't_seconds_bucket{le="2.5"} 3',
        't_seconds_bucket{le="+Inf"} 4',
        "t_seconds_sum 12.5",
        "t_seconds_count 4",
    ]


def test_gauge_is_read_when_asked() -> None:
    registry = Registry()
    value = 1.0
    registry.gauge("open", "Open.", lambda: value)
    value = 7.0
    assert "open 7.0" in lines(registry)


def test_two_metrics_cannot_share_a_name() -> None:
    registry = Registry()
    registry.counter("a_total", "Things.")
    with pytest.raises(ValueError, match="a_total"):
        registry.histogram("a_total", "Other things.")


def test_labels_cannot_grow_without_end() -> None:
    registry = Registry()
    counter = registry.counter("a_total", "Things.", ("kind",))
    histogram = registry.histogram("b_seconds", "Time.", ("kind",), bounds=(1,))
    for number in range(5_000):
        counter.add(1, (str(number),))
        histogram.observe(1, (str(number),))
    written = lines(registry)
    assert len(written) < 6_000
    assert 'a_total{kind="other"} 4000' in written


def test_exchanges_are_counted_with_tokens_cost_and_own_time() -> None:
    registry = Registry()
    metrics = ServingMetrics(registry)
    for cost, blocked in ((250, False), (None, True)):
        metrics.exchange_ended(
            Observation(
                usecase="handbook",
                stage="poc",
                status=200,
                code="",
                duration_ns=5_000_000,
                upstream_ns=3_000_000,
                usage=Usage(10, 4),
                cost_nano_usd=cost,
                support=Support.SUPPORTED,
                blocked=blocked,
            )
        )
    metrics.caller_refused("invalid_api_key")
    written = lines(registry)
    where = 'usecase="handbook",stage="poc"'
    assert f'passerelle_exchanges_total{{{where},status="200",grounding="supported"}} 2' in written
    assert f'passerelle_tokens_total{{{where},class="input"}} 20' in written
    assert f"passerelle_cost_nano_usd_total{{{where}}} 250" in written
    assert f"passerelle_exchanges_unpriced_total{{{where}}} 1" in written
    assert f"passerelle_exchanges_blocked_total{{{where}}} 1" in written
    assert f"passerelle_overhead_seconds_sum{{{where}}} 0.004" in written
    assert 'passerelle_callers_refused_total{code="invalid_api_key"} 1' in written


@pytest.fixture
def log() -> Generator[io.StringIO, None, None]:
    stream = io.StringIO()
    logger = logging.getLogger("passerelle")
    before = (logger.handlers, logger.level, logger.propagate)
    start_logging(stream=stream)
    yield stream
    logger.handlers, logger.level, logger.propagate = before[0], before[1], before[2]


def test_log_lines_are_json_with_ids_and_known_fields_only(log: io.StringIO) -> None:
    logging.getLogger("passerelle.gateway").warning(
        "held back",
        extra={"request_id": "req_1", "exchange_id": "", "question": "my secret", "count": 3},
    )
    line = json.loads(log.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "passerelle.gateway",
        "message": "held back",
        "request_id": "req_1",
        "count": 3,
    }


def test_exceptions_are_logged_by_type_and_place_without_their_message(log: io.StringIO) -> None:
    def fails() -> None:
        raise ValueError("the customer said: my card is 4111")

    try:
        fails()
    except ValueError:
        logging.getLogger("passerelle.gateway").exception("unexpected error")
    line = json.loads(log.getvalue())
    assert line["error"] == "ValueError"
    assert line["trace"][-1].endswith(" fails")
    assert "4111" not in log.getvalue()


@pytest.mark.parametrize(
    "secret",
    [
        "sk-live-ABCDEFGH-0123456789abcdefghijklmnopqrstuv-AAAAAA",
        "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x",
        "https://user:password@host/path",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_0123456789abcdefghijABCDEFGHIJ",
    ],
)
def test_secrets_that_slip_into_a_message_are_masked(secret: str) -> None:
    masked = without_secrets(f"connecting with {secret} now")
    assert masked.startswith("connecting with ")
    assert not any(part in masked for part in ("0123456789", "password", "IOSFODNN", "eyJ"))


def test_every_server_error_is_logged_and_other_requests_only_on_demand(log: io.StringIO) -> None:
    quiet, loud = TrafficMetrics(Registry()), TrafficMetrics(Registry(), log_requests=True)
    for metrics, status in ((quiet, 200), (quiet, 502), (loud, 404)):
        metrics.request_ended(
            endpoint="/v1/models",
            method="BREW",
            status=status,
            code="x",
            duration_ns=1_500_000,
            request_id="req_1",
            exchange_id="exc_1",
        )
    written = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["status"], line["level"]) for line in written] == [(502, "error"), (404, "info")]
    assert written[0]["duration_ms"] == 1.5
    assert written[0]["method"] == "other"
