"""What the gateway and the serving story tell, turned into metrics and one log line."""

import logging

from passerelle.adapters.telemetry.metrics import Registry
from passerelle.stories.serve.observe import Observation

_NS = 1_000_000_000
_SERVER_ERRORS = 500
_log = logging.getLogger("passerelle.requests")


class TrafficMetrics:
    """HTTP requests as the gateway sees them. `log_requests` writes a line for each."""

    def __init__(self, registry: Registry, *, log_requests: bool = False) -> None:
        labels = ("endpoint", "method", "status")
        self._requests = registry.counter(
            "passerelle_requests_total", "HTTP requests by endpoint, method and status.", labels
        )
        self._refused = registry.counter(
            "passerelle_requests_refused_total",
            "HTTP requests that were refused, by code.",
            ("code",),
        )
        self._seconds = registry.histogram(
            "passerelle_request_duration_seconds",
            "From the end of the headers to the last byte, the provider's time included.",
            ("endpoint",),
        )
        self._log_requests = log_requests

    def request_ended(
        self,
        *,
        endpoint: str,
        method: str,
        status: int,
        code: str,
        duration_ns: int,
        request_id: str,
        exchange_id: str,
    ) -> None:
        method = method if method in _METHODS else "other"
        self._requests.add(1, (endpoint, method, str(status)))
        self._seconds.observe(duration_ns / _NS, (endpoint,))
        if code:
            self._refused.add(1, (code,))
        if self._log_requests or status >= _SERVER_ERRORS:
            level = logging.ERROR if status >= _SERVER_ERRORS else logging.INFO
            _log.log(
                level,
                "request ended",
                extra={
                    "endpoint": endpoint,
                    "method": method,
                    "status": status,
                    "code": code,
                    "duration_ms": duration_ns / 1_000_000,
                    "request_id": request_id,
                    "exchange_id": exchange_id,
                },
            )


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class ServingMetrics:
    """Exchanges as the serving story sees them. Implements its `Observer`."""

    def __init__(self, registry: Registry) -> None:
        where = ("usecase", "stage")
        self._exchanges = registry.counter(
            "passerelle_exchanges_total",
            "Ended exchanges by use case, stage, HTTP status and grounding.",
            (*where, "status", "grounding"),
        )
        self._blocked = registry.counter(
            "passerelle_exchanges_blocked_total", "Exchanges that a guard blocked.", where
        )
        self._tokens = registry.counter(
            "passerelle_tokens_total",
            "Tokens by class; input and output are totals.",
            (*where, "class"),
        )
        self._cost = registry.counter(
            "passerelle_cost_nano_usd_total", "Cost of exchanges whose price is known.", where
        )
        self._unpriced = registry.counter(
            "passerelle_exchanges_unpriced_total", "Exchanges whose price is not known.", where
        )
        self._overhead = registry.histogram(
            "passerelle_overhead_seconds", "Time spent by us: without the provider's.", where
        )
        self._upstream = registry.histogram(
            "passerelle_upstream_seconds", "Time spent waiting for the provider.", where
        )
        self._alerts = registry.counter(
            "passerelle_budget_alerts_total", "Shares of limits that were reached.", ("share",)
        )
        self._strangers = registry.counter(
            "passerelle_callers_refused_total", "Callers that could not be identified.", ("code",)
        )

    def exchange_ended(self, observation: Observation) -> None:
        where = (observation.usecase, observation.stage)
        self._exchanges.add(1, (*where, str(observation.status), observation.support))
        self._tokens.add(observation.usage.input_tokens, (*where, "input"))
        self._tokens.add(observation.usage.output_tokens, (*where, "output"))
        if observation.blocked:
            self._blocked.add(1, where)
        if observation.cost_nano_usd is None:
            self._unpriced.add(1, where)
        else:
            self._cost.add(observation.cost_nano_usd, where)
        own_ns = max(0, observation.duration_ns - observation.upstream_ns)
        self._overhead.observe(own_ns / _NS, where)
        self._upstream.observe(observation.upstream_ns / _NS, where)

    def budget_alert(self, name: str, share: float) -> None:
        self._alerts.add(1, (f"{share:g}",))
        _log.warning(
            "a budget has reached a share of its limit", extra={"account": name, "share": share}
        )

    def caller_refused(self, code: str) -> None:
        self._strangers.add(1, (code,))
