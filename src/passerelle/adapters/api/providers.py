"""Providers, how their targets stand, and what they answer now."""

import msgspec

from passerelle.adapters.api.parts import ApiParts
from passerelle.adapters.api.routes import read
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.routing.health import Circuit, TargetHealth


class TargetView(msgspec.Struct, frozen=True, kw_only=True):
    """One model of a provider, and how it stands in this process."""

    model: str
    circuit: Circuit
    calls: int
    failures: int
    latency_ms: float
    last_failure: str
    rests_seconds: float
    routes: list[str]
    """Use cases and stages that may ask it, such as `handbook@poc`."""


class ProviderView(msgspec.Struct, frozen=True, kw_only=True):
    """One provider of the settings. Its key is never shown."""

    name: str
    kind: str
    address: str
    """Host and port; empty for a provider that runs here."""
    has_key: bool
    direct: bool
    """Its models may be asked for as `provider/model`."""
    models: list[str]
    """Those that the settings list."""
    targets: list[TargetView]


class TrafficView(msgspec.Struct, frozen=True, kw_only=True):
    """One minute of one use case and model."""

    minute_ms: int
    usecase: str
    stage: str
    provider: str
    model: str
    exchanges: int
    refused: int
    failed: int
    blocked: int
    tokens: int
    cost_nano_usd: int
    p50_ms: float
    p99_ms: float


async def list_providers(_: Granted, parts: ApiParts) -> list[ProviderView]:
    """Providers by name, with the health of each target that a route names or somebody asked."""
    return [
        ProviderView(
            name=each.name,
            kind=each.kind,
            address=each.address,
            has_key=each.has_key,
            direct=each.direct,
            models=list(each.models),
            targets=[_target(health, routes) for health, routes in each.targets],
        )
        for each in parts.providers()
    ]


async def show_traffic(_: Granted, parts: ApiParts) -> list[TrafficView]:
    """The last hour by minute, oldest first; minutes without an exchange are left out."""
    return msgspec.convert(parts.traffic(), list[TrafficView], from_attributes=True)


def _target(health: TargetHealth, routes: tuple[str, ...]) -> TargetView:
    return TargetView(
        model=health.target.model,
        circuit=health.circuit,
        calls=health.calls,
        failures=health.failures,
        latency_ms=health.latency_ms,
        last_failure=health.last_failure,
        rests_seconds=health.rests_seconds,
        routes=list(routes),
    )


ROUTES = (
    read("/providers", Permission.METRICS_READ, list_providers),
    read("/traffic", Permission.METRICS_READ, show_traffic),
)
